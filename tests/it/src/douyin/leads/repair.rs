//! An operator repairs tables of leads that do not agree: whatever is broken is found, and written as it was.

use anyhow::{Context, Result, ensure};
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use kernel::dynamo::{n, s};
use sandbox::SandboxConfig;
use serde_json::json;

use super::merges::{merge, stores};
use crate::bad_input::USER;
use crate::tables::Row;
use crate::{Event, World, lead_tables};

/// Leads of every kind: new, worked, with notes and owners, merged, and erased.
async fn scene() -> Result<World> {
    let world = World::around(SandboxConfig { seed: Some(41), ..SandboxConfig::default() }).await?;
    let shop = world.douyin_account("shop", 40);
    world.authorize(USER, "shop").await?;
    world.sync(USER, &shop, "INCREMENTAL").await?;
    for (lead, body) in [
        (3, json!({"status": "CONTACTED", "notes": "周五回访", "ownerId": "staff-1"})),
        (4, json!({"status": "CONTACTED"})),
        (4, json!({"status": "CONVERTED", "notes": "已成交"})),
        (35, json!({"ownerId": "staff-2"})),
    ] {
        let event = Event::sample("douyin-lead-update")?.path("leadId", &lead.to_string());
        ensure!(world.call_as(USER, event.json(&body)).await?.status == 200);
    }
    merge(&stores(&world, None)?, 5, 9).await?;
    let erasure = Event::sample("douyin-lead-erase")?.path("leadId", "12");
    ensure!(world.call_as(USER, erasure).await?.status == 200);
    lead_tables::check(&world).await?;
    Ok(world)
}

/// All rows of leads without the versions that a repair moves on, and without the attributes of sets that nobody is in.
async fn rows(world: &World) -> Result<Vec<Row>> {
    let mut all = Vec::new();
    for table in ["t_douyin_lead", "t_lead_identity", "t_douyin_lead_index"] {
        all.extend(world.rows(table).await?);
    }
    for row in &mut all {
        if row.contains_key("ids") || row.get("entry").is_some_and(|entry| entry == "counter") {
            row.remove("version");
        }
        // When old leads are looked at next: a row that is written anew is due at once.
        ["round_time", "retention_due"].iter().for_each(|name| drop(row.remove(*name)));
        row.retain(|name, value| !(name == "erased_fans" || name == "merged_leads") || value != "0");
    }
    all.retain(|row| row.get("ids").is_none_or(|ids| ids.bytes().any(|digit| digit != b'0')));
    all.sort();
    Ok(all)
}

