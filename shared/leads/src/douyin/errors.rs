//! What a failure of the platform means, told by its code and never by its words: the descriptions change, come in
//! two languages and can echo the secrets that were sent.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::endpoint::Endpoint;

/// What a failure asks the caller to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The token that was sent is refused. An access token: refresh once, then replay once. One refusal is no proof that
    /// the authorization is over: a token refused for a moment was seen to be good again.
    TokenInvalid,
    /// The platform's own word that the refresh token is spent: only the user can help, by authorizing again.
    ReauthorizationNeeded,
    /// The user did not grant the scope: authorize again with it ticked.
    ScopeMissing,
    /// Too many calls: wait, then go on. See [`PlatformError::is_risk_control`] for how long.
    RateLimited,
    /// The day's calls are used up; they come back at 08:00 Beijing.
    QuotaExhausted,
    /// Nothing was decided: network, timeout, overload or an answer that is none. Trying later helps.
    Transient,
    /// The authorization code is expired, used or not ours: start the authorization again.
    CodeRejected,
    /// The Douyin account is deleted, banned or private.
    AccountUnavailable,
    /// Our application, its console settings or our request is wrong: an operator must look.
    Misconfigured,
    /// The platform no longer serves this interface.
    Retired,
    /// A code we have no reading for. Never taken as proof of anything, never retried blindly.
    Unknown,
}

impl FailureKind {
    /// Stable name for logs and stored reasons.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TokenInvalid => "token_invalid",
            Self::ReauthorizationNeeded => "reauthorization_needed",
            Self::ScopeMissing => "scope_missing",
            Self::RateLimited => "rate_limited",
            Self::QuotaExhausted => "quota_exhausted",
            Self::Transient => "transient",
            Self::CodeRejected => "code_rejected",
            Self::AccountUnavailable => "account_unavailable",
            Self::Misconfigured => "misconfigured",
            Self::Retired => "retired",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// "Slow down" from the platform's risk control.
const RISK_CONTROL: i64 = 28_001_052;

/// A failed call. Holds codes and identifiers only: neither the platform's words nor anything that was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct PlatformError {
    /// What to do about it.
    pub kind: FailureKind,
    /// The call that failed.
    pub endpoint: Endpoint,
    /// The platform's code, when it sent one.
    pub code: Option<i64>,
    /// The HTTP status, when an answer arrived at all.
    pub http_status: Option<u16>,
    /// The platform's id of the call, which its support asks for.
    pub log_id: Option<String>,
}

impl PlatformError {
    /// No answer arrived: connection, timeout, or a connection lost while reading.
    pub(super) const fn unreachable(endpoint: Endpoint) -> Self {
        Self { kind: FailureKind::Transient, endpoint, code: None, http_status: None, log_id: None }
    }

    /// An answer arrived that says neither yes nor no: a proxy's page, a cut body, a success without what it is for.
    pub(super) const fn unreadable(endpoint: Endpoint, http_status: u16, log_id: Option<String>) -> Self {
        Self { kind: FailureKind::Transient, endpoint, code: None, http_status: Some(http_status), log_id }
    }

    /// Whether what identifies our application is refused: its key (10003, 29002002) or key and secret (10013).
    pub const fn is_application_refused(&self) -> bool {
        matches!(self.code, Some(10_003 | 10_013 | 29_002_002))
    }

    /// Whether the answer is that our app may not list fans, whoever's they are: it was never granted the capability
    /// (2190004, 28001014, 28001018), the capability was taken away (28001019), or nobody has it any more (2119010,
    /// 28001056).
    pub const fn says_that_app_lists_no_fans(&self) -> bool {
        matches!(self.endpoint, Endpoint::FansList)
            && matches!(self.code, Some(2_190_004 | 28_001_014 | 28_001_018 | 28_001_019 | 2_119_010 | 28_001_056))
    }

    /// Whether risk control asks for a long pause, where an ordinary rate limit is over in seconds.
    pub fn is_risk_control(&self) -> bool {
        self.code == Some(RISK_CONTROL)
    }
}

impl fmt::Display for PlatformError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "douyin {}: {}", self.endpoint, self.kind)?;
        if let Some(code) = self.code {
            write!(f, ", code {code}")?;
        }
        if let Some(status) = self.http_status {
            write!(f, ", http {status}")?;
        }
        if let Some(log_id) = &self.log_id {
            write!(f, ", log id {log_id}")?;
        }
        Ok(())
    }
}

