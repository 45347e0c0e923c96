//! `PATCH /api/v1/workbench/wechat/corps/{corpKey}`: a company's new secret or proxy, once for all its members.

use kernel::Context;
use kernel::config::ConfigError;
use kernel::jwt::Authenticator;
use moments::accounts::{CorpChanges, CorpRequestChange};
use moments::ids::CorpKey;
use secrecy::SecretString;
use serde::Deserialize;

use crate::catalog;
use crate::http::{ApiRequest, ApiResponse, MAX_BODY, Problem};
use crate::views::corps::CorpView;

/// What the requests of this function share.
#[derive(Debug)]
pub struct App {
    auth: Authenticator,
    changes: CorpChanges,
}

impl App {
    /// Built once at init.
    pub async fn new(cx: &Context) -> Result<Self, ConfigError> {
        Ok(Self { auth: Authenticator::new(cx).await?, changes: CorpChanges::new(cx)? })
    }
}

#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Body {
    #[cfg_attr(feature = "openapi", schemars(with = "Option<String>", length(min = 1, max = moments::accounts::MAX_SECRET), regex(pattern = "^[!-~]+$")))]
    secret: Option<SecretString>,
    /// Empty: none from now on.
    #[cfg_attr(feature = "openapi", schemars(with = "Option<String>", length(max = moments::wecom::MAX_PROXY_LENGTH)))]
    egress_proxy_url: Option<SecretString>,
}

pub async fn handle(app: &App, request: ApiRequest) -> Result<ApiResponse, Problem> {
    let caller = request.caller(&app.auth, catalog::WECHAT_CORP_UPDATE.permission).await?;
    let corp_key = CorpKey::from(request.path_id::<String>("corpKey", "wechat corp")?);
    let Body { secret, egress_proxy_url } = request.json_body(MAX_BODY)?;
    let wanted = CorpRequestChange { secret, proxy: egress_proxy_url };
    let company = Box::pin(app.changes.change(&caller, &corp_key, &wanted)).await?;
    ApiResponse::ok(CorpView::from(company))
}