/// Something that a mistake of ours could do to the tables.
#[derive(Debug, Clone)]
enum Damage {
    /// An entry of the index is gone.
    Lost(&'static str),
    /// An attribute of an entry is another one; `None`: gone.
    Wrong(&'static str, &'static str, Option<AttributeValue>),
    /// The identity of a lead is gone, or another lead's.
    Identity(u64, Option<u64>),
    /// Somebody who is no lead has an identity.
    Stranger,
}

async fn damage(world: &World, damage: &Damage) -> Result<()> {
    let aws = &world.aws.dynamodb;
    let (index, identities) = (world.table("t_douyin_lead_index"), world.table("t_lead_identity"));
    match damage {
        Damage::Lost(entry) => {
            aws.delete_item().table_name(index).key("user_id", n(USER)).key("entry", s(*entry)).send().await?;
        }
        Damage::Wrong(entry, name, value) => {
            let update = aws.update_item().table_name(index).key("user_id", n(USER)).key("entry", s(*entry));
            let update = update.expression_attribute_names("#name", *name);
            let update = match value {
                Some(value) => {
                    update.update_expression("SET #name = :value").expression_attribute_values(":value", value.clone())
                }
                None => update.update_expression("REMOVE #name"),
            };
            update.send().await?;
        }
        Damage::Identity(lead, other) => {
            let rows = world.rows("t_lead_identity").await?;
            let row = rows.iter().find(|row| row["lead_id"] == lead.to_string()).context("no identity")?;
            let key = s(&row["identity"]);
            match other {
                None => aws.delete_item().table_name(identities).key("identity", key).send().await.map(|_| ())?,
                Some(other) => {
                    let update = aws.update_item().table_name(identities).key("identity", key);
                    let update = update.update_expression("SET lead_id = :other");
                    update.expression_attribute_values(":other", n(other)).send().await.map(|_| ())?;
                }
            }
        }
        Damage::Stranger => {
            let put = aws.put_item().table_name(identities).item("identity", s(format!("{USER}#DOUYIN_FAN#_000x")));
            put.item("user_id", n(USER)).item("lead_id", n(7)).send().await?;
        }
    }
    Ok(())
}

fn damages() -> Vec<Damage> {
    use Damage::{Identity, Lost, Stranger, Wrong};
    let bits = |bytes: &[u8]| Some(AttributeValue::B(Blob::new(bytes)));
    vec![
        Identity(6, None),
        Identity(7, Some(8)),
        Stranger,
        Lost("name#000000000001"),
        Wrong("name#000000000000", "4", None),
        Wrong("name#000000000000", "11", Some(s("0+|回来了"))),
        Wrong("name#000000000000", "2", Some(s("0-|别人"))),
        Lost("set#0000000#CONTACTED"),
        Wrong("set#0000000#CONVERTED", "ids", bits(&[0xff, 0x01])),
        Wrong("set#0000000#GONE", "ids", bits(&[])),
        Lost("owner#staff-1#0000000"),
        Wrong("owner#staff-2#0000000", "ids", bits(&[0x02])),
        Lost("tally"),
        Wrong("tally", "contacted", Some(n(70))),
        Lost("retention"),
        Lost("note#00000000000003"),
        Wrong("note#00000000000004", "text", Some(s("别的"))),
        Wrong("counter", "holes", None),
        Wrong("counter", "erased_fans", Some(n(0))),
        Wrong("counter", "merged_leads", Some(n(5))),
        Wrong("counter", "account_count", Some(n(9))),
        Lost("accounts"),
    ]
}

/// Repairs until there is nothing to be done; what was written.
async fn repair(world: &World) -> Result<Vec<String>> {
    let mut done = Vec::new();
    for _ in 0..5 {
        let repaired = lead_tables::read(world).await?.repair(&world.aws.dynamodb).await?;
        if repaired.done.is_empty() && repaired.moved.is_empty() {
            return Ok(done);
        }
        done.extend(repaired.done);
    }
    anyhow::bail!("there is always something to be repaired: {done:?}")
}

#[tokio::test]
async fn lead_tables_that_are_damaged_are_found_and_repaired_one_by_one_and_all_at_once() -> Result<()> {
    let world = scene().await?;
    let before = rows(&world).await?;
    assert_eq!(repair(&world).await?, [""; 0], "nothing is wrong");
    for one in damages() {
        damage(&world, &one).await?;
        ensure!(lead_tables::check(&world).await.is_err(), "{one:?} is not found");
        let done = repair(&world).await.with_context(|| format!("{one:?}"))?;
        ensure!(!done.is_empty(), "{one:?} is not repaired");
        lead_tables::check(&world).await.with_context(|| format!("{one:?} repaired by {done:?}"))?;
        assert_eq!(rows(&world).await?, before, "{one:?}");
    }
    for one in damages() {
        damage(&world, &one).await?;
    }
    repair(&world).await?;
    lead_tables::check(&world).await?;
    assert_eq!(rows(&world).await?, before);
    let listed = world.leads(USER, &[("size", "100")]).await?;
    assert_eq!(listed.data()["total"], 38);
    Ok(())
}

/// Whoever works on leads after they were read is not overwritten.
#[tokio::test]
async fn lead_tables_that_change_while_they_are_repaired_are_left_to_the_next_run() -> Result<()> {
    let world = scene().await?;
    for one in [Damage::Lost("set#0000000#CONTACTED"), Damage::Lost("note#00000000000003")] {
        damage(&world, &one).await?;
    }
    let read = lead_tables::read(&world).await?;
    let event =
        Event::sample("douyin-lead-update")?.path("leadId", "3").json(&json!({"status": "CONVERTED", "notes": "成交"}));
    ensure!(world.call_as(USER, event).await?.status == 200);
    let repaired = read.repair(&world.aws.dynamodb).await?;
    assert_eq!((repaired.done.len(), repaired.moved.len()), (0, 2), "{repaired:?}");
    repair(&world).await?;
    lead_tables::check(&world).await?;
    assert_eq!(world.leads(USER, &[("status", "CONVERTED")]).await?.data()["total"], 2);
    Ok(())
}

/// Times and histories cannot be made from anything else: they are told, and not invented.
#[tokio::test]
async fn lead_tables_whose_history_is_lost_are_told_and_left_as_they_are() -> Result<()> {
    let world = scene().await?;
    damage(&world, &Damage::Lost("edit#00000000000003#0000000001")).await?;
    assert_eq!(repair(&world).await?, [""; 0]);
    let told = format!("{:#}", lead_tables::check(&world).await.err().context("it is not found")?);
    assert!(told.contains("notes and changes"), "{told}");
    Ok(())
}

/// Nothing can be made of a row that lacks a column: it is told with its key, and all that its tenant has stays as it is.
#[tokio::test]
async fn lead_tables_with_a_row_that_lacks_a_column_are_told_by_it_and_left_as_they_are() -> Result<()> {
    const OTHER: u64 = USER + 1;
    let world = scene().await?;
    let branch = world.douyin_account("branch", 3);
    world.authorize(OTHER, "branch").await?;
    world.sync(OTHER, &branch, "INCREMENTAL").await?;
    let aws = &world.aws.dynamodb;
    let lacks = |update: UpdateItemFluentBuilder, column: &str| {
        update.update_expression("REMOVE #column").expression_attribute_names("#column", column).send()
    };
    let entry = |name: &str| {
        let update = aws.update_item().table_name(world.table("t_douyin_lead_index"));
        update.key("user_id", n(USER)).key("entry", s(name))
    };
    for (name, column) in [
        ("counter", "lead_count"),
        ("set#0000000#CONTACTED", "ids"),
        ("note#00000000000003", "text"),
        ("merge#00000000000009", "into"),
        ("edit#00000000000003#0000000001", "notes_changed"),
        ("retention", "deleted"),
    ] {
        lacks(entry(name), column).await?;
    }
    let lead = aws.update_item().table_name(world.table("t_douyin_lead"));
    lacks(lead.key("lead_bucket", s(format!("{USER}#0"))).key("lead_id", n(7)), "acquire_time").await?;
    let identity = world.rows("t_lead_identity").await?.remove(0)["identity"].clone();
    let row = aws.update_item().table_name(world.table("t_lead_identity")).key("identity", s(&identity));
    lacks(row, "user_id").await?;
    damage_of(&world, OTHER).await?;
    let before = rows(&world).await?;

    let told = format!("{:#}", lead_tables::check(&world).await.err().context("nothing is found")?);
    for part in [
        format!("{USER} counter of t_douyin_lead_index lacks lead_count"),
        "set#0000000#CONTACTED of t_douyin_lead_index lacks ids".to_owned(),
        "note#00000000000003 of t_douyin_lead_index lacks text".to_owned(),
        "merge#00000000000009 of t_douyin_lead_index lacks into".to_owned(),
        "edit#00000000000003#0000000001 of t_douyin_lead_index lacks notes_changed".to_owned(),
        "retention of t_douyin_lead_index lacks deleted".to_owned(),
        format!("{USER}#0 7 of t_douyin_lead lacks acquire_time"),
        format!("{identity} of t_lead_identity lacks user_id"),
    ] {
        assert!(told.contains(&part), "{part} is not in\n{told}");
    }
    let repaired = lead_tables::read(&world).await?.repair(aws).await?;
    assert_eq!((repaired.damaged.len(), repaired.done.len()), (8, 1), "{repaired:?}");
    let of_tenant = |rows: Vec<Row>| -> Vec<Row> {
        rows.into_iter().filter(|row| row.get("user_id") != Some(&OTHER.to_string())).collect()
    };
    assert_eq!(of_tenant(rows(&world).await?), of_tenant(before), "the other tenant alone is repaired");
    lead_tables::read(&world).await?.of(OTHER).check()
}

/// Takes the first segment of another tenant away.
async fn damage_of(world: &World, tenant: u64) -> Result<()> {
    let gone = world.aws.dynamodb.update_item().table_name(world.table("t_douyin_lead_index"));
    let gone = gone.key("user_id", n(tenant)).key("entry", s("name#000000000000"));
    gone.update_expression("REMOVE #slot").expression_attribute_names("#slot", "1").send().await?;
    Ok(())
}
