//! What can go wrong in this domain, and which advice its user is given; the texts are in [`kernel::advice`].

use kernel::advice::{self, Advice};
use kernel::{FieldProblem, IsContention};
use serde::{Deserialize, Serialize};

use crate::douyin::{FailureKind, PlatformError};
use crate::lead_export::MAX_LEADS;
use crate::store::oauth_state::LIFETIME;

/// Result with this domain's error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Kernel(#[from] kernel::Error),
    /// Douyin failed us or refused (`DouyinApiException`).
    #[error(transparent)]
    Platform(#[from] PlatformError),
    /// The authorisation is missing, spent or refused (`DouyinAuthException`).
    #[error("douyin authorisation: {0:?}")]
    Authorization(AuthorizationProblem),
    /// A sync cannot go on (`DouyinLeadSyncException`).
    #[error("fan sync: {0:?}")]
    Sync(SyncProblem),
    /// The list was asked for wrongly (`InvalidDouyinLeadQueryException`).
    #[error("invalid lead query: {}", .0.iter().map(|field| field.path.as_str()).collect::<Vec<_>>().join(", "))]
    InvalidQuery(Vec<FieldProblem>),
    /// The lead may not change that way from the state it is in.
    #[error("lead cannot go from {from} to {to}")]
    IllegalTransition {
        from: &'static str,
        /// The status asked for.
        to: &'static str,
    },
    /// The lead was merged into another one.
    #[error("the lead was merged into lead {into}")]
    LeadMerged {
        /// The other one.
        into: crate::ids::LeadId,
    },
    /// Merged leads would be more than is erased, or shown, at once.
    #[error("too much to be merged")]
    MergeTooLarge,
    /// The lead's person was erased.
    #[error("the lead was erased")]
    LeadErased,
    /// The lead was edited since the caller read it.
    #[error("lead is at version {current}")]
    StaleVersion {
        /// The version it is at.
        current: u64,
    },
    /// More leads fit than one file has.
    #[error("{found} leads are too many for a file")]
    TooManyToExport {
        /// How many fit.
        found: u64,
    },
    /// The file would be larger than an answer.
    #[error("the file of leads is too large for an answer")]
    TooLongToExport,
    /// The caller's idempotency key was used for another note.
    #[error("the idempotency key was used for another note")]
    NoteKeyReused,
}

impl IsContention for Error {
    fn is_contention(&self) -> bool {
        matches!(self, Self::Kernel(error) if error.is_contention())
    }
}

/// Why an authorisation does not serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AuthorizationProblem {
    /// The state is missing, forged, expired or was used before, by another code or more than a minute ago: all must look
    /// alike.
    StateInvalid,
    /// The user declined on Douyin's page.
    ConsentDenied,
    ConsentUnavailable,
    /// Douyin's page refused what our app asks for.
    ConsentRefused,
    /// Douyin's page sent the user back for a reason we do not know.
    ConsentUnknown,
    /// Douyin did not accept the code (expired, used, another app's).
    CodeRejected,
    /// The caller has not authorised this account, or it is another user's.
    AccountUnknown,
    /// Douyin no longer accepts the account's tokens.
    Expired,
    /// The user withdrew the authorisation at Douyin.
    Revoked,
    /// The account is bound to another user of 存客宝.
    BoundToAnotherUser,
    /// What the account has brought the tenant is being deleted.
    DataBeingDeleted,
    /// The user did not grant a scope that is needed.
    ScopeMissing,
    /// The way back was taken in another browser than the one that asked for the link, and leads to no page on which
    /// the user could confirm it.
    OtherBrowser,
    /// The ticket of a parked grant is unknown, was used before or has expired: the three must look alike.
    TicketInvalid,
    /// The ticket belongs to a link that another user asked for.
    NotYourTicket,
}

/// Why a sync cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncProblem {
    /// It was resumed again and again and got no further.
    Stalled,
    /// The account was disconnected while it ran.
    Disconnected,
    /// The account's authorisation had ended, and another user has authorised it since.
    TakenOver,
    /// A sync that is to be cancelled has ended already.
    HasEnded,
    /// Our app may not list fans.
    Unavailable,
    /// The tenant's share of the day's calls is used up: the sync waits.
    ShareSpent,
    /// The caller's idempotency key was used for another request.
    KeyReused,
}

impl AuthorizationProblem {
    /// Why a user comes back from Douyin's page without a code, by the `error` it puts into the address (RFC 6749, 4.1.2.1).
    /// A consent that was declined is documented to come back without any.
    pub fn of_consent(error: Option<&str>) -> Self {
        match error.unwrap_or("access_denied") {
            "access_denied" => Self::ConsentDenied,
            "server_error" | "temporarily_unavailable" => Self::ConsentUnavailable,
            "invalid_scope"
            | "unauthorized_client"
            | "invalid_client"
            | "invalid_request"
            | "unsupported_response_type"
            | "redirect_uri_mismatch" => Self::ConsentRefused,
            _ => Self::ConsentUnknown,
        }
    }

