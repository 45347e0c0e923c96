//! The table's part for this domain: its errors as the contract's statuses and codes.

use lambda_http::http::StatusCode;
use leads::douyin::FailureKind;
use leads::error::{Advice, platform_advice};
use leads::{AuthorizationProblem, Error};

use crate::http::{ErrorType, Problem};

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        const BAD: StatusCode = StatusCode::BAD_REQUEST;
        let advised = |status, error_type, advice: Advice| Self::new(status, error_type, advice.message, advice.remedy);
        let problem = match &error {
            Error::Kernel(_) => match error {
                Error::Kernel(error) => return error.into(),
                _ => return kernel::Error::Corrupt("error").into(),
            },
            Error::Authorization(problem) => advised(status_of(*problem), ErrorType::DouyinAuth, problem.advice()),
            // What only the user can mend is a 400, whatever else Douyin does is a 500.
            Error::Platform(failure) => match failure.kind {
                FailureKind::TokenInvalid
                | FailureKind::ReauthorizationNeeded
                | FailureKind::ScopeMissing
                | FailureKind::CodeRejected => advised(BAD, ErrorType::DouyinAuth, platform_advice(failure.kind)),
                kind => advised(StatusCode::INTERNAL_SERVER_ERROR, ErrorType::DouyinApi, platform_advice(kind)),
            },
            Error::Sync(problem) => {
                advised(StatusCode::INTERNAL_SERVER_ERROR, ErrorType::DouyinLeadSync, problem.advice())
            }
            Error::InvalidQuery(fields) => {
                return Self::invalid(fields.clone()).of_type(ErrorType::InvalidDouyinLeadQuery);
            }
            Error::IllegalTransition { from, to } => Self::new(
                StatusCode::CONFLICT,
                ErrorType::Conflict,
                format!("线索状态不能由 {from} 变更为 {to}"),
                "线索须按 NEW → CONTACTED → CONVERTED 推进；如需退回 NEW，请传 reopen: true",
            ),
            Error::StaleVersion { current } => Self::new(
                StatusCode::CONFLICT,
                ErrorType::Conflict,
                format!("该线索已被修改，当前版本为 {current}"),
                "请刷新线索后，在最新版本上重新提交",
            ),
        };
        problem.caused_by(error)
    }
}

const fn status_of(problem: AuthorizationProblem) -> StatusCode {
    match problem {
        AuthorizationProblem::NotYourTicket => StatusCode::FORBIDDEN,
        AuthorizationProblem::TicketInvalid => StatusCode::GONE,
        _ => StatusCode::BAD_REQUEST,
    }
}

#[cfg(test)]
mod tests {
    use kernel::FieldProblem;
    use leads::douyin::{Endpoint, PlatformError};

    use super::*;

    fn failure(kind: FailureKind) -> Error {
        PlatformError { kind, endpoint: Endpoint::FansList, code: Some(1), http_status: Some(200), log_id: None }.into()
    }

    #[test]
    fn every_error_has_its_status_and_code() {
        for (error, expected) in [
            (Error::Kernel(kernel::Error::NotFound("lead")), "404 NOT_FOUND"),
            (AuthorizationProblem::AccountUnknown.into(), "400 DOUYIN_AUTH_ERROR"),
            (AuthorizationProblem::StateInvalid.into(), "400 DOUYIN_AUTH_ERROR"),
            (AuthorizationProblem::OtherBrowser.into(), "400 DOUYIN_AUTH_ERROR"),
            (AuthorizationProblem::NotYourTicket.into(), "403 DOUYIN_AUTH_ERROR"),
            (AuthorizationProblem::TicketInvalid.into(), "410 DOUYIN_AUTH_ERROR"),
            (failure(FailureKind::CodeRejected), "400 DOUYIN_AUTH_ERROR"),
            (failure(FailureKind::ReauthorizationNeeded), "400 DOUYIN_AUTH_ERROR"),
            (failure(FailureKind::Transient), "500 DOUYIN_API_ERROR"),
            (failure(FailureKind::Misconfigured), "500 DOUYIN_API_ERROR"),
            (leads::error::SyncProblem::Stalled.into(), "500 DOUYIN_LEAD_SYNC_ERROR"),
            (Error::InvalidQuery(vec![FieldProblem::new("page", "页码")]), "400 INVALID_DOUYIN_LEAD_QUERY"),
            (Error::IllegalTransition { from: "NEW", to: "CONVERTED" }, "409 CONFLICT"),
            (Error::StaleVersion { current: 3 }, "409 CONFLICT"),
        ] {
            let text = error.to_string();
            assert_eq!(Problem::from(error).to_string(), expected, "{text}");
        }
    }
}
