//! What the gateway's failures mean. They all have one code, so the words must tell, and only these few are known.

use super::endpoint::Endpoint;
use crate::provider::{Detail, FailureKind, Provider, ProviderError, RateWindow, unanswered};

/// The meaning of a failure's words on an endpoint.
///
/// | words | meaning | known from |
/// |---|---|---|
/// | `微信已离线` | account offline | Gewechat issues 111, 199 |
/// | `[…]设备不存在` | device unknown | Gewechat issues 116, 252 |
/// | `… X-GEWE-TOKEN=… 不可用或已过期` | bad token | Gewechat issues 234, 263 |
/// | `imgUrls不可为空` and its kin | content incomplete | the vendor's sample |
/// | `…新设备…` | device too new | the vendor's pages of the sends; the error itself is not documented |
/// | `操作过于频繁…` | too many | WeChat's own sentence for it; the vendor's rule is an hour between posts |
/// | others, on an upload | media not fetched: tried again | fetching them is all an upload does, and we just could |
/// | others, on a send | outcome unknown | see below |
/// | others | unknown | |
///
/// Words we do not know say that the gateway failed and not when: a timeout of its own on the way to WeChat comes in
/// the same envelope as a refusal. So on a send they prove nothing, and reading back must decide. (At WeCom, a code
/// is the platform's own word, and an unknown one is still a refusal.)
pub fn classify(endpoint: Endpoint, words: &str) -> FailureKind {
    let words = words.trim();
    // The beginning or the end, where documented, and never somewhere within: a failure may quote what was sent.
    if words == "微信已离线" {
        FailureKind::AccountOffline
    } else if words.ends_with("设备不存在") {
        FailureKind::DeviceUnknown
    } else if words.contains("X-GEWE-TOKEN") && words.ends_with("不可用或已过期") {
        FailureKind::BadCredentials
    } else if words.ends_with("不可为空") {
        FailureKind::InvalidContent
    } else if words.starts_with("新设备") || words.starts_with("在新设备") {
        FailureKind::NewDeviceCooldown
    } else if words.starts_with("操作过于频繁") {
        FailureKind::RateLimited { window: RateWindow::Hour }
    } else if endpoint.is_upload() {
        FailureKind::MediaFetchFailed
    } else if !endpoint.is_repeatable() {
        FailureKind::OutcomeUnknown
    } else {
        FailureKind::Unknown
    }
}

/// A failure told by the gateway. The reason is in the data when the message is a general one.
pub(super) fn refused(endpoint: Endpoint, code: i64, msg: &str, data_msg: Option<&str>) -> ProviderError {
    let unread = classify(endpoint, "");
    let kind = match data_msg.map(|words| classify(endpoint, words)) {
        Some(kind) if kind != unread => kind,
        _ => classify(endpoint, msg),
    };
    ProviderError { kind, provider: Provider::Gateway, endpoint: endpoint.path(), code: Some(code), detail: None }
}

/// A call without an answer of the gateway's.
pub(super) fn undecided(endpoint: Endpoint, detail: Detail) -> ProviderError {
    let kind = unanswered(endpoint.is_repeatable(), &detail);
    ProviderError { kind, provider: Provider::Gateway, endpoint: endpoint.path(), code: None, detail: Some(detail) }
}

/// A failure found before or after the call.
pub(super) const fn failed(endpoint: Endpoint, kind: FailureKind) -> ProviderError {
    ProviderError { kind, provider: Provider::Gateway, endpoint: endpoint.path(), code: None, detail: None }
}

#[cfg(test)]
mod tests;