    /// What the user is told.
    pub fn advice(self) -> Advice {
        match self {
            Self::StateInvalid => advice::STATE_INVALID,
            Self::ConsentDenied => advice::CONSENT_DENIED,
            Self::ConsentUnavailable => advice::DOUYIN_UNAVAILABLE,
            Self::ConsentRefused => advice::DOUYIN_MISCONFIGURED,
            Self::ConsentUnknown => advice::DOUYIN_UNKNOWN,
            Self::CodeRejected => advice::CODE_REJECTED,
            Self::AccountUnknown => advice::ACCOUNT_UNKNOWN,
            Self::Expired => advice::ACCOUNT_EXPIRED,
            Self::Revoked => advice::ACCOUNT_REVOKED,
            Self::BoundToAnotherUser => advice::ACCOUNT_BOUND_TO_ANOTHER_USER,
            Self::DataBeingDeleted => advice::ACCOUNT_DATA_BEING_DELETED,
            Self::ScopeMissing => advice::SCOPE_MISSING,
            Self::OtherBrowser => advice::OTHER_BROWSER,
            Self::TicketInvalid => advice::ticket_invalid(LIFETIME.as_secs() / 60),
            Self::NotYourTicket => advice::NOT_YOUR_TICKET,
        }
    }
}

impl SyncProblem {
    /// What the user is told.
    pub fn advice(self) -> Advice {
        match self {
            Self::Stalled => advice::SYNC_STALLED,
            Self::Disconnected => advice::SYNC_ACCOUNT_DISCONNECTED,
            Self::TakenOver => advice::SYNC_ACCOUNT_TAKEN_OVER,
            Self::HasEnded => advice::TASK_HAS_ENDED,
            Self::Unavailable => advice::SYNC_UNAVAILABLE,
            Self::ShareSpent => advice::DOUYIN_QUOTA_EXHAUSTED,
            Self::KeyReused => advice::SYNC_KEY_REUSED,
        }
    }
}

/// What the user is told of a failure at Douyin. What only the user can correct is a 400, whatever else Douyin does a 500.
pub fn platform_advice(kind: FailureKind) -> Advice {
    match kind {
        FailureKind::TokenInvalid | FailureKind::ReauthorizationNeeded => AuthorizationProblem::Expired.advice(),
        FailureKind::ScopeMissing => AuthorizationProblem::ScopeMissing.advice(),
        FailureKind::CodeRejected => AuthorizationProblem::CodeRejected.advice(),
        FailureKind::RateLimited => advice::DOUYIN_RATE_LIMITED,
        FailureKind::QuotaExhausted => advice::DOUYIN_QUOTA_EXHAUSTED,
        FailureKind::Transient => advice::DOUYIN_UNAVAILABLE,
        FailureKind::AccountUnavailable => advice::DOUYIN_ACCOUNT_UNAVAILABLE,
        FailureKind::Misconfigured => advice::DOUYIN_MISCONFIGURED,
        FailureKind::Retired => advice::DOUYIN_RETIRED,
        FailureKind::Unknown => advice::DOUYIN_UNKNOWN,
    }
}

impl Error {
    /// What the caller is told.
    pub fn advice(&self) -> Advice {
        match self {
            Self::Kernel(error) => error.advice(),
            Self::Platform(failure) => platform_advice(failure.kind),
            Self::Authorization(problem) => problem.advice(),
            Self::Sync(problem) => problem.advice(),
            Self::InvalidQuery(_) => advice::INVALID_LEAD_QUERY,
            Self::IllegalTransition { from, to } => advice::illegal_transition(from, to),
            Self::StaleVersion { current } => advice::stale_version(*current),
            Self::LeadErased => advice::LEAD_ERASED,
            Self::LeadMerged { into } => advice::lead_merged(into.get()),
            Self::MergeTooLarge => advice::MERGE_TOO_LARGE,
            Self::TooManyToExport { found } => advice::too_many_to_export(*found, MAX_LEADS),
            Self::TooLongToExport => advice::TOO_LONG_TO_EXPORT,
            Self::NoteKeyReused => advice::NOTE_KEY_REUSED,
        }
    }

    /// The fields of the request that are to be corrected.
    pub fn fields(&self) -> &[FieldProblem] {
        match self {
            Self::Kernel(error) => error.fields(),
            Self::InvalidQuery(fields) => fields,
            _ => &[],
        }
    }
}

impl From<AuthorizationProblem> for Error {
    fn from(problem: AuthorizationProblem) -> Self {
        Self::Authorization(problem)
    }
}

impl From<SyncProblem> for Error {
    fn from(problem: SyncProblem) -> Self {
        Self::Sync(problem)
    }
}
