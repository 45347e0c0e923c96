//! What a caller is told when something is wrong. Codes, statuses and texts are in [`kernel::advice`].

mod domains;

use std::borrow::Cow;
use std::fmt::{self, Display};

use http::StatusCode;
use kernel::advice::{Advice, ErrorCode};
use kernel::{Error, FieldProblem};

/// An answer that is not what was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The HTTP status.
    pub status: StatusCode,
    pub code: ErrorCode,
    /// What happened, for the user.
    pub message: Cow<'static, str>,
    /// What to do about it, for the user.
    pub remedy: Cow<'static, str>,
    /// The fields to correct.
    pub fields: Vec<FieldProblem>,
    /// The number of the first event that is kept, where older ones were asked for.
    pub oldest_sequence: Option<u64>,
    /// The cause, for the log only: free of what callers sent.
    cause: Option<String>,
}

impl Problem {
    /// This advice about these fields, which are spelt out in the message too: that is what most clients show. The
    /// cause is for the log, unless there are fields: then its text is made of what the caller sent.
    pub fn of(advice: Advice, fields: &[FieldProblem], cause: impl Display) -> Self {
        let Advice { code, status, message, remedy } = advice;
        let listed: Vec<_> = fields.iter().map(|field| format!("{}：{}", field.path, field.problem)).collect();
        Self {
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            code,
            message: if fields.is_empty() { message } else { format!("{message}。{}", listed.join("；")).into() },
            remedy,
            fields: fields.to_vec(),
            oldest_sequence: None,
            cause: fields.is_empty().then(|| cause.to_string()),
        }
    }

    /// The same under another code, for a route whose contract names its own.
    #[must_use]
    pub fn with_code(self, code: ErrorCode) -> Self {
        Self { code, ..self }
    }

    /// The cause for the log.
    pub(super) fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status.as_u16(), self.code.as_str())
    }
}

// There is one `From` per error enum: the kernel's here, each domain's beside its handlers (`douyin/problem.rs`).

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let oldest_sequence = match error {
            Error::EventsExpired { oldest } => Some(oldest),
            _ => None,
        };
        Self { oldest_sequence, ..Self::of(error.advice(), error.fields(), &error) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problem_of_a_kernel_error_has_its_status_and_code() {
        let aws = Error::Aws { operation: "kms:Decrypt", code: "Timeout".into(), message: String::new() };
        for (error, status, code) in [
            (Error::Unauthenticated("no token"), 401, "UNAUTHENTICATED"),
            (Error::PermissionDenied("lead:douyin:leads:view"), 403, "PERMISSION_DENIED"),
            (Error::invalid("size", "应为整数"), 400, "INVALID_REQUEST"),
            (Error::NotFound("lead"), 404, "NOT_FOUND"),
            (Error::Contention("account"), 409, "CONFLICT"),
            (Error::Unavailable("key server"), 503, "INTERNAL"),
            (aws, 500, "INTERNAL"),
            (Error::Corrupt("stored token"), 500, "INTERNAL"),
            (Error::Internal("incomplete update"), 500, "INTERNAL"),
        ] {
            let internal = error.to_string();
            let problem = Problem::from(error);
            assert_eq!(problem.to_string(), format!("{status} {code}"));
            for text in [&problem.message, &problem.remedy] {
                assert!(text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)), "{internal}: {text:?}");
                assert!(!text.contains(&internal), "the user is not shown {internal}");
            }
        }
    }

    #[test]
    fn problem_with_wrong_fields_lists_them_in_the_answer_and_not_in_the_log() {
        let problem = Problem::from(Error::InvalidRequest(vec![
            FieldProblem::new("size", "应为整数"),
            FieldProblem::new("page", "应大于 0"),
        ]));
        assert_eq!(problem.message, "请求参数有误。size：应为整数；page：应大于 0");
        assert_eq!(problem.fields.len(), 2);
        assert_eq!(problem.cause(), None);
        assert_eq!(Problem::from(Error::Contention("account")).cause(), Some("account is busy"));
    }
}
