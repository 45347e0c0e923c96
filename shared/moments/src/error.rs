//! What can go wrong in this domain, and which advice its user is given; the texts are in [`kernel::advice`].

use std::borrow::Cow;

use kernel::advice::{self, ErrorCode};
use kernel::{FieldProblem, IsContention};

use crate::media::MediaProblem;
use crate::provider::{Detail, FailureKind, ProviderError};
use crate::store::task::Force;
use crate::text_check::{NotJudged, TextObjection};

/// Result with this domain's error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Kernel(#[from] kernel::Error),
    /// The provider failed or refused (`WechatApiException`).
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// These accounts do not exist or are not the caller's (`WechatAccountNotFoundException`).
    #[error("{} wechat accounts not found", .0.len())]
    AccountNotFound(Vec<FieldProblem>),
    /// The content or the choice of accounts breaks a rule (`MomentSyncCreationException`).
    #[error("content refused: {}", .0.iter().map(|field| field.path.as_str()).collect::<Vec<_>>().join(", "))]
    ContentRefused(Vec<FieldProblem>),
    /// A rule that its user may set aside stands against it.
    #[error("{} stands against it: {}", .force.as_str(), .fields.iter().map(|field| field.path.as_str()).collect::<Vec<_>>().join(", "))]
    Forceable {
        /// What sets it aside.
        force: Force,
        /// Whom it is about.
        fields: Vec<FieldProblem>,
    },
    /// Something below failed before the task was written (`MomentSyncCreationException`).
    #[error("moment task not created: {0}")]
    CreationFailed(kernel::Error),
    /// Whether the task was written is not known: its transaction was never answered (`MomentSyncCreationException`).
    #[error("moment task perhaps created: {0}")]
    CreationUnproven(kernel::Error),
    /// The content library did not answer, so nothing was created (`MomentSyncCreationException`).
    #[error("content library unavailable")]
    ContentLibraryUnavailable,
    /// The text could not be judged, so nothing was created (`MomentSyncCreationException`).
    #[error(transparent)]
    TextNotJudged(#[from] NotJudged),
    /// The task's state does not allow what was asked for.
    #[error("task state forbids it: {}", .0.message)]
    StateForbids(advice::Advice),
    /// These accounts have not failed, so they are not tried again.
    #[error("{} accounts have not failed", .0.len())]
    NotFailed(Vec<FieldProblem>),
    /// The account is connected by another user.
    #[error("wechat account is bound to another user")]
    BoundToAnotherUser,
    /// The idempotency key was used for another request.
    #[error("idempotency key reused for another request")]
    IdempotencyKeyReused,
}

impl IsContention for Error {
    fn is_contention(&self) -> bool {
        matches!(self, Self::Kernel(error) if error.is_contention())
    }
}

/// What an account's row tells of its failure.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Advice {
    /// One of the stable error codes.
    pub code: &'static str,
    /// What happened and what to do about it, in Chinese.
    pub message: Cow<'static, str>,
}

/// The code of a publication of which nobody knows whether it went out.
pub const UNCONFIRMED: &str = ErrorCode::MomentPublishUnconfirmed.as_str();

impl From<advice::Advice> for Advice {
    fn from(advice: advice::Advice) -> Self {
        Self { code: advice.code.as_str(), message: Cow::Owned(advice.sentence()) }
    }
}

/// What the user is told of a medium that cannot be used any more; it is the `index`-th of the task, from 0.
pub fn media_advice(index: usize, problem: &MediaProblem) -> Advice {
    advice::medium_unusable(index + 1, problem.message()).into()
}

/// What the user is told of a text that must not be posted any more.
pub fn text_advice(objection: &TextObjection) -> Advice {
    match objection {
        TextObjection::Word(word) => advice::text_forbidden(word).into(),
        TextObjection::Blocked | TextObjection::ForReview => advice::TEXT_REFUSED.into(),
    }
}

/// Why an account's publication failed without a provider saying so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublishProblem {
    /// Whether it was published is not known.
    Unconfirmed,
    /// Whether a company's members were asked, or have published, is not known.
    MembersUnconfirmed,
    /// Nor can it be known: its account's lists prove nothing.
    Unprovable,
    /// Its time was missed by more than the configured lateness.
    Missed,
    /// It had no time, and could not go out for too long.
    WaitedTooLong,
    /// The account is not ACTIVE any more.
    AccountUnusable,
    /// The member did not confirm in time.
    NotConfirmedByMember,
    /// WeCom has not asked the member.
    MemberNotAsked,
    /// Tried again and again without success.
    GaveUp,
    /// WeCom does not accept the member as a publisher.
    MemberRefused,
    /// The media cannot be fetched or are not what they were.
    MediaUnusable,
}

impl PublishProblem {
    /// What the user is told.
    pub fn advice(self) -> Advice {
        self.full_advice().into()
    }

