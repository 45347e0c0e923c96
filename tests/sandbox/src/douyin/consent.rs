//! The consent page: what is asked, whether it may be asked, and the user's answer.

use axum::Router;
use axum::extract::{Request as HttpRequest, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use jiff::Timestamp;
use url::Url;

use super::Douyin;
use super::app::RENEW_REFRESH_TOKEN;
use super::consent_page;
use super::endpoint::Endpoint;
use super::request::Incoming;
use super::world::World;
use crate::journal::Entry;

const BAD_PARAMETER: i64 = 10_002;
const UNKNOWN_CLIENT_KEY: i64 = 10_003;
const NO_SCOPE: i64 = 10_004;
const MISSING_PARAMETER: i64 = 10_005;
const BAD_REDIRECT: i64 = 10_006;
const SCOPE_NOT_FOR_USERS: i64 = 28_004_020;

/// Carries the number of a refused consent request, for scripts that do not read HTML.
const ERROR_HEADER: HeaderName = HeaderName::from_static("x-sandbox-error");

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    pub approve: bool,
    /// Scopes they do not grant. In a browser only optional ones can be unticked; a script may withhold any.
    pub untick: Vec<String>,
}

impl Decision {
    /// Consent to everything that is ticked.
    pub const APPROVE: Self = Self { approve: true, untick: Vec::new() };
    pub const DENY: Self = Self { approve: false, untick: Vec::new() };
}

/// What an app asks of a user.
pub(crate) struct Asked {
    client_key: String,
    pub(crate) required: Vec<String>,
    /// With whether it is ticked to begin with.
    pub(crate) optional: Vec<(String, bool)>,
    redirect: Url,
    state: Option<String>,
}

impl Asked {
    pub(crate) fn read(world: &World, request: &Incoming) -> Result<Self, i64> {
        let required = |name| request.in_query(name).ok_or(MISSING_PARAMETER);
        let client_key = required("client_key")?;
        let app = world.apps.get(client_key).ok_or(UNKNOWN_CLIENT_KEY)?;
        if required("response_type")? != "code" {
            return Err(BAD_PARAMETER);
        }
        let mut scopes: Vec<String> = Vec::new();
        for scope in required("scope")?.split(',') {
            if !scopes.iter().any(|known| known == scope) {
                scopes.push(scope.to_owned());
            }
        }
        let optional = optional_scopes(request.in_query("optionalScope").unwrap_or_default())?;
        for scope in scopes.iter().chain(optional.iter().map(|(scope, _)| scope)) {
            if scope == RENEW_REFRESH_TOKEN {
                return Err(SCOPE_NOT_FOR_USERS);
            }
            if !app.has(scope) {
                return Err(NO_SCOPE);
            }
        }
        let redirect = app.accepts_redirect(required("redirect_uri")?).ok_or(BAD_REDIRECT)?;
        let state = request.in_query("state").map(str::to_owned);
        Ok(Self { client_key: client_key.to_owned(), required: scopes, optional, redirect, state })
    }

    /// Where the user's browser goes next.
    pub(crate) fn decide(&self, world: &mut World, account: &str, decision: &Decision, now: Timestamp) -> Url {
        let mut target = self.redirect.clone();
        if decision.approve {
            let ticked = self.optional.iter().filter(|(_, ticked)| *ticked).map(|(scope, _)| scope);
            let scopes: Vec<String> =
                self.required.iter().chain(ticked).filter(|scope| !decision.untick.contains(scope)).cloned().collect();
            let granted = scopes.join(",");
            let code = world.authority.issue_code(&self.client_key, account, scopes, now);
            target.query_pairs_mut().append_pair("code", &code);
            if let Some(state) = &self.state {
                target.query_pairs_mut().append_pair("state", state);
            }
            target.query_pairs_mut().append_pair("scopes", &granted);
        } else if let Some(state) = &self.state {
            // Nothing but the state comes back from a refusal; no reason is documented.
            target.query_pairs_mut().append_pair("state", state);
        }
        target
    }
}

/// `friend_relation,1,message,0`: pairs of scope and whether it is ticked.
fn optional_scopes(text: &str) -> Result<Vec<(String, bool)>, i64> {
    let parts: Vec<&str> = text.split(',').filter(|part| !part.is_empty()).collect();
    let pair = |pair: &[&str]| match pair {
        [scope, "1"] => Ok(((*scope).to_owned(), true)),
        [scope, "0"] => Ok(((*scope).to_owned(), false)),
        _ => Err(BAD_PARAMETER),
    };
    parts.chunks(2).map(pair).collect()
}

pub(super) fn routes() -> Router<Douyin> {
    let path = Endpoint::Connect.name();
    Router::new().route(&format!("/{path}"), get(visit)).route(&format!("/{path}/"), get(visit))
}

/// A visit by a browser, or by a script that adds `account` and `decision` (and `untick`) to the address.
async fn visit(State(douyin): State<Douyin>, request: HttpRequest) -> Response {
    let request = Incoming::read(request).await;
    let (response, entry) = answer(&douyin, &request);
    douyin.journal(Entry { endpoint: Endpoint::Connect.name().to_owned(), ..entry });
    response
}

fn answer(douyin: &Douyin, request: &Incoming) -> (Response, Entry) {
    let mut world = douyin.world();
    let now = douyin.clock().now();
    let violations = request.violations(Endpoint::Connect);
    let mut entry = Entry { at: now, code: Some(0), violations, ..Entry::default() };
    let mut asked = match Asked::read(&world, request) {
        Ok(asked) => asked,
        Err(code) => {
            entry.code = Some(code);
            let page = consent_page::refusal(code);
            return (([(ERROR_HEADER, code.to_string())], Html(page)).into_response(), entry);
        }
    };
    let account = request.in_query("account").unwrap_or_default();
    let approve = match request.in_query("decision") {
        Some("approve") => true,
        Some("deny") => false,
        Some(_) => return (usage("decision must be approve or deny"), entry),
        None => {
            entry.note = Some("page".to_owned());
            return (Html(consent_page::page(&world, &asked, request)).into_response(), entry);
        }
    };
    if approve && !world.accounts.contains_key(account) {
        return (usage("no such account in this sandbox"), entry);
    }
    if request.in_query("form").is_some() {
        for (scope, ticked) in &mut asked.optional {
            *ticked = request.all_in_query("tick").any(|tick| tick == scope);
        }
    }
    let untick = request.all_in_query("untick").flat_map(|scopes| scopes.split(',')).map(str::to_owned).collect();
    let target = asked.decide(&mut world, account, &Decision { approve, untick }, now);
    entry.account = Some(account.to_owned()).filter(|account| !account.is_empty());
    entry.note = Some(if approve { "approve" } else { "deny" }.to_owned());
    ((StatusCode::FOUND, [(header::LOCATION, target.to_string())]).into_response(), entry)
}

/// Something only a script of ours can get wrong; the platform has no such answer.
fn usage(problem: &'static str) -> Response {
    (StatusCode::BAD_REQUEST, problem).into_response()
}
