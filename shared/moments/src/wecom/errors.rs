//! What a code of the platform means. Its words change and are never looked at.

use super::endpoint::Endpoint;
use crate::provider::{Detail, FailureKind, Provider, ProviderError, RateWindow, unanswered};

/// The meaning of a platform code on an endpoint.
///
/// A code is the platform's word that it did not do what was asked, also on the call that publishes: the token, the
/// limits and the arguments are checked before anything is created. The one exception is "system busy", which says
/// that something failed inside and not when. Source of the meanings: the page of global error codes,
/// `https://developer.work.weixin.qq.com/document/path/90313`.
pub const fn classify(endpoint: Endpoint, code: i64) -> FailureKind {
    use Endpoint::{AddMomentTask, GetToken};
    use FailureKind as Kind;

    match (endpoint, code) {
        (AddMomentTask, -1) => Kind::OutcomeUnknown,
        // System busy (at most three tries), version conflict, too many at once, conflicting operations, and moments
        // that are still being handed out or already too many.
        (_, -1 | 6000 | 45033 | 45035 | 41063 | 41078 | 41079) => Kind::Retry,

        // The window is not told. Asking for tokens with a bad secret blocks the address for an hour; every other
        // call most often hits its limit of the minute.
        (GetToken, 45009) => Kind::RateLimited { window: RateWindow::Hour },
        (_, 45009) => Kind::RateLimited { window: RateWindow::Minute },

        // One number, two meanings: a wrong secret here, a stale token elsewhere.
        (GetToken, 40001) => Kind::BadCredentials,
        // Bad company, arguments missing, application off, bad secret, secret judged insecure, permanent code or
        // ticket of a hosted application void.
        (_, 40013 | 41002 | 41004 | 40091 | 45031 | 40084 | 40085) => Kind::BadCredentials,
        (GetToken, 50003) => Kind::BadCredentials,
        // Invalid, expired, and not sent at all, which only an empty one in our own store can cause. The last two
        // are of hosted applications.
        (_, 40001 | 40014 | 42001 | 41001 | 42009 | 40082) => Kind::TokenInvalid,

        // Sensitive content, illegal words.
        (_, 40201 | 85002) => Kind::ContentRejected,

        // The upload is older than three days, or was not made for moments.
        (_, 40007) => Kind::MediaInvalid,
        // Nothing in it, too much, wrong kind, bad video; media id or address missing, too long or without a scheme;
        // arguments or encoding or tag wrong.
        (_, 41088 | 41089 | 41064 | 41065 | 41090 | 41006 | 40039 | 40094 | 45034) => Kind::InvalidContent,
        (_, 40058 | 40063 | 40068 | 40033) => Kind::InvalidContent,
        // Of an upload: type of file, type argument, size (four codes), empty file.
        (_, 40004..=40006 | 40009 | 40011 | 45001 | 45002 | 44001) => Kind::InvalidContent,

        // Unknown, illegal or out of sight; all of them invalid; not a publisher, or not published yet.
        (_, 40003 | 40031 | 60111 | 46004 | 60003 | 60123 | 81013 | 84061 | 41061 | 41062) => Kind::TargetInvalid,

        // The address the platform saw is in its words: the envelope's reader adds it.
        (_, 60020) => Kind::IpNotTrusted { ip: None },
        // Interface not granted, no right on the member, no right to customer contact, out of range (three codes),
        // no licence.
        (_, 48001 | 48002 | 60011 | 84074 | 50002 | 60021 | 92000 | 301_002 | 701_008) => Kind::PermissionMissing,
        // Application off, interface reclaimed or retired, authorization void, barred, company unavailable, address
        // unused for 90 days.
        (_, 50003 | 48004..=48006 | 60031 | 301_007 | 48009) => Kind::PermissionMissing,

        // Moment id missing or bad, moment of another type, job unknown or older than a day.
        (_, 41059 | 41060 | 41067 | 40088) => Kind::NotFound,

        _ => Kind::Unknown,
    }
}

/// The failure of asking for a token without the secret, which its user has taken away.
pub fn secret_missing() -> ProviderError {
    let endpoint = Endpoint::GetToken.path();
    ProviderError { kind: FailureKind::BadCredentials, provider: Provider::Wecom, endpoint, code: None, detail: None }
}

/// The failure of a call through a proxy that may not be used.
pub fn proxy_not_connected() -> ProviderError {
    undecided(Endpoint::GetToken, Detail::ProxyNotConnected)
}

/// A failure told by a code.
pub(super) fn refused(endpoint: Endpoint, code: i64, errmsg: &str) -> ProviderError {
    let kind = match classify(endpoint, code) {
        FailureKind::IpNotTrusted { .. } => FailureKind::IpNotTrusted { ip: caller_address(errmsg) },
        kind => kind,
    };
    let detail = hint(errmsg).map(Detail::Hint);
    ProviderError { kind, provider: Provider::Wecom, endpoint: endpoint.path(), code: Some(code), detail }
}

/// A call without an answer of the platform's.
pub(super) fn undecided(endpoint: Endpoint, detail: Detail) -> ProviderError {
    let kind = unanswered(endpoint.is_repeatable(), &detail);
    ProviderError { kind, provider: Provider::Wecom, endpoint: endpoint.path(), code: None, detail: Some(detail) }
}

/// A call that would have done something else than it says, so it was not made.
pub(super) const fn not_sent(endpoint: Endpoint, kind: FailureKind) -> ProviderError {
    ProviderError { kind, provider: Provider::Wecom, endpoint: endpoint.path(), code: None, detail: None }
}

/// `…, from ip: 203.0.113.7, more info at …`. Only what is an address passes.
fn caller_address(errmsg: &str) -> Option<std::net::IpAddr> {
    let (_, rest) = errmsg.split_once("from ip: ")?;
    rest.split([',', ' ']).next()?.parse().ok()
}

/// `…, hint: [1700000000_12_3fa9], …`. It goes into logs, so it must look like one: digits, hex and underscores.
fn hint(errmsg: &str) -> Option<String> {
    let (_, rest) = errmsg.split_once("hint: [")?;
    let (hint, _) = rest.split_once(']')?;
    let looks = (1..=64).contains(&hint.len()) && hint.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'_');
    looks.then(|| hint.to_owned())
}

#[cfg(test)]
mod tests;
