//! A return from Douyin that comes twice: a double click, a page that is loaded again. The code is spent by then, so what
//! came of the first return is kept for a minute and told again.
//!
//! Nothing secret is kept. Whoever repeats a return shows the same state and the same code, of which we keep hashes, and
//! the ticket of a parked grant is made of both: so whoever sent somebody else a link, and knows its state, learns
//! nothing here.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::crypto::{sha256, sha256_hex};
use kernel::ids::UserId;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::authorize::Authorized;
use crate::douyin::{Endpoint, FailureKind, PlatformError};
use crate::error::{AuthorizationProblem, Error, Result};
use crate::ids::OpenId;

/// What came of a return.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum KeptOutcome {
    /// The account is authorised.
    Authorized {
        account_open_id: OpenId,
        missing_scopes: Vec<String>,
    },
    /// The grant waits to be confirmed.
    Parked,
    Refused(AuthorizationProblem),
    /// Douyin failed or refused.
    Failed(FailureKind),
}

impl KeptOutcome {
    /// Of a return that has ended.
    pub fn of(result: &Result<Authorized>) -> Self {
        match result {
            Ok(Authorized { account_open_id, missing_scopes, .. }) => {
                Self::Authorized { account_open_id: account_open_id.clone(), missing_scopes: missing_scopes.clone() }
            }
            Err(Error::Authorization(problem)) => Self::Refused(*problem),
            Err(Error::Platform(failure)) => Self::Failed(failure.kind),
            // Our own failure: the state is spent, and a new link is what helps.
            Err(_) => Self::Refused(AuthorizationProblem::StateInvalid),
        }
    }

    /// The same result, for the user who had asked for the link; `None` while the grant waits to be confirmed.
    pub fn result(self, user_id: UserId) -> Option<Result<Authorized>> {
        Some(match self {
            Self::Authorized { account_open_id, missing_scopes } => {
                Ok(Authorized { user_id, account_open_id, missing_scopes })
            }
            Self::Parked => return None,
            Self::Refused(problem) => Err(problem.into()),
            Self::Failed(kind) => Err(PlatformError {
                kind,
                endpoint: Endpoint::AccessToken,
                code: None,
                http_status: None,
                log_id: None,
            }
            .into()),
        })
    }
}

/// By what a repetition is known to bring the same code, or none like the first return.
pub(crate) fn code_hash(code: Option<&SecretString>) -> String {
    sha256_hex(code.map_or("", ExposeSecret::expose_secret).as_bytes())
}

/// The ticket of the grant that this code brought, always the same one: 256 bits that nobody knows who does not know
/// the code.
pub(crate) fn ticket(nonce: &[u8; 32], code: &SecretString) -> SecretString {
    let digest = sha256(&[b"ticket", nonce, code.expose_secret().as_bytes()]);
    URL_SAFE_NO_PAD.encode(digest).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_outcome_tells_what_the_first_return_told() {
        let user_id = UserId::new(7).unwrap();
        let authorized = || Authorized {
            user_id,
            account_open_id: "shop".parse().unwrap(),
            missing_scopes: vec!["fans.list".to_owned()],
        };
        let platform = |kind| {
            Error::Platform(PlatformError {
                kind,
                endpoint: Endpoint::AccessToken,
                code: Some(10_003),
                http_status: Some(200),
                log_id: Some("log".to_owned()),
            })
        };
        for result in [
            Ok(authorized()),
            Err(AuthorizationProblem::ConsentDenied.into()),
            Err(AuthorizationProblem::BoundToAnotherUser.into()),
            Err(platform(FailureKind::CodeRejected)),
            Err(platform(FailureKind::Transient)),
        ] {
            let text = serde_json::to_string(&KeptOutcome::of(&result)).unwrap();
            let kept: KeptOutcome = serde_json::from_str(&text).unwrap();
            match (result, kept.result(user_id).unwrap()) {
                (Ok(first), Ok(again)) => assert_eq!(again, first),
                (Err(first), Err(again)) => assert_eq!(again.advice(), first.advice(), "{text}"),
                (first, again) => panic!("{first:?}, then {again:?}"),
            }
        }
        let own = KeptOutcome::of(&Err(kernel::Error::Internal("test").into()));
        assert_eq!(own, KeptOutcome::Refused(AuthorizationProblem::StateInvalid));
        assert!(KeptOutcome::Parked.result(user_id).is_none());
    }

    #[test]
    fn ticket_is_known_only_with_state_and_code() {
        let (code, other) = (SecretString::from("code"), SecretString::from("other"));
        let of = |nonce, code| ticket(&[nonce; 32], code).expose_secret().to_owned();
        assert_eq!(of(1, &code), of(1, &code));
        assert_ne!(of(1, &code), of(2, &code));
        assert_ne!(of(1, &code), of(1, &other));
        assert_ne!(code_hash(Some(&code)), code_hash(Some(&other)));
        assert_eq!(of(1, &code).len(), 43, "256 bits, base64url");
    }
}