/// The meaning of a platform code on an endpoint.
///
/// Sources, all below `https://developer.open-douyin.com/docs/resource/zh-CN/dop/develop/openapi/`: `status-code` (the
/// legacy and the new family) and the token pages of `account-permission/` (the OAuth family, whose full list was the
/// older page `open.douyin.com/platform/doc/6850392252464809992`); the local-life pages for the codes named so.
pub const fn classify(endpoint: Endpoint, code: i64) -> FailureKind {
    use Endpoint::{AccessToken, RenewRefreshToken};
    use FailureKind as Kind;

    match (endpoint, code) {
        // One number, two meanings: a sixth renewal here (renew_refresh_token page), too many calls elsewhere
        // (client_token page: more than 500 in five minutes).
        (RenewRefreshToken, 10020) => Kind::ReauthorizationNeeded,
        (_, 10020) => Kind::RateLimited,

        // "Your credential is invalid or expired" is about the one credential that was sent. On the exchange that is
        // the code. On the two refresh calls it is the refresh token, but their pages document only 10010 for a dead
        // one: the other codes of the family are read there as a refusal like any other, which is no proof by itself.
        (AccessToken, 10008 | 10010 | 2190002 | 2190008 | 28001003 | 28001008) => Kind::CodeRejected,
        (_, 10008 | 2190002 | 2190008 | 28001003 | 28001008) => Kind::TokenInvalid,
        (_, 10010) => Kind::ReauthorizationNeeded,

        // access_token page: code expired (a used one answers the same), code of another client_key.
        (_, 10007 | 10014) => Kind::CodeRejected,
        // "Invalid parameter", in the legacy and in the new family. All other parameters of the exchange are our own and
        // always the same, so there it is the code that does not fit.
        (AccessToken, 2100005 | 28001007) => Kind::CodeRejected,

        // Status-code page: the user did not grant this interface, in the legacy and in the new family.
        (_, 2190003 | 28001012) => Kind::ScopeMissing,

        // Status-code page 28003018 and 28001052; local-life page 2119003.
        (_, 2119003 | 28003018 | RISK_CONTROL) => Kind::RateLimited,
        (_, 2190001 | 28003017) => Kind::QuotaExhausted,

        // Status-code page: unknown error, system busy, and failures inside the platform's own network.
        (_, 2100001 | 2100004 | 28001005 | 28001006) => Kind::Transient,

        // Banned from this; deleted, banned, private.
        (_, 2100009 | 28001045..=28001047) => Kind::AccountUnavailable,

        // OAuth family: parameters, client_key, scopes of the app, redirect_uri, package name, review, secret,
        // app type, Android signature.
        (_, 10002..=10006 | 10011..=10013 | 10015 | 10017) => Kind::Misconfigured,
        // The mini-app pages' twin of 10003.
        (_, 29002002) => Kind::Misconfigured,
        // Legacy family: parameters, no permission, capability, token and open_id of different accounts, app banned.
        (_, 2100005 | 2100007 | 2190004 | 2190015 | 2190016) => Kind::Misconfigured,
        // New family: the same, plus unknown address, test-app binding, isv token, scope not for this scene.
        (_, 28001007 | 28001014..=28001021 | 28001042 | 28004020) => Kind::Misconfigured,

        // Interface offline.
        (_, 2119010 | 28001056) => Kind::Retired,

        _ => Kind::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::FailureKind as Kind;
    use super::*;

    /// Every documented code whose meaning does not depend on the endpoint.
    const EVERYWHERE: &[(Kind, &[i64])] = &[
        (Kind::ScopeMissing, &[2190003, 28001012]),
        (Kind::RateLimited, &[2119003, 28003018, 28001052]),
        (Kind::QuotaExhausted, &[2190001, 28003017]),
        (Kind::Transient, &[2100001, 2100004, 28001005, 28001006]),
        (Kind::CodeRejected, &[10007, 10014]),
        (Kind::AccountUnavailable, &[2100009, 28001045, 28001046, 28001047]),
        (Kind::Misconfigured, &[10002, 10003, 10004, 10005, 10006, 10011, 10012, 10013, 10015, 10017, 29002002]),
        (Kind::Misconfigured, &[2100007, 2190004, 2190015, 2190016]),
        (Kind::Misconfigured, &[28001014, 28001015, 28001016, 28001017, 28001018, 28001019]),
        (Kind::Misconfigured, &[28001020, 28001021, 28001042, 28004020]),
        (Kind::Retired, &[2119010, 28001056]),
        // Of videos, comments and materials: none of our endpoints sends them.
        (Kind::Unknown, &[2190005, 2190006, 2190007, 2111001, 2111002, 2111003, 2111004, 2111005, 2111006]),
        (Kind::Unknown, &[2112001, 2113001, 2113002, 2114005, 2114007]),
        // Not in any document, next to numbers that are.
        (Kind::Unknown, &[1, -1, 10001, 10009, 10016, 10018, 10019, 10021, 28001013, 28001022, 28001044, 28001048]),
    ];

    #[test]
    fn douyin_code_means_the_same_on_every_endpoint() {
        for (kind, codes) in EVERYWHERE {
            for code in *codes {
                for endpoint in Endpoint::ALL {
                    assert_eq!(classify(endpoint, *code), *kind, "{code} on {endpoint}");
                }
            }
        }
    }

    #[test]
    fn douyin_code_that_depends_on_the_endpoint_is_read_by_it() {
        const TOKEN: &[i64] = &[10008, 2190002, 2190008, 28001003, 28001008];
        // The columns are in the order of `Endpoint::ALL`.
        let table: &[(&[i64], [Kind; 5])] = &[
            (
                TOKEN,
                [Kind::CodeRejected, Kind::TokenInvalid, Kind::TokenInvalid, Kind::TokenInvalid, Kind::TokenInvalid],
            ),
            (
                &[2100005, 28001007],
                [
                    Kind::CodeRejected,
                    Kind::Misconfigured,
                    Kind::Misconfigured,
                    Kind::Misconfigured,
                    Kind::Misconfigured,
                ],
            ),
            (
                &[10010],
                [
                    Kind::CodeRejected,
                    Kind::ReauthorizationNeeded,
                    Kind::ReauthorizationNeeded,
                    Kind::ReauthorizationNeeded,
                    Kind::ReauthorizationNeeded,
                ],
            ),
            (
                &[10020],
                [
                    Kind::RateLimited,
                    Kind::RateLimited,
                    Kind::ReauthorizationNeeded,
                    Kind::RateLimited,
                    Kind::RateLimited,
                ],
            ),
        ];
        for (codes, kinds) in table {
            for code in *codes {
                for (endpoint, kind) in Endpoint::ALL.into_iter().zip(kinds) {
                    assert_eq!(classify(endpoint, *code), *kind, "{code} on {endpoint}");
                }
            }
        }
    }

    #[test]
    fn douyin_app_lists_no_fans_by_the_codes_of_that_endpoint_only() {
        let error = |endpoint, code| PlatformError {
            kind: classify(endpoint, code),
            endpoint,
            code: Some(code),
            http_status: Some(200),
            log_id: None,
        };
        for code in [2_190_004, 28_001_014, 28_001_018, 28_001_019, 2_119_010, 28_001_056] {
            for endpoint in Endpoint::ALL {
                let is_of_fans = endpoint == Endpoint::FansList;
                assert_eq!(error(endpoint, code).says_that_app_lists_no_fans(), is_of_fans, "{code} on {endpoint}");
            }
        }
        // A scope that one user did not grant, a wrong request, and an app that is banned as a whole.
        for code in [2_190_003, 28_001_012, 2_100_005, 2_190_015, 28_001_016, 2_190_016] {
            assert!(!error(Endpoint::FansList, code).says_that_app_lists_no_fans(), "{code}");
        }
    }

    #[test]
    fn douyin_error_names_endpoint_code_and_log_id() {
        let error = PlatformError {
            kind: Kind::RateLimited,
            endpoint: Endpoint::FansList,
            code: Some(28001052),
            http_status: Some(200),
            log_id: Some("20261120201500ABCDEF".to_owned()),
        };
        assert_eq!(
            error.to_string(),
            "douyin fans/list: rate_limited, code 28001052, http 200, log id 20261120201500ABCDEF"
        );
        assert!(error.is_risk_control());
        let error = PlatformError::unreachable(Endpoint::AccessToken);
        assert_eq!(error.to_string(), "douyin oauth/access_token: transient");
        assert!(!error.is_risk_control());
    }
}
