//! The domains' errors as the contract's statuses and codes.

use super::Problem;

impl From<leads::Error> for Problem {
    fn from(error: leads::Error) -> Self {
        Self::of(error.advice(), error.fields(), &error)
    }
}

impl From<moments::Error> for Problem {
    fn from(error: moments::Error) -> Self {
        Self::of(error.advice(), error.fields(), &error)
    }
}

impl From<webhooks::Error> for Problem {
    fn from(error: webhooks::Error) -> Self {
        Self::of(error.advice(), error.fields(), &error)
    }
}

#[cfg(test)]
mod tests {
    use kernel::FieldProblem;
    use leads::douyin::{Endpoint, FailureKind, PlatformError};
    use leads::{AuthorizationProblem, Error};

    use super::*;

    fn failure(kind: FailureKind) -> Error {
        PlatformError { kind, endpoint: Endpoint::FansList, code: Some(1), http_status: Some(200), log_id: None }.into()
    }

    #[test]
    fn problem_of_a_domain_error_has_its_status_and_code() {
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
