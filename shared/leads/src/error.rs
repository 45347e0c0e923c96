//! What can go wrong in this domain, and what its user is told: every text a person reads about it is here.

use kernel::FieldProblem;

use crate::douyin::{FailureKind, PlatformError};

/// Result with this domain's error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The domain's error.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Below the domain.
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
        /// Its status.
        from: &'static str,
        /// The status asked for.
        to: &'static str,
    },
    /// The lead was edited since the caller read it.
    #[error("lead is at version {current}")]
    StaleVersion {
        /// The version it is at.
        current: u64,
    },
}

/// Why an authorisation does not serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthorizationProblem {
    /// The state is missing, forged, expired or was used before: the four must look alike.
    StateInvalid,
    /// The user declined on Douyin's page.
    ConsentDenied,
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
}

/// What a person is told: what happened, and what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advice {
    /// One of the stable error codes of the contract.
    pub code: &'static str,
    /// What happened, in Chinese.
    pub message: &'static str,
    /// What to do about it, in Chinese.
    pub remedy: &'static str,
}

const fn advice(code: &'static str, message: &'static str, remedy: &'static str) -> Advice {
    Advice { code, message, remedy }
}

impl AuthorizationProblem {
    /// What the user is told.
    pub const fn advice(self) -> Advice {
        const CODE: &str = "DOUYIN_AUTH_ERROR";
        match self {
            Self::StateInvalid => advice(CODE, "授权链接无效或已过期", "请返回存客宝重新发起抖音授权"),
            Self::ConsentDenied => advice(CODE, "您在抖音取消了授权", "如需获客，请重新发起授权并点击同意"),
            Self::CodeRejected => advice(CODE, "抖音授权码无效、已使用或已过期", "请重新发起抖音授权"),
            Self::AccountUnknown => advice(CODE, "您尚未授权该抖音账号", "请先完成该抖音账号的授权，再进行操作"),
            Self::Expired => advice(CODE, "该抖音账号的授权已过期", "请重新授权该抖音账号后再试"),
            Self::Revoked => advice(CODE, "该抖音账号已在抖音端取消授权", "请重新授权该抖音账号后再试"),
            Self::BoundToAnotherUser => {
                advice(CODE, "该抖音账号已绑定其他存客宝用户", "请先由原用户解除绑定，或更换抖音账号授权")
            }
            Self::ScopeMissing => advice(CODE, "抖音账号未授予粉丝列表权限", "请重新授权，并在抖音授权页勾选全部权限"),
            Self::OtherBrowser => advice(
                CODE,
                "请在发起授权的浏览器中完成授权，本次授权未生效",
                "请登录存客宝，在同一浏览器中重新发起抖音授权；请勿打开他人发来的授权链接",
            ),
            Self::TicketInvalid => {
                advice(CODE, "授权确认已失效", "确认须在授权后十分钟内完成且仅限一次，请重新发起抖音授权")
            }
            Self::NotYourTicket => advice(
                CODE,
                "该授权由其他存客宝用户发起，已作废，未绑定任何账号",
                "如需绑定该抖音账号，请在您自己的存客宝中重新发起授权；请勿打开他人发来的授权链接",
            ),
        }
    }
}

impl SyncProblem {
    /// What the user is told.
    pub const fn advice(self) -> Advice {
        const CODE: &str = "DOUYIN_LEAD_SYNC_ERROR";
        match self {
            Self::Stalled => {
                advice(CODE, "粉丝同步多次重试仍无进展，已停止", "已同步的线索均已保存，请稍后重新发起同步")
            }
            Self::Disconnected => {
                advice(CODE, "该抖音账号已解除绑定，同步已停止", "已同步的线索均已保存；如需继续请重新授权该账号")
            }
            Self::TakenOver => advice(
                CODE,
                "该抖音账号的授权已失效，并已由其他存客宝用户重新授权，同步已停止",
                "已同步的线索均已保存；如该账号属于您，请在抖音中取消其他授权后重新授权",
            ),
        }
    }
}

/// What the user is told of a failure at Douyin.
pub const fn platform_advice(kind: FailureKind) -> Advice {
    const CODE: &str = "DOUYIN_API_ERROR";
    match kind {
        FailureKind::TokenInvalid | FailureKind::ReauthorizationNeeded => AuthorizationProblem::Expired.advice(),
        FailureKind::ScopeMissing => AuthorizationProblem::ScopeMissing.advice(),
        FailureKind::CodeRejected => AuthorizationProblem::CodeRejected.advice(),
        FailureKind::RateLimited => advice(CODE, "抖音接口请求过于频繁", "请稍后再试"),
        FailureKind::QuotaExhausted => advice(CODE, "今日抖音接口调用额度已用完", "额度将于北京时间次日 08:00 恢复"),
        FailureKind::Transient => advice(CODE, "抖音服务暂时不可用", "请稍后重试"),
        FailureKind::AccountUnavailable => {
            advice(CODE, "该抖音账号状态异常（封禁、注销或私密）", "请在抖音中检查账号状态，恢复后再试")
        }
        FailureKind::Misconfigured => {
            advice(CODE, "存客宝在抖音开放平台的应用配置或能力不可用", "请联系存客宝客服处理，无需重新授权")
        }
        FailureKind::Retired => advice(CODE, "抖音已下线该接口", "请联系存客宝客服了解替代方案"),
        FailureKind::Unknown => advice(CODE, "抖音返回了未知错误", "请稍后重试；若持续出现请联系存客宝客服"),
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
