//! The platform's endpoints this client calls.

use std::fmt;

/// One endpoint of the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// Trades an authorization code for tokens.
    AccessToken,
    /// Renews the access token.
    RefreshToken,
    /// Rotates the refresh token; at most five times per authorization.
    RenewRefreshToken,
    /// Public profile of the authorized account.
    UserInfo,
    /// Fans of the authorized account.
    FansList,
}

impl Endpoint {
    /// Every endpoint, for tables and tests that must cover them all.
    pub const ALL: [Self; 5] =
        [Self::AccessToken, Self::RefreshToken, Self::RenewRefreshToken, Self::UserInfo, Self::FansList];

    /// Path below the platform's base address. All official paths end in a slash, and a POST does not survive the
    /// redirect that a missing one may cause.
    pub const fn path(self) -> &'static str {
        match self {
            Self::AccessToken => "oauth/access_token/",
            Self::RefreshToken => "oauth/refresh_token/",
            Self::RenewRefreshToken => "oauth/renew_refresh_token/",
            Self::UserInfo => "oauth/userinfo/",
            Self::FansList => "fans/list/",
        }
    }

    /// The most bytes of an answer that are read. A page of 20 fans is about 10 KB and the others are under 2 KB, so
    /// whatever is larger is not an answer of the platform and must not fill a 128 MB function.
    pub(super) const fn max_body(self) -> usize {
        match self {
            Self::FansList => 1024 * 1024,
            Self::AccessToken | Self::RefreshToken | Self::RenewRefreshToken | Self::UserInfo => 64 * 1024,
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path().trim_end_matches('/'))
    }
}
