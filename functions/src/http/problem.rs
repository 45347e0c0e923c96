//! What a caller is told when something is wrong, and the one table from errors to it.

use std::borrow::Cow;
use std::fmt::{self, Display};

use kernel::{Error, FieldProblem};
use lambda_http::http::StatusCode;
use serde::{Serialize, Serializer};

/// The stable codes of the contract. A client branches on these, so one is added only for a new thing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorType {
    /// Sign in.
    Unauthenticated,
    /// Ask for the permission.
    PermissionDenied,
    /// Correct the request.
    InvalidRequest,
    /// It is not there.
    NotFound,
    /// Its state forbids it.
    Conflict,
    /// Try later, or report the request id.
    Internal,
    /// Douyin failed or refused.
    DouyinApi,
    /// The Douyin account must be authorised (again).
    DouyinAuth,
    /// A fan sync cannot be started or went wrong.
    DouyinLeadSync,
    /// Correct the filter of a lead list.
    InvalidDouyinLeadQuery,
    /// Choose other WeChat accounts.
    WechatAccountNotFound,
    /// Correct the content, or try again later: no task was made.
    MomentSyncCreation,
    /// WeCom or the gateway failed or refused.
    WechatApi,
}

impl ErrorType {
    /// The code as clients see it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::PermissionDenied => "PERMISSION_DENIED",
            Self::InvalidRequest => "INVALID_REQUEST",
            Self::NotFound => "NOT_FOUND",
            Self::Conflict => "CONFLICT",
            Self::Internal => "INTERNAL",
            Self::DouyinApi => "DOUYIN_API_ERROR",
            Self::DouyinAuth => "DOUYIN_AUTH_ERROR",
            Self::DouyinLeadSync => "DOUYIN_LEAD_SYNC_ERROR",
            Self::InvalidDouyinLeadQuery => "INVALID_DOUYIN_LEAD_QUERY",
            Self::WechatAccountNotFound => "WECHAT_ACCOUNT_NOT_FOUND",
            Self::MomentSyncCreation => "MOMENT_SYNC_CREATION_FAILED",
            Self::WechatApi => "WECHAT_API_ERROR",
        }
    }
}

impl Serialize for ErrorType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// An answer that is not what was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The HTTP status.
    pub status: StatusCode,
    /// The stable code.
    pub error_type: ErrorType,
    /// What happened, for the user.
    pub message: Cow<'static, str>,
    /// What to do about it, for the user.
    pub reason: Cow<'static, str>,
    /// The fields to correct.
    pub fields: Vec<FieldProblem>,
    /// The cause, for the log only: free of what callers sent.
    cause: Option<String>,
}

impl Problem {
    /// A problem without fields.
    pub fn new(
        status: StatusCode,
        error_type: ErrorType,
        message: impl Into<Cow<'static, str>>,
        reason: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { status, error_type, message: message.into(), reason: reason.into(), fields: Vec::new(), cause: None }
    }

    /// A request with wrong fields. They are spelt out in the message too: that is what most clients show.
    pub fn invalid(fields: Vec<FieldProblem>) -> Self {
        let listed: Vec<_> = fields.iter().map(|field| format!("{}：{}", field.path, field.problem)).collect();
        let message = format!("请求参数有误。{}", listed.join("；"));
        let problem = Self::new(StatusCode::BAD_REQUEST, ErrorType::InvalidRequest, message, "请按提示修改后重新提交");
        Self { fields, ..problem }
    }

    /// The same under another code, for a route whose contract names its own.
    #[must_use]
    pub fn of_type(self, error_type: ErrorType) -> Self {
        Self { error_type, ..self }
    }

    /// The same with another status, for an error whose contract has its own.
    #[must_use]
    pub fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// The same with its cause for the log, which must not contain what a caller or a platform sent.
    #[must_use]
    pub fn caused_by(self, cause: impl Display) -> Self {
        Self { cause: Some(cause.to_string()), ..self }
    }

    /// The cause for the log.
    pub(super) fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status.as_u16(), self.error_type.as_str())
    }
}

// The table has one `From` per error enum: the kernel's here, each domain's beside its handlers (`douyin/problem.rs`).

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        use ErrorType::{Conflict, Internal, NotFound, PermissionDenied, Unauthenticated};

        let row = |status, error_type, message, reason| Self::new(status, error_type, message, reason);
        let problem = match &error {
            Error::Unauthenticated(_) => {
                row(StatusCode::UNAUTHORIZED, Unauthenticated, "请先登录", "登录状态缺失或已过期，请重新登录后再试")
            }
            Error::PermissionDenied(permission) => Self {
                reason: format!("请联系管理员开通权限 {permission}").into(),
                ..row(StatusCode::FORBIDDEN, PermissionDenied, "您没有执行此操作的权限", "")
            },
            // Without a cause: its text is made of what the caller sent.
            Error::InvalidRequest(fields) => return Self::invalid(fields.clone()),
            Error::NotFound(_) => row(
                StatusCode::NOT_FOUND,
                NotFound,
                "未找到要操作的内容",
                "它可能已被删除或不属于当前账号，请刷新后再试",
            ),
            Error::Busy(_) => row(StatusCode::CONFLICT, Conflict, "同一内容正在被其他操作占用", "请稍等几秒后再试"),
            Error::Unavailable(_) => row(StatusCode::SERVICE_UNAVAILABLE, Internal, "服务暂时不可用", "请稍后再试"),
            Error::Aws { .. } | Error::Corrupt(_) | Error::Internal(_) => row(
                StatusCode::INTERNAL_SERVER_ERROR,
                Internal,
                "系统繁忙，操作未能完成",
                "请稍后再试；若仍然失败，请将请求编号（requestId）提供给客服",
            ),
        };
        problem.caused_by(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kernel_error_has_its_status_and_code() {
        let aws = Error::Aws { operation: "kms:Decrypt", code: "Timeout".into(), message: String::new() };
        for (error, status, error_type) in [
            (Error::Unauthenticated("no token"), 401, "UNAUTHENTICATED"),
            (Error::PermissionDenied("lead:douyin:leads:view"), 403, "PERMISSION_DENIED"),
            (Error::invalid("size", "应为整数"), 400, "INVALID_REQUEST"),
            (Error::NotFound("lead"), 404, "NOT_FOUND"),
            (Error::Busy("account"), 409, "CONFLICT"),
            (Error::Unavailable("key server"), 503, "INTERNAL"),
            (aws, 500, "INTERNAL"),
            (Error::Corrupt("stored token"), 500, "INTERNAL"),
        ] {
            let internal = error.to_string();
            let problem = Problem::from(error);
            assert_eq!(problem.to_string(), format!("{status} {error_type}"));
            for text in [&problem.message, &problem.reason] {
                assert!(text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)), "{internal}: {text:?}");
                assert!(!text.contains(&internal), "the user is not shown {internal}");
            }
        }
    }

    #[test]
    fn wrong_fields_are_listed_for_the_user_but_kept_out_of_the_log() {
        let problem = Problem::from(Error::InvalidRequest(vec![
            FieldProblem::new("size", "应为整数"),
            FieldProblem::new("page", "应大于 0"),
        ]));
        assert_eq!(problem.message, "请求参数有误。size：应为整数；page：应大于 0");
        assert_eq!(problem.fields.len(), 2);
        assert_eq!(problem.cause(), None);
        assert_eq!(Problem::from(Error::Busy("account")).cause(), Some("account is busy"));
    }
}
