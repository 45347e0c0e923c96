//! Companies that WeCom does not confirm, or that somebody else has.

use anyhow::{Result, ensure};
use sandbox::fault::Effect;
use sandbox::wecom::{AppSpec, MemberSpec, WecomEndpoint, WecomFault};
use serde_json::{Value, json};

use super::{BOUND, DOWN, REFUSED};
use crate::Event;
use crate::moments::bad_input::{Desk, STRANGER, merged};
use crate::snapshot::ExpectedError;

#[tokio::test]
async fn connecting_a_company_that_does_not_confirm_is_refused() -> Result<()> {
    let mut desk = Desk::open().await?;
    let silent = MemberSpec { has_contacts: false, ..MemberSpec::new("silent", "没有权限") };
    let hidden = MemberSpec { in_range: false, ..MemberSpec::new("hidden", "不可见") };
    let company = desk.company("花店", vec![MemberSpec::new("lily", "莉莉"), silent.clone(), hidden]);
    let empty = desk.company("空店", vec![silent]);
    let crowd = (0..91).map(|number| MemberSpec::new(format!("m{number}"), "成员")).collect();
    let crowded = desk.company("大店", crowd);
    let foreign = desk.company("别家", vec![MemberSpec::new("boss", "老板")]);
    let theirs = Event::sample("wechat-account-connect")?.json(&foreign);
    ensure!(desk.world.call_as(STRANGER, theirs).await?.status == 200);
    desk.settle().await?;

    let credentials = "企业微信应用凭证无效";
    for (what, body) in [
        ("a wrong secret", merged(company.clone(), json!({"secret": "not-the-secret"}))),
        ("another company's secret", merged(company.clone(), json!({"secret": foreign["secret"]}))),
        ("an unknown company", merged(company.clone(), json!({"corpId": "ww0000000000000000"}))),
    ] {
        desk.refuses_after_asking(what, &desk.connect(&body)?, &REFUSED, credentials).await?;
    }
    let member = "该成员没有客户联系权限，或不在应用可见范围内，请在企业微信后台检查";
    let cases: Vec<(&str, Value, &[&str], &str)> = vec![
        ("an unknown member", json!(["lily", "nobody"]), &["memberIds[1]"], member),
        ("one without customers", json!(["silent"]), &["memberIds[0]"], member),
        ("one out of sight", json!(["hidden", "lily"]), &["memberIds[0]"], member),
        ("somebody else's", json!(["boss"]), &["memberIds[0]"], member),
        ("an empty id", json!([""]), &["memberIds[0]"], member),
    ];
    for (what, ids, fields, remedy) in cases {
        let event = desk.connect(&merged(company.clone(), json!({"memberIds": ids})))?;
        desk.refuses_after_asking(what, &event, &ExpectedError::fields(fields), remedy).await?;
    }
    let nobody = ExpectedError::fields(&["memberIds"]);
    desk.refuses_after_asking("nobody who could", &desk.connect(&empty)?, &nobody, "一次请选择 1 到 90 名成员").await?;
    let choose = desk.connect(&crowded)?;
    desk.refuses_after_asking("more than can be connected at once", &choose, &nobody, "一次请选择 1 到 90 名成员")
        .await?;
    let bound = "已由其他存客宝用户连接";
    desk.refuses_after_asking("somebody else's company", &desk.connect(&foreign)?, &BOUND, bound).await?;
    // Nobody proves an agent id: another one must not make another company of it.
    let disguised = desk.connect(&merged(foreign, json!({"agentId": 7})))?;
    desk.refuses_after_asking("somebody else's company by another app", &disguised, &BOUND, bound).await?;

    let wecom = desk.world.sandbox.wecom();
    wecom.configure(|settings| settings.untrusted_ip = true);
    desk.refuses_after_asking("from an unknown address", &desk.connect(&company)?, &REFUSED, "可信 IP").await?;
    wecom.configure(|settings| settings.untrusted_ip = false);
    for (what, change, remedy) in [
        (
            "no permission",
            (|app: &mut AppSpec| app.contacts_permitted = false) as fn(&mut AppSpec),
            "没有客户朋友圈权限",
        ),
        ("switched off", |app| (app.contacts_permitted, app.enabled) = (true, false), credentials),
    ] {
        wecom.change_app("花店", change);
        desk.refuses_after_asking(what, &desk.connect(&company)?, &REFUSED, remedy).await?;
    }
    wecom.change_app("花店", |app| app.enabled = true);
    for endpoint in [WecomEndpoint::GetToken, WecomEndpoint::GetFollowUserList, WecomEndpoint::UserGet] {
        for effect in [Effect::Http { status: 502 }, Effect::NotJson, Effect::EmptyBody, Effect::Drop] {
            let what = format!("{endpoint:?} {effect:?}");
            wecom.arm(WecomFault::new(endpoint, effect));
            desk.refuses_after_asking(&what, &desk.connect(&company)?, &DOWN, "请稍后").await?;
        }
    }
    ensure!(desk.world.call(&desk.connect(&company)?).await?.status == 200, "nothing but those kept it");
    Ok(())
}
