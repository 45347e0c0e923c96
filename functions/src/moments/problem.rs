//! The table's part for this domain: its errors as the contract's statuses and codes.

use ::moments::Error;
use ::moments::error::connection_advice;
use ::moments::provider::FailureKind;
use lambda_http::http::StatusCode;

use crate::http::{ErrorType, Problem};

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let problem = match &error {
            Error::Kernel(_) => match error {
                Error::Kernel(error) => return error.into(),
                _ => return kernel::Error::Corrupt("error").into(),
            },
            // Only connecting asks a provider while somebody waits. What they typed wrong is theirs to mend; whatever else
            // a provider does is a 500.
            Error::Provider(failure) => {
                let status = match failure.kind {
                    FailureKind::BadCredentials
                    | FailureKind::TokenInvalid
                    | FailureKind::PermissionMissing
                    | FailureKind::IpNotTrusted { .. }
                    | FailureKind::DeviceUnknown
                    | FailureKind::AccountOffline
                    | FailureKind::TargetInvalid => StatusCode::BAD_REQUEST,
                    _ => StatusCode::INTERNAL_SERVER_ERROR,
                };
                let advice = connection_advice(failure);
                let (message, remedy) =
                    advice.message.split_once(['。', '，']).unwrap_or((&advice.message, "请稍后再试"));
                Self::new(status, ErrorType::WechatApi, message.to_owned(), remedy.to_owned())
            }
            Error::AccountNotFound(fields) => {
                return Self::invalid(fields.clone())
                    .of_type(ErrorType::WechatAccountNotFound)
                    .with_status(StatusCode::NOT_FOUND);
            }
            Error::ContentRefused(fields) => {
                return Self::invalid(fields.clone())
                    .of_type(ErrorType::MomentSyncCreation)
                    .with_status(StatusCode::UNPROCESSABLE_ENTITY);
            }
            Error::CreationFailed(_) => Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                ErrorType::MomentSyncCreation,
                "系统繁忙，任务未创建",
                "请稍后再试；若仍然失败，请将请求编号（requestId）提供给客服",
            ),
            Error::CreationUnproven(_) => Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                ErrorType::MomentSyncCreation,
                "系统繁忙，暂时无法确认任务是否已创建",
                "请先刷新任务列表，确认没有该任务后再重新提交，以免重复发布",
            ),
            Error::ContentLibraryUnavailable => Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                ErrorType::MomentSyncCreation,
                "内容库暂时不可用，任务未创建",
                "请稍后再试，或直接填写文字与素材",
            ),
            Error::StateForbids(why) => {
                Self::new(StatusCode::CONFLICT, ErrorType::Conflict, *why, "请刷新任务后再操作")
            }
            Error::NotFailed(fields) => {
                return Self::invalid(fields.clone()).of_type(ErrorType::Conflict).with_status(StatusCode::CONFLICT);
            }
            Error::BoundToAnotherUser => Self::new(
                StatusCode::CONFLICT,
                ErrorType::Conflict,
                "该微信账号或企业应用已由其他存客宝用户连接",
                "请先由原用户解除连接，或更换账号",
            ),
            Error::IdempotencyKeyReused => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                ErrorType::MomentSyncCreation,
                "同一个 Idempotency-Key 已用于内容不同的请求",
                "请为新的任务使用新的 Idempotency-Key",
            ),
        };
        problem.caused_by(error)
    }
}
