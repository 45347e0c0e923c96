//! Row 14: accounts that cannot be connected, and those that cannot be let go.

use anyhow::{Result, ensure};
use sandbox::fault::Effect;
use sandbox::gewe::{DeviceSpec, DeviceState, GeweEndpoint, GeweFault};
use sandbox::wecom::{AppSpec, CorpSpec, MemberSpec, WecomEndpoint, WecomFault};
use serde_json::{Value, json};

use super::{Desk, NO_ACCOUNT, STRANGER, merged, unreadable};
use crate::Event;
use crate::evidence::Refusal;

const REFUSED: Refusal<'_> = Refusal::new(400, "WECHAT_API_ERROR");
const DOWN: Refusal<'_> = Refusal::new(500, "WECHAT_API_ERROR");
const BOUND: Refusal<'_> = Refusal::new(409, "CONFLICT");

impl Desk {
    fn connect(&self, body: &Value) -> Result<Event> {
        Ok(self.event("wechat-account-connect")?.json(body))
    }

    /// What connects a new company of these members.
    fn company(&self, name: &str, members: Vec<MemberSpec>) -> Value {
        let corp = self.world.sandbox.wecom().add_corp(CorpSpec { members, ..CorpSpec::new(name) });
        let (id, agent, secret) = (&corp.corp_id, corp.agent_id(), corp.secret());
        json!({"accountType": "WEWORK", "corpId": id, "agentId": agent, "secret": secret})
    }

    /// What connects a new device.
    fn handset(&self, name: &str) -> Value {
        let device = self.world.sandbox.gewe().add_device(DeviceSpec::new(name));
        let token = self.world.sandbox.gewe().token();
        json!({"accountType": "PERSONAL", "appId": device.app_id, "gatewayToken": token, "acceptRisk": true})
    }
}

