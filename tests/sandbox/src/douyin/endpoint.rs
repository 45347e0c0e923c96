//! The platform's endpoints under the names by which journal entries and faults speak of them.

use axum::http::Method;
use serde::{Deserialize, Serialize};

/// An endpoint of the simulated platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Endpoint {
    /// The consent page in the user's browser.
    #[serde(rename = "platform/oauth/connect")]
    Connect,
    #[serde(rename = "oauth/access_token")]
    AccessToken,
    /// Prolongs the access token.
    #[serde(rename = "oauth/refresh_token")]
    RefreshToken,
    /// Rotates the refresh token.
    #[serde(rename = "oauth/renew_refresh_token")]
    RenewRefreshToken,
    /// App token, a new one per call.
    #[serde(rename = "oauth/client_token")]
    ClientToken,
    /// App token, the same one until it expires.
    #[serde(rename = "oauth/stable_client_token")]
    StableClientToken,
    /// The authorized user's public profile.
    #[serde(rename = "oauth/userinfo")]
    UserInfo,
    /// The authorized user's fans, page by page.
    #[serde(rename = "fans/list")]
    FansList,
    /// Whether one user follows another.
    #[serde(rename = "fans/check")]
    FansCheck,
}

impl Endpoint {
    /// The endpoints called by servers; the consent page is not one of them.
    pub(crate) const SERVED: [Self; 8] = [
        Self::AccessToken,
        Self::RefreshToken,
        Self::RenewRefreshToken,
        Self::ClientToken,
        Self::StableClientToken,
        Self::UserInfo,
        Self::FansList,
        Self::FansCheck,
    ];

    /// The path without its slashes at either end.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect => "platform/oauth/connect",
            Self::AccessToken => "oauth/access_token",
            Self::RefreshToken => "oauth/refresh_token",
            Self::RenewRefreshToken => "oauth/renew_refresh_token",
            Self::ClientToken => "oauth/client_token",
            Self::StableClientToken => "oauth/stable_client_token",
            Self::UserInfo => "oauth/userinfo",
            Self::FansList => "fans/list",
            Self::FansCheck => "fans/check",
        }
    }

    /// Whether callers present a user's token here, as opposed to app credentials.
    pub(crate) const fn takes_user_token(self) -> bool {
        matches!(self, Self::UserInfo | Self::FansList | Self::FansCheck)
    }

    /// Whether it answers to this method. GET is the old form of those documented as POST today.
    pub(crate) fn allows(self, method: &Method) -> bool {
        let reads_only = matches!(self, Self::Connect | Self::FansList | Self::FansCheck);
        *method == Method::GET || *method == Method::POST && !reads_only
    }

    /// The parameters the documents list; anything else is noted as a violation.
    pub(crate) const fn parameters(self) -> &'static [&'static str] {
        match self {
            Self::Connect => &[
                "client_key",
                "response_type",
                "scope",
                "optionalScope",
                "redirect_uri",
                "state",
                // The sandbox's own, by which its form and scripts answer the page.
                "account",
                "decision",
                "untick",
                "tick",
                "form",
            ],
            Self::AccessToken => &["client_key", "client_secret", "code", "grant_type"],
            Self::RefreshToken => &["client_key", "grant_type", "refresh_token"],
            Self::RenewRefreshToken => &["client_key", "refresh_token"],
            Self::ClientToken | Self::StableClientToken => &["client_key", "client_secret", "grant_type"],
            Self::UserInfo => &["access_token", "open_id"],
            Self::FansList => &["access_token", "open_id", "cursor", "count"],
            Self::FansCheck => &["access_token", "open_id", "follower_open_id"],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn douyin_endpoint_wire_name_is_its_name() {
        for endpoint in Endpoint::SERVED.into_iter().chain([Endpoint::Connect]) {
            assert_eq!(serde_json::to_value(endpoint).unwrap(), endpoint.name());
        }
    }
}
