//! Row 14: accounts that cannot be connected, and those that cannot be let go.

mod companies;
mod devices;

use anyhow::{Result, ensure};
use sandbox::gewe::DeviceSpec;
use sandbox::wecom::{CorpSpec, MemberSpec};
use serde_json::{Value, json};

use crate::Event;
use crate::moments::bad_input::{Desk, NO_ACCOUNT, STRANGER, merged, unreadable};
use crate::snapshot::ExpectedError;

const REFUSED: ExpectedError<'_> = ExpectedError::new(400, "WECHAT_API_ERROR");
const DOWN: ExpectedError<'_> = ExpectedError::new(500, "WECHAT_API_ERROR");
const BOUND: ExpectedError<'_> = ExpectedError::new(409, "CONFLICT");

impl Desk {
    pub(super) fn connect(&self, body: &Value) -> Result<Event> {
        Ok(self.event("wechat-account-connect")?.json(body))
    }

    /// What connects a new company of these members.
    pub(super) fn company(&self, name: &str, members: Vec<MemberSpec>) -> Value {
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
async fn connecting_request_that_cannot_be_read_is_refused_without_a_call() -> Result<()> {
    let desk = Desk::open().await?;
    let company = desk.company("花店", vec![MemberSpec::new("lily", "莉莉")]);
    let device = desk.handset("handset");
    for (what, body) in unreadable("accountType", "WEWORK") {
        let event = desk.event("wechat-account-connect")?.body(&body);
        desk.refuses(what, &event, &ExpectedError::fields(&["body"]), "请").await?;
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
        desk.refuses(&what, &event, &ExpectedError::fields(&[field]), remedy).await?;
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
        desk.refuses(&format!("no {field}"), &desk.connect(&body)?, &ExpectedError::fields(&[field]), remedy).await?;
    }
    Ok(())
}

#[tokio::test]
async fn disconnecting_an_account_of_another_user_is_not_found() -> Result<()> {
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
