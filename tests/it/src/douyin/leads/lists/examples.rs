//! What a user expects of the search, word for word: the model above could share a mistake with the code, a reader of
//! these examples does not.

use anyhow::Result;
use sandbox::SandboxConfig;
use serde_json::json;

use super::Lists;
use super::history::USER;
use crate::{Event, World};

/// Sixty fans and the user's leads of them, the same every time: a nickname that contains an example's words by chance
/// would make it another example.
async fn leads() -> Result<World> {
    let world = World::around(SandboxConfig { seed: Some(7), ..SandboxConfig::default() }).await?;
    let shop = world.douyin_account("shop", 60);
    world.authorize(USER, "shop").await?;
    world.sync(USER, &shop, "INCREMENTAL").await?;
    Ok(world)
}

#[tokio::test]
async fn lead_list_keyword_finds_what_a_reader_would() -> Result<()> {
    let world = leads().await?;
    let notes = [
        (1, "想要ＶＩＰ卡，周五回访"),
        (33, "Zhang San 13800138000"),
        (40, "🌸花店老板🌸 喜欢红玫瑰"),
        (59, "ｶﾀｶﾅ、ＭＩＸ、Straße"),
        (60, "第一行\n第二行"),
    ];
    for (id, text) in notes {
        let edit = Event::sample("douyin-lead-update")?.path("leadId", &id.to_string()).json(&json!({ "notes": text }));
        assert_eq!(world.call_as(USER, edit).await?.status, 200);
    }
    for (keyword, finds) in [
        ("ＶＩＰ卡", &[1][..]),
        ("vip卡", &[1]),
        ("ViP", &[1]),
        ("卡，周五", &[1]),
        ("卡,周五", &[1]),
        ("周五回访", &[1]),
        ("  周五回访　", &[1]),
        ("zhang san", &[33]),
        ("ZHANG SAN 138", &[33]),
        ("１３８００１３８０００", &[33]),
        ("🌸花店", &[40]),
        ("板🌸 喜", &[40]),
        ("红玫瑰", &[40]),
        ("カタカナ", &[59]),
        ("mix", &[59]),
        ("STRASSE", &[59]),
        ("行\n第", &[60]),
        ("周五卡", &[]),
        ("zhangsan", &[]),
        ("v.p", &[]),
        ("v*p", &[]),
    ] {
        let page = world.leads(USER, &[("keyword", keyword), ("startTime", "2001-01-01T00:00:00Z")]).await?;
        let ids: Vec<u64> = page.data()["records"]
            .as_array()
            .unwrap()
            .iter()
            .map(|record| record["leadId"].as_u64().unwrap())
            .collect();
        assert_eq!((ids, &page.data()["total"]), (finds.to_vec(), &json!(finds.len())), "{keyword:?}");
    }
    // Notes that are gone are not found any more.
    let clear = Event::sample("douyin-lead-update")?.path("leadId", "1").json(&json!({ "notes": " " }));
    assert_eq!(world.call_as(USER, clear).await?.status, 200);
    assert_eq!(world.leads(USER, &[("keyword", "vip")]).await?.data()["total"], 0);
    Ok(())
}

#[tokio::test]
async fn lead_list_keyword_of_any_part_of_a_nickname_finds_the_fan() -> Result<()> {
    let world = leads().await?;
    let fans = world.sandbox.douyin().fans("shop").unwrap();
    let lists = Lists::of(&world).await?;
    let mut looked_for = 0;
    for fan in &fans {
        let nickname = fan.nickname.as_deref().unwrap_or_default().trim();
        if nickname.is_empty() {
            continue;
        }
        let half: String = nickname.chars().skip(nickname.chars().count() / 2).collect();
        for piece in [nickname, &half, &nickname.to_uppercase(), &nickname.to_lowercase()] {
            let page = lists.ask(&[("keyword", piece), ("size", "100")]).await?;
            let found = page.data()["records"].as_array().unwrap();
            let found = found.iter().any(|record| record["douyinUserId"] == *fan.open_id);
            assert!(found || half.starts_with(joins) && piece == half, "{nickname:?} is not found by {piece:?}");
        }
        looked_for += 1;
    }
    assert!(looked_for > 30);
    Ok(())
}

/// Whether a character is written as one with the one before it, so that no reader would begin a word with it.
fn joins(character: char) -> bool {
    matches!(character, '\u{300}'..='\u{36f}' | '\u{3099}' | '\u{309a}')
}
