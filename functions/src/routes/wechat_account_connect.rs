//! `POST /api/v1/workbench/wechat/accounts`: connect a company app with its members, or a device of the gateway.

use kernel::Context;
use kernel::config::ConfigError;
use kernel::jwt::Authenticator;
use moments::accounts::{AccountConnections, CorpRequest, DeviceRequest};
use moments::provider::Provider;
use secrecy::SecretString;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::catalog;
use crate::http::{ApiRequest, ApiResponse, MAX_BODY, Problem, enum_string};
use crate::views::moments::AccountView;

/// What the requests of this function share.
#[derive(Debug)]
pub struct App {
    auth: Authenticator,
    connections: AccountConnections,
}

impl App {
    /// Built once at init.
    pub async fn new(cx: &Context) -> Result<Self, ConfigError> {
        let connections = AccountConnections::new(cx)?;
        Ok(Self { auth: Authenticator::new(cx).await?, connections })
    }
}

/// What whoever connects a personal account must know: nobody at Tencent has agreed to this way.
const RISK: &str = "个人号通过第三方网关发布朋友圈，并非微信官方能力，账号存在被限制或封禁的风险。";

/// Read first, by itself: serde's own tagged enums forget in which field of a variant something was wrong.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kind {
    #[serde(deserialize_with = "enum_string")]
    account_type: Provider,
}

#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "WechatCompany"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Company {
    #[serde(rename = "accountType")]
    #[cfg_attr(feature = "openapi", schemars(with = "String", extend("const" = "WEWORK")))]
    _account_type: IgnoredAny,
    #[cfg_attr(feature = "openapi", schemars(length(min = 1, max = moments::accounts::MAX_ID), regex(pattern = "^[!-~]+$")))]
    corp_id: String,
    #[cfg_attr(feature = "openapi", schemars(range(max = kernel::ids::MAX_SAFE_INTEGER)))]
    agent_id: u64,
    #[cfg_attr(feature = "openapi", schemars(with = "String", length(min = 1, max = moments::accounts::MAX_SECRET), regex(pattern = "^[!-~]+$")))]
    secret: SecretString,
    #[cfg_attr(feature = "openapi", schemars(length(min = 1, max = moments::accounts::MAX_MEMBERS), extend("uniqueItems" = true)))]
    member_ids: Option<Vec<String>>,
    /// Empty: none from now on.
    #[cfg_attr(feature = "openapi", schemars(with = "Option<String>", length(max = moments::wecom::MAX_PROXY_LENGTH)))]
    egress_proxy_url: Option<SecretString>,
}

#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "WechatDevice"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Device {
    #[serde(rename = "accountType")]
    #[cfg_attr(feature = "openapi", schemars(with = "String", extend("const" = "PERSONAL")))]
    _account_type: IgnoredAny,
    #[cfg_attr(feature = "openapi", schemars(length(min = 1, max = moments::accounts::MAX_ID), regex(pattern = "^[!-~]+$")))]
    app_id: String,
    #[cfg_attr(feature = "openapi", schemars(with = "String", length(min = 1, max = moments::accounts::MAX_SECRET), regex(pattern = "^[!-~]+$")))]
    gateway_token: SecretString,
    #[cfg_attr(feature = "openapi", schemars(length(max = moments::accounts::MAX_NAME)))]
    account_name: Option<String>,
    #[serde(default)]
    accept_risk: bool,
}

/// Either of both, for the document: what is read is chosen by [`Kind`].
#[cfg(feature = "openapi")]
#[derive(schemars::JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "nobody makes one: only its schema is asked for")]
pub(crate) enum Body {
    Company(Company),
    Device(Device),
}

#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) struct Answer {
    accounts: Vec<AccountView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    risk_notice: Option<&'static str>,
}

pub async fn handle(app: &App, request: ApiRequest) -> Result<ApiResponse, Problem> {
    let caller = request.caller(&app.auth, catalog::WECHAT_ACCOUNT_CONNECT.permission).await?;
    let Kind { account_type } = request.json_body(MAX_BODY)?;
    let (accounts, risk_notice) = match account_type {
        Provider::Wecom => {
            let Company { corp_id, agent_id, secret, member_ids, egress_proxy_url, .. } =
                request.json_body(MAX_BODY)?;
            let wanted = CorpRequest { corp_id, agent_id, secret, member_ids, proxy: egress_proxy_url };
            (app.connections.connect_corp(&caller, &wanted).await?, None)
        }
        Provider::Gateway => {
            let Device { app_id, gateway_token, account_name, accept_risk, .. } = request.json_body(MAX_BODY)?;
            if !accept_risk {
                let problem = format!("{RISK}如仍要连接，请传 acceptRisk: true");
                return Err(kernel::Error::invalid("acceptRisk", problem).into());
            }
            let wanted = DeviceRequest { app_id, token: gateway_token, account_name };
            (app.connections.connect_device(&caller, &wanted).await?, Some(RISK))
        }
    };
    let accounts = accounts.into_iter().map(AccountView::from).collect();
    ApiResponse::ok(Answer { accounts, risk_notice })
}