    fn full_advice(self) -> advice::Advice {
        match self {
            Self::Unconfirmed => advice::UNCONFIRMED,
            // Before its members confirm, nothing can be seen where posts are.
            Self::MembersUnconfirmed => advice::MEMBERS_UNCONFIRMED,
            Self::Unprovable => advice::UNPROVABLE,
            Self::Missed => advice::TIME_MISSED,
            Self::WaitedTooLong => advice::WAITED_TOO_LONG,
            Self::AccountUnusable => advice::ACCOUNT_UNUSABLE,
            Self::NotConfirmedByMember => advice::NOT_CONFIRMED_BY_MEMBER,
            Self::MemberNotAsked => advice::MEMBER_NOT_ASKED,
            Self::GaveUp => advice::GAVE_UP,
            Self::MemberRefused => advice::MEMBER_REFUSED,
            Self::MediaUnusable => advice::MEDIA_UNUSABLE,
        }
    }
}

/// What the user is told of a provider's refusal to publish.
pub fn provider_advice(failure: &ProviderError) -> Advice {
    refusal(failure).into()
}

fn refusal(failure: &ProviderError) -> advice::Advice {
    match &failure.kind {
        FailureKind::Retry if failure.detail == Some(Detail::ProxyNotConnected) => advice::PROXY_NOT_CONNECTED,
        FailureKind::Retry => failure.provider.unavailable(),
        FailureKind::RateLimited { .. } => advice::WECHAT_RATE_LIMITED,
        FailureKind::TokenInvalid | FailureKind::BadCredentials => failure.provider.credentials_invalid(),
        FailureKind::ContentRejected => advice::CONTENT_REJECTED,
        FailureKind::InvalidContent => advice::CONTENT_INVALID,
        FailureKind::MediaInvalid => PublishProblem::MediaUnusable.full_advice(),
        // We have just fetched them ourselves.
        FailureKind::MediaFetchFailed => advice::GATEWAY_MEDIA_FAILED,
        FailureKind::TargetInvalid => PublishProblem::MemberRefused.full_advice(),
        FailureKind::PermissionMissing => advice::MOMENT_RIGHT_MISSING,
        FailureKind::IpNotTrusted { ip } => advice::ip_not_trusted(*ip),
        FailureKind::AccountOffline => advice::DEVICE_OFFLINE,
        FailureKind::AnotherPerson => advice::DEVICE_HAS_ANOTHER_PERSON,
        FailureKind::DeviceUnknown => advice::DEVICE_UNKNOWN,
        FailureKind::NewDeviceCooldown => advice::DEVICE_TOO_NEW,
        FailureKind::NotFound => advice::MOMENT_NOT_FOUND,
        FailureKind::OutcomeUnknown => failure.provider.outcome_unknown(),
        FailureKind::Unknown => advice::WECHAT_UNKNOWN,
    }
}

/// What whoever connects an account is told of the refusal: what they have just typed is what they can correct. Only
/// connecting asks a provider while somebody waits, so every refusal has the code of the provider's interface.
fn connection_refusal(failure: &ProviderError) -> advice::Advice {
    let advice = match &failure.kind {
        FailureKind::TokenInvalid | FailureKind::BadCredentials => failure.provider.credentials_refused(),
        FailureKind::DeviceUnknown => advice::DEVICE_REFUSED,
        FailureKind::AccountOffline => advice::DEVICE_NOT_LOGGED_IN,
        _ => refusal(failure),
    };
    advice::Advice { code: ErrorCode::WechatApi, ..advice }
}

impl Error {
    /// What the caller is told.
    pub fn advice(&self) -> advice::Advice {
        match self {
            Self::Kernel(error) => error.advice(),
            Self::Provider(failure) => connection_refusal(failure),
            Self::AccountNotFound(_) => advice::WECHAT_ACCOUNT_NOT_FOUND,
            Self::ContentRefused(_) => advice::CONTENT_REFUSED,
            Self::Forceable { force: Force::DuplicateContent, .. } => advice::DUPLICATE_CONTENT,
            Self::Forceable { force: Force::DailyCap, .. } => advice::DAILY_CAP,
            Self::Forceable { force: Force::QuietHours, .. } => advice::QUIET_HOURS,
            Self::CreationFailed(_) => advice::CREATION_FAILED,
            Self::CreationUnproven(_) => advice::CREATION_UNPROVEN,
            Self::ContentLibraryUnavailable => advice::CONTENT_LIBRARY_UNAVAILABLE,
            Self::TextNotJudged(_) => advice::TEXT_NOT_JUDGED,
            Self::StateForbids(why) => why.clone(),
            Self::NotFailed(_) => advice::NOT_FAILED,
            Self::BoundToAnotherUser => advice::WECHAT_ACCOUNT_BOUND_TO_ANOTHER_USER,
            Self::IdempotencyKeyReused => advice::IDEMPOTENCY_KEY_REUSED,
        }
    }

    /// The fields of the request that are to be corrected.
    pub fn fields(&self) -> &[FieldProblem] {
        match self {
            Self::Kernel(error) => error.fields(),
            Self::AccountNotFound(fields)
            | Self::ContentRefused(fields)
            | Self::NotFailed(fields)
            | Self::Forceable { fields, .. } => fields,
            _ => &[],
        }
    }
}