#[tokio::test]
async fn requests_that_cannot_be_read_are_refused_before_anybody_is_asked() -> Result<()> {
    let desk = Desk::open().await?;
    let company = desk.company("花店", vec![MemberSpec::new("lily", "莉莉")]);
    let device = desk.handset("handset");
    for (what, body) in unreadable("accountType", "WEWORK") {
        let event = desk.event("wechat-account-connect")?.body(&body);
        desk.refuses(what, &event, &Refusal::fields(&["body"]), "请").await?;
    }
    let (text, missing, unknown) =
        ("应为文本", "缺少必填项，请填写", "不支持此项，请检查拼写或删除，可用项：accountType、");
    let kinds = "取值无效，可选值：WEWORK、PERSONAL";
    let visible = "个可见的英文字符，请检查是否多复制了空格或换行";
    let (many, long) = ((0..91).map(|number| format!("m{number}")).collect::<Vec<_>>(), "x".repeat(5_000));
    let cases = [
        (&company, json!({"accountType": "wework"}), "accountType", kinds),
        (&company, json!({"accountType": "ENTERPRISE"}), "accountType", kinds),
        (&company, json!({"accountType": ""}), "accountType", kinds),
        (&company, json!({"accountType": null}), "accountType", text),
        (&company, json!({"accountType": 1}), "accountType", text),
        (&company, json!({"accountType": ["WEWORK"]}), "accountType", text),
        (&company, json!({"accountType": {"WEWORK": null}}), "accountType", text),
        (&company, json!({"corpId": 7}), "corpId", text),
        (&company, json!({"corpId": null}), "corpId", text),
        (&company, json!({"corpId": ""}), "corpId", visible),
        (&company, json!({"corpId": " ww0123456789abcdef"}), "corpId", visible),
        (&company, json!({"corpId": "企业"}), "corpId", visible),
        (&company, json!({"corpId": long}), "corpId", visible),
        (&company, json!({"agentId": "1000002"}), "agentId", "应为非负整数"),
        (&company, json!({"agentId": -1}), "agentId", "应为非负整数"),
        (&company, json!({"agentId": 1.5}), "agentId", "应为非负整数"),
        (&company, json!({"secret": 7}), "secret", text),
        (&company, json!({"secret": ""}), "secret", visible),
        (&company, json!({"secret": "line\nbreak"}), "secret", visible),
        (&company, json!({"secret": long}), "secret", visible),
        (&company, json!({"memberIds": "lily"}), "memberIds", "应为数组"),
        (&company, json!({"memberIds": [7]}), "memberIds[0]", text),
        (&company, json!({"memberIds": ["lily", null]}), "memberIds[1]", text),
        (&company, json!({"memberIds": []}), "memberIds", "一次请选择 1 到 90 名成员"),
        (&company, json!({"memberIds": many}), "memberIds", "一次请选择 1 到 90 名成员"),
        (&company, json!({"memberIds": ["lily", "lily"]}), "memberIds[1]", "成员重复，请去掉重复的成员"),
        (&company, json!({"memberIDs": ["lily"]}), "memberIDs", unknown),
        (&company, json!({"appId": "wx_1"}), "appId", unknown),
        (&company, json!({"acceptRisk": true}), "acceptRisk", unknown),
        (&device, json!({"appId": ""}), "appId", visible),
        (&device, json!({"appId": "wx_1 "}), "appId", visible),
        (&device, json!({"appId": long}), "appId", visible),
        (&device, json!({"appId": 7}), "appId", text),
        (&device, json!({"gatewayToken": ""}), "gatewayToken", visible),
        (&device, json!({"gatewayToken": "a\r\nX-Admin: 1"}), "gatewayToken", visible),
        (&device, json!({"gatewayToken": 7}), "gatewayToken", text),
        (&device, json!({"accountName": "名".repeat(65)}), "accountName", "最多 64 个字"),
        (&device, json!({"accountName": "一\u{0}二"}), "accountName", "控制字符，请删除"),
        (&device, json!({"accountName": 7}), "accountName", text),
        (
            &device,
            json!({"acceptRisk": false}),
            "acceptRisk",
            "账号存在被限制或封禁的风险。如仍要连接，请传 acceptRisk: true",
        ),
        (&device, json!({"acceptRisk": "true"}), "acceptRisk", "应为 true 或 false"),
        (&device, json!({"acceptRisk": 1}), "acceptRisk", "应为 true 或 false"),
        (&device, json!({"acceptRisk": null}), "acceptRisk", "应为 true 或 false"),
        (&device, json!({"token": "x"}), "token", unknown),
        (&device, json!({"secret": "x"}), "secret", unknown),
    ];
    for (base, changes, field, remedy) in cases {
        let event = desk.connect(&merged(base.clone(), changes.clone()))?;
        let what = format!("{:.60}", changes.to_string());
        desk.refuses(&what, &event, &Refusal::fields(&[field]), remedy).await?;
    }
    for (base, field) in [
        (&company, "accountType"),
        (&company, "corpId"),
        (&company, "agentId"),
        (&company, "secret"),
        (&device, "accountType"),
        (&device, "appId"),
        (&device, "gatewayToken"),
        (&device, "acceptRisk"),
    ] {
        let mut body = base.clone();
        body.as_object_mut().unwrap().remove(field);
        let remedy = if field == "acceptRisk" { "请传 acceptRisk: true" } else { missing };
        desk.refuses(&format!("no {field}"), &desk.connect(&body)?, &Refusal::fields(&[field]), remedy).await?;
    }
    Ok(())
}

