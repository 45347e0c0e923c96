//! What a company's calls show of their way to WeCom, and what its user is told of it.

use std::net::IpAddr;

use kernel::advice;

use crate::provider::{Detail, FailureKind, ProviderError};
use crate::store::corp::{Corp, CorpProblem, CorpState};
use crate::wecom::{Passage, Wecom};

/// How it is with a company, for its user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorpHealth {
    /// What keeps its calls from WeCom, if anything does.
    pub problem: Option<CorpProblem>,
    /// Why, and what to do about it, in Chinese.
    pub reason: Option<String>,
    /// The address that the company does not trust.
    pub seen_ip: Option<IpAddr>,
}

impl CorpHealth {
    /// As the company's row has it.
    pub fn of(corp: &Corp) -> Self {
        let advice = corp.problem.map(|problem| match problem {
            CorpProblem::IpNotTrusted => advice::ip_not_trusted(corp.seen_ip),
            CorpProblem::SecretRefused => advice::CORP_SECRET_REFUSED,
            CorpProblem::ProxyNotConnected => advice::PROXY_NOT_CONNECTED,
        });
        Self { problem: corp.problem, reason: advice.map(|advice| advice.sentence()), seen_ip: corp.seen_ip }
    }
}

/// What a failed call shows of the company, if anything.
pub(crate) fn state_after(failure: &ProviderError) -> Option<CorpState> {
    let state = |problem| Some(CorpState { problem, seen_ip: None });
    match (&failure.kind, &failure.detail) {
        (FailureKind::IpNotTrusted { ip }, _) => Some(CorpState { problem: CorpProblem::IpNotTrusted, seen_ip: *ip }),
        (FailureKind::BadCredentials, _) => state(CorpProblem::SecretRefused),
        (_, Some(Detail::ProxyNotConnected)) => state(CorpProblem::ProxyNotConnected),
        _ => None,
    }
}

/// What is to be noted on the company's row after calls of `wecom`: a state, or that the one noted there is over. `None`
/// when the row says so already, or the calls have shown nothing.
pub(crate) fn news(corp: &Corp, wecom: &Wecom) -> Option<Option<CorpState>> {
    let known = corp.problem.map(|problem| CorpState { problem, seen_ip: corp.seen_ip });
    let seen = match wecom.passage()? {
        // Whether the secret is good is shown by asking for a token, and noted there.
        Passage::Open if corp.problem == Some(CorpProblem::SecretRefused) => known,
        Passage::Open => None,
        Passage::IpNotTrusted(seen_ip) => Some(CorpState { problem: CorpProblem::IpNotTrusted, seen_ip }),
        Passage::ProxyNotConnected => Some(CorpState { problem: CorpProblem::ProxyNotConnected, seen_ip: None }),
    };
    (seen != known).then_some(seen)
}
