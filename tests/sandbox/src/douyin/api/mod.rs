//! What each endpoint decides about a call. Pure functions of the world, the request and the time: no clock, no waiting,
//! no transport.

mod fans;
mod oauth;
mod session;
mod userinfo;

use axum::http::Method;
use jiff::Timestamp;

use super::endpoint::Endpoint;
use super::envelope::Envelope;
use super::json::{Fields, Typing};
use super::pass::Cursor;
use super::request::Incoming;
use super::settings::{FansEnvelope, UserInfoEnvelope};
use super::world::World;

/// A call on its way through the platform.
pub(crate) struct Call<'a> {
    pub(crate) endpoint: Endpoint,
    pub(crate) request: &'a Incoming,
    pub(crate) now: Timestamp,
    pub(crate) envelope: Envelope,
    pub(crate) typing: Typing,
    /// Writes empty texts where tokens belong.
    pub(crate) blank_tokens: bool,
    pub(crate) violations: Vec<String>,
}

impl<'a> Call<'a> {
    pub(crate) fn new(world: &mut World, endpoint: Endpoint, request: &'a Incoming, now: Timestamp) -> Self {
        world.answers += 1;
        Self {
            endpoint,
            request,
            now,
            envelope: envelope(world, endpoint, request),
            typing: Typing::new(world.settings.numbers, endpoint, world.seed, world.answers),
            blank_tokens: false,
            violations: request.violations(endpoint),
        }
    }

    fn number(&mut self, fields: &mut Fields, key: &str, value: i64) {
        fields.number(&mut self.typing, key, value);
    }

    fn token(&self, fields: &mut Fields, key: &str, value: &str) {
        fields.text(key, if self.blank_tokens { "" } else { value });
    }

    /// Carries the call out.
    pub(crate) fn decide(&mut self, world: &mut World) -> Result<Fields, i64> {
        match self.endpoint {
            Endpoint::AccessToken => oauth::access_token(world, self),
            Endpoint::RefreshToken => oauth::refresh_token(world, self),
            Endpoint::RenewRefreshToken => oauth::renew_refresh_token(world, self),
            Endpoint::ClientToken => oauth::client_token(world, self),
            Endpoint::StableClientToken => oauth::stable_client_token(world, self),
            Endpoint::UserInfo => userinfo::answer(world, self),
            Endpoint::FansList => fans::list(world, self),
            Endpoint::FansCheck => fans::check(world, self),
            // The consent page is not called, it is visited; it never comes here.
            Endpoint::Connect => Err(28_001_017),
        }
    }

    pub(crate) fn wrap(&mut self, result: Result<Fields, i64>) -> String {
        self.envelope.wrap(&mut self.typing, self.now, result)
    }
}

/// Whom and what a call is about, as far as can be told before it is decided.
#[derive(Default)]
pub(crate) struct About {
    pub(crate) account: Option<String>,
    pub(crate) cursor: Option<i64>,
    pub(crate) page: Option<u32>,
}

impl About {
    pub(crate) fn of(world: &World, endpoint: Endpoint, request: &Incoming) -> Self {
        let secret = if endpoint.takes_user_token() {
            session::user_token(endpoint, request)
        } else {
            request.param("code").or_else(|| request.param("refresh_token"))
        };
        let by_secret = secret.and_then(|secret| world.authority.account_of(secret));
        let account = by_secret.or_else(|| request.param("open_id").and_then(|id| world.name_of(id)));
        if endpoint != Endpoint::FansList {
            return Self { account: account.map(str::to_owned), ..Self::default() };
        }
        let cursor = request.in_query("cursor").map_or(Some(0), |text| text.parse().ok());
        let key = account.and_then(|name| world.accounts.get(name)).map(|account| account.fans.seed());
        let page = match (cursor, key) {
            (Some(0), _) => Some(1),
            (Some(cursor), Some(key)) => Cursor::decode(cursor, key).map(|cursor| cursor.page),
            _ => None,
        };
        Self { account: account.map(str::to_owned), cursor, page }
    }
}

fn envelope(world: &World, endpoint: Endpoint, request: &Incoming) -> Envelope {
    match endpoint {
        Endpoint::UserInfo => match world.settings.userinfo_envelope {
            UserInfoEnvelope::ByVariant if request.method == Method::GET => Envelope::OAuth,
            UserInfoEnvelope::ByVariant | UserInfoEnvelope::V1 => Envelope::V1,
            UserInfoEnvelope::OAuth => Envelope::OAuth,
        },
        Endpoint::FansList | Endpoint::FansCheck => match world.settings.fans_envelope {
            FansEnvelope::Legacy => Envelope::Legacy,
            FansEnvelope::OAuth => Envelope::OAuth,
            FansEnvelope::V1 => Envelope::V1,
        },
        _ => Envelope::OAuth,
    }
}
