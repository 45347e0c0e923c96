//! What calls show of the way to WeCom: whether the address that they come from is taken. Kept beside the client, so that
//! no caller can forget to look.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use super::Endpoint;
use crate::provider::{Detail, FailureKind, ProviderError};

/// What a call has shown of the way to WeCom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage {
    /// WeCom takes calls from there.
    Open,
    /// The company does not trust this address, as far as WeCom named it.
    IpNotTrusted(Option<IpAddr>),
    /// The company's proxy was not reached, or did not reach WeCom.
    ProxyNotConnected,
}

/// What the newest call that shows anything has shown.
#[derive(Debug, Default)]
pub(super) struct Observed(Mutex<Option<Passage>>);

impl Observed {
    pub(super) fn get(&self) -> Option<Passage> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Learns from the outcome of a call.
    pub(super) fn learn<T>(&self, endpoint: Endpoint, outcome: &Result<T, ProviderError>) {
        if let Some(passage) = shown_by(endpoint, outcome.as_ref().err()) {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(passage);
        }
    }
}

/// A token is given to whatever address asks for it, so a success there shows nothing. Nor does a refusal for another
/// reason: which of two reasons WeCom looks at first is not promised.
fn shown_by(endpoint: Endpoint, failure: Option<&ProviderError>) -> Option<Passage> {
    match failure {
        None => (endpoint != Endpoint::GetToken).then_some(Passage::Open),
        Some(ProviderError { kind: FailureKind::IpNotTrusted { ip }, .. }) => Some(Passage::IpNotTrusted(*ip)),
        Some(ProviderError { detail: Some(Detail::ProxyNotConnected), .. }) => Some(Passage::ProxyNotConnected),
        Some(_) => None,
    }
}