#[tokio::test]
async fn companies_that_do_not_confirm_are_not_connected() -> Result<()> {
    let mut desk = Desk::open().await?;
    let silent = MemberSpec { has_contacts: false, ..MemberSpec::new("silent", "没有权限") };
    let hidden = MemberSpec { in_range: false, ..MemberSpec::new("hidden", "不可见") };
    let company = desk.company("花店", vec![MemberSpec::new("lily", "莉莉"), silent.clone(), hidden]);
    let empty = desk.company("空店", vec![silent]);
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
        desk.refuses_after_asking(what, &event, &Refusal::fields(fields), remedy).await?;
    }
    let nobody = Refusal::fields(&["memberIds"]);
    desk.refuses_after_asking("nobody who could", &desk.connect(&empty)?, &nobody, "一次请选择 1 到 90 名成员").await?;
    let bound = "已由其他存客宝用户连接";
    desk.refuses_after_asking("somebody else's company", &desk.connect(&foreign)?, &BOUND, bound).await?;

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

#[tokio::test]
async fn devices_that_do_not_confirm_are_not_connected() -> Result<()> {
    let mut desk = Desk::open().await?;
    let foreign = desk.handset("foreign");
    let theirs = Event::sample("wechat-account-connect")?.json(&foreign);
    ensure!(desk.world.call_as(STRANGER, theirs).await?.status == 200);
    desk.settle().await?;
    let device = desk.handset("handset");
    let gewe = desk.world.sandbox.gewe();

    let unknown = "网关中找不到该设备";
    for (what, changes, remedy) in [
        ("a wrong token", json!({"gatewayToken": "0123456789abcdef"}), "网关令牌无效"),
        ("an unknown device", json!({"appId": "wx_0123456789"}), unknown),
    ] {
        let event = desk.connect(&merged(device.clone(), changes))?;
        desk.refuses_after_asking(what, &event, &REFUSED, remedy).await?;
    }
    let bound = "已由其他存客宝用户连接";
    desk.refuses_after_asking("somebody else's device", &desk.connect(&foreign)?, &BOUND, bound).await?;
    gewe.set_state("handset", DeviceState::Offline);
    let offline = Refusal::fields(&["appId"]);
    let remedy = "该设备当前未登录微信，请先在网关中登录后再连接";
    desk.refuses_after_asking("a device off the line", &desk.connect(&device)?, &offline, remedy).await?;
    gewe.set_state("handset", DeviceState::Zombie);
    let zombie = desk.connect(&device)?;
    desk.refuses_after_asking("one that only says it is on it", &zombie, &DOWN, "微信返回了未知错误").await?;
    gewe.set_state("handset", DeviceState::Online);
    for endpoint in [GeweEndpoint::CheckOnline, GeweEndpoint::GetProfile] {
        for effect in [Effect::Http { status: 502 }, Effect::NotJson, Effect::EmptyBody, Effect::Drop] {
            let what = format!("{endpoint:?} {effect:?}");
            gewe.arm(GeweFault::new(endpoint, effect));
            desk.refuses_after_asking(&what, &desk.connect(&device)?, &DOWN, "请稍后").await?;
        }
    }
    ensure!(desk.world.call(&desk.connect(&device)?).await?.status == 200, "nothing but those kept it");
    Ok(())
}

#[tokio::test]
async fn accounts_that_are_not_the_callers_cannot_be_let_go() -> Result<()> {
    let mut desk = Desk::open().await?;
    let foreign = desk.world.connect_device(STRANGER, "foreign").await?;
    desk.settle().await?;
    let (upper, cut, long) = (desk.device.to_uppercase(), &desk.device[..desk.device.len() - 1], "x".repeat(3_000));
    for id in
        [&foreign, "wx000000000000000000000000", &upper, cut, "%20", "微信号", "..", "0", &long, &"x".repeat(2_048)]
    {
        let event = desk.event("wechat-account-disconnect")?.path("accountId", id);
        let refusal = NO_ACCOUNT.on(&["accountId"]);
        desk.refuses(&format!("{id:.40}"), &event, &refusal, "账号不存在或不属于当前用户，请").await?;
    }
    let event = desk.event("wechat-account-disconnect")?.path("accountId", &desk.device);
    ensure!(desk.world.call(&event).await?.status == 200);
    desk.settle().await?;
    desk.refuses("one let go before", &event, &NO_ACCOUNT.on(&["accountId"]), "请").await
}
