//! What can go wrong in this domain, and what its user is told: every text a person reads about it is here.

use std::borrow::Cow;

use kernel::FieldProblem;

use crate::media::MediaProblem;
use crate::provider::{FailureKind, Provider, ProviderError};

/// Result with this domain's error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The domain's error.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Below the domain.
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
    /// Something below failed before the task was written (`MomentSyncCreationException`).
    #[error("moment task not created: {0}")]
    CreationFailed(kernel::Error),
    /// Whether the task was written is not known: its transaction was never answered (`MomentSyncCreationException`).
    #[error("moment task perhaps created: {0}")]
    CreationUnproven(kernel::Error),
    /// The content library did not answer, so nothing was created (`MomentSyncCreationException`).
    #[error("content library unavailable")]
    ContentLibraryUnavailable,
    /// The task's state does not allow what was asked for.
    #[error("task state forbids it: {0}")]
    StateForbids(&'static str),
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

/// What a person is told: what happened, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Advice {
    /// One of the stable error codes.
    pub code: &'static str,
    /// What happened and what to do about it, in Chinese.
    pub message: Cow<'static, str>,
}

const PUBLISH_FAILED: &str = "MOMENT_PUBLISH_FAILED";
/// The code of a publication of which nobody knows whether it went out.
pub const UNCONFIRMED: &str = "MOMENT_PUBLISH_UNCONFIRMED";

const fn advice(code: &'static str, message: &'static str) -> Advice {
    Advice { code, message: Cow::Borrowed(message) }
}

/// What the user is told of a medium that cannot be used any more; it is the `index`-th of the task, from 0.
pub fn media_advice(index: usize, problem: &MediaProblem) -> Advice {
    let message = format!("第 {} 个素材无法使用：{}，然后重新创建任务", index + 1, problem.message());
    Advice { code: PUBLISH_FAILED, message: Cow::Owned(message) }
}

/// Why an account's publication failed without a provider saying so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublishProblem {
    /// Whether it was published is not known.
    Unconfirmed,
    /// Whether a company's members were asked, or have published, is not known.
    MembersUnconfirmed,
    /// Its time was missed by more than the configured lateness.
    Missed,
    /// The account is not ACTIVE any more.
    AccountUnusable,
    /// The member did not confirm in time.
    NotConfirmedByMember,
    /// Tried again and again without success.
    GaveUp,
    /// WeCom does not accept the member as a publisher.
    MemberRefused,
    /// The media cannot be fetched or are not what they were.
    MediaUnusable,
}

impl PublishProblem {
    /// What the user is told.
    pub const fn advice(self) -> Advice {
        const FAILED: &str = PUBLISH_FAILED;
        match self {
            Self::Unconfirmed => advice(
                UNCONFIRMED,
                "发送后未收到微信的确认，无法确定是否已发布。请先在微信中查看该账号的朋友圈，确认没有发布后，再选择重试未确认的账号",
            ),
            // Before its members confirm, nothing can be seen where posts are.
            Self::MembersUnconfirmed => advice(
                UNCONFIRMED,
                "未收到企业微信的确认，无法确定成员是否已收到或已发布。请先在企业微信管理后台及成员的待办中查看，确认没有后，再选择重试未确认的账号",
            ),
            Self::Missed => advice(FAILED, "已错过预定发布时间，为避免打扰客户未再补发。请重新创建任务"),
            Self::AccountUnusable => advice(FAILED, "该账号当前不可用（离线、过期或已解绑）。请恢复账号后重试"),
            Self::NotConfirmedByMember => {
                advice(FAILED, "成员超时未确认发布。请提醒成员在企业微信中及时确认，然后重试")
            }
            Self::GaveUp => advice(FAILED, "多次尝试仍未能发布，没有内容被发出。请稍后重试"),
            Self::MemberRefused => {
                advice(FAILED, "企业微信不接受该成员发表客户朋友圈。请检查其客户联系权限与应用可见范围后重试")
            }
            Self::MediaUnusable => advice(FAILED, "图片或视频无法下载或已被更改。请检查素材链接后重新创建任务"),
        }
    }
}

/// What whoever connects an account is told of the refusal: what they have just typed is what they can correct.
pub fn connection_advice(failure: &ProviderError) -> Advice {
    const API: &str = "WECHAT_API_ERROR";
    match (&failure.kind, failure.provider) {
        (FailureKind::TokenInvalid | FailureKind::BadCredentials, Provider::Wecom) => {
            advice(API, "企业微信应用凭证无效。请核对企业 ID 和应用密钥后重新提交")
        }
        (FailureKind::TokenInvalid | FailureKind::BadCredentials, Provider::Gateway) => {
            advice(API, "网关令牌无效。请核对网关令牌后重新提交")
        }
        (FailureKind::DeviceUnknown, _) => advice(API, "网关中找不到该设备。请核对设备编号（appId）后重新提交"),
        (FailureKind::AccountOffline, _) => advice(API, "该设备当前未登录微信。请先在网关中登录后再连接"),
        _ => provider_advice(failure),
    }
}

/// What the user is told of a provider's refusal to publish.
pub fn provider_advice(failure: &ProviderError) -> Advice {
    const API: &str = "WECHAT_API_ERROR";
    const FAILED: &str = PUBLISH_FAILED;
    match &failure.kind {
        FailureKind::Retry => advice(API, "微信服务暂时繁忙，请稍后重试"),
        FailureKind::RateLimited { .. } => advice(API, "微信接口调用过于频繁，请稍后重试"),
        FailureKind::TokenInvalid | FailureKind::BadCredentials => match failure.provider {
            Provider::Wecom => advice(API, "企业微信应用凭证无效。请核对企业 ID 和应用密钥，重新连接账号后重试"),
            Provider::Gateway => advice(API, "网关令牌无效。请核对网关令牌，重新连接账号后重试"),
        },
        FailureKind::ContentRejected => advice(FAILED, "内容含有微信不允许发布的信息。请修改内容后重新创建任务"),
        FailureKind::InvalidContent => advice(FAILED, "微信认为内容格式不符合要求。请检查文字与素材后重新创建任务"),
        FailureKind::MediaInvalid | FailureKind::MediaFetchFailed => PublishProblem::MediaUnusable.advice(),
        FailureKind::TargetInvalid => PublishProblem::MemberRefused.advice(),
        FailureKind::PermissionMissing => {
            advice(API, "企业微信应用没有客户朋友圈权限。请管理员在企业微信后台开通后重试")
        }
        FailureKind::IpNotTrusted { .. } => advice(API, "服务器地址不在企业微信应用的可信 IP 中。请管理员添加后重试"),
        FailureKind::AccountOffline => {
            advice(API, "该微信账号已离线。请重新登录，待账号恢复在线（约 10 分钟内，重新连接账号可立即恢复）后重试")
        }
        FailureKind::DeviceUnknown => advice(API, "网关中找不到该设备。请核对设备编号（appId），重新连接账号后重试"),
        FailureKind::NewDeviceCooldown => advice(API, "新登录的设备暂不能发朋友圈，通常需等待 1 至 3 天。请届时重试"),
        FailureKind::NotFound => advice(API, "微信中已找不到该发布任务。请重新创建任务"),
        FailureKind::OutcomeUnknown => match failure.provider {
            Provider::Wecom => PublishProblem::MembersUnconfirmed.advice(),
            Provider::Gateway => PublishProblem::Unconfirmed.advice(),
        },
        FailureKind::Unknown => advice(API, "微信返回了未知错误。请稍后重试；若持续出现请联系存客宝客服"),
    }
}
