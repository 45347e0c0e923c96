//! Connecting accounts of both kinds: members of a company, and phones of the gateway.

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};

use super::{ACCOUNTS, Account, Accounts};
use crate::demo::api::{Answer, Api, list, number, text};
use crate::demo::scenario::Scenario;

pub(super) const CONNECTIONS: &str = "/api/v1/workbench/wechat/accounts";

/// The member who publishes, and one who is connected beside them.
const MEMBER: &str = "zhangsan";
const COLLEAGUE: &str = "lisi";

/// A phone of the gateway, and what connects it.
pub(super) struct Phone {
    pub(super) account: Account,
    app_id: String,
    token: String,
}

impl Phone {
    /// What the gateway calls it.
    pub(super) fn app_id(&self) -> &str {
        &self.app_id
    }

    /// Asks to connect it, the risk being accepted or not; again is as good as for the first time.
    async fn ask(&self, user: &Api, accept_risk: bool) -> Result<Answer> {
        let (app_id, token) = (&self.app_id, &self.token);
        let body = json!({
            "accountType": "PERSONAL", "appId": app_id, "gatewayToken": token, "acceptRisk": accept_risk,
        });
        user.send(Method::POST, CONNECTIONS, body).await
    }

    /// Connects it, and gives the risk that was shown.
    pub(super) async fn connect(&self, user: &Api) -> Result<(Value, String)> {
        let answer = self.ask(user, true).await?.data(200)?;
        let account = list(&answer, "accounts")?.first().context("no account was connected")?;
        ensure!(text(account, "status")? == "ACTIVE", "a connected account must be ACTIVE: {account}");
        ensure!(text(account, "accountType")? == "PERSONAL", "a phone must be PERSONAL: {account}");
        Ok((account.clone(), text(&answer, "riskNotice")?.to_owned()))
    }
}

pub(super) async fn all(stage: &Scenario<'_>, user: &Api) -> Result<Accounts> {
    let (corp, member) = company(stage, user).await?;
    let mut steady = phone(stage, "steady").await?;
    let said = steady.ask(user, false).await?.refused(400, "INVALID_REQUEST")?;
    ensure!(said.contains("acceptRisk"), "the refusal must name acceptRisk: {said}");
    stage.tell(&format!("a personal account asks for consent to its risk first: {said}"));
    let (connected, risk) = steady.connect(user).await?;
    text(&connected, "accountId")?.clone_into(&mut steady.account.id);
    ensure!(risk.contains("风险"), "the risk must be shown: {risk}");
    stage.tell(&format!("with acceptRisk it is connected, and the risk is shown: {risk}"));
    let mut shaky = phone(stage, "shaky").await?;
    text(&shaky.connect(user).await?.0, "accountId")?.clone_into(&mut shaky.account.id);

    let listed = user.get(ACCOUNTS, &[]).await?.data(200)?;
    let listed = listed.as_array().context("the account list is no list")?;
    ensure!(listed.len() == 4, "two members and two phones must be listed, not {}", listed.len());
    for entry in listed {
        for field in ["accountId", "accountName", "accountType"] {
            text(entry, field)?;
        }
        ensure!(text(entry, "status")? == "ACTIVE", "every account must be ACTIVE: {entry}");
    }
    stage.tell("the account list: two WEWORK members and two PERSONAL phones, all ACTIVE");
    Ok(Accounts { corp, member, steady: steady.account, shaky })
}

/// A company's app with two of its members; a wrong secret connects nothing.
async fn company(stage: &Scenario<'_>, user: &Api) -> Result<(String, Account)> {
    let corp = format!("demo-corp-{}", stage.play);
    let members = [(MEMBER, "张三（演示）"), (COLLEAGUE, "李四（演示）")];
    let members = members.map(|(userid, name)| json!({ "userid": userid, "name": name }));
    let spec = json!({ "name": corp, "apps": [{ "agentId": 1_000_002 }], "members": members });
    let created = stage.sandbox(Method::POST, "wecom/corps", Some(spec)).await?;
    let app = list(&created, "apps")?.first().context("the sandbox's corp has no app")?;
    let (corp_id, agent_id, secret) = (text(&created, "corpId")?, number(app, "agentId")?, text(app, "secret")?);
    stage.register_secret(secret);
    let body = |secret: &str| {
        json!({
            "accountType": "WEWORK", "corpId": corp_id, "agentId": agent_id, "secret": secret,
            "memberIds": [MEMBER, COLLEAGUE],
        })
    };
    let mistyped = user.send(Method::POST, CONNECTIONS, body(&secret.replace(|_| true, "x"))).await?;
    let said = mistyped.refused(400, "WECHAT_API_ERROR")?;
    stage.tell(&format!("a wrong secret is found out at once: {said}"));

    let answer = user.send(Method::POST, CONNECTIONS, body(secret)).await?.data(200)?;
    let accounts = list(&answer, "accounts")?;
    ensure!(accounts.len() == 2, "two members must be connected: {answer}");
    for account in accounts {
        ensure!(text(account, "accountType")? == "WEWORK", "a member must be WEWORK: {account}");
    }
    let ours = accounts.iter().find(|account| text(account, "accountName").is_ok_and(|name| name == "张三（演示）"));
    let id = text(ours.context("the member is not among the accounts")?, "accountId")?.to_owned();
    stage.tell("a company's app is connected with two of its members, under their names");
    Ok((corp.clone(), Account { name: format!("{corp}/{MEMBER}"), id }))
}

/// A new phone at the gateway.
async fn phone(stage: &Scenario<'_>, kind: &str) -> Result<Phone> {
    let name = format!("demo-{kind}-{}", stage.play);
    let device = stage.sandbox(Method::POST, "gewe/devices", Some(json!({ "name": name }))).await?;
    let gateway = stage.sandbox(Method::GET, "gewe/account", None).await?;
    let token = text(&gateway, "token")?.to_owned();
    stage.register_secret(&token);
    let secret_part = text(&gateway, "callback")?.rsplit('/').next().context("the gateway has no callback")?;
    stage.register_secret(secret_part);
    let account = Account { name, id: String::new() };
    Ok(Phone { account, app_id: text(&device, "appId")?.to_owned(), token })
}
