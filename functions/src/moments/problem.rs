//! This domain's errors as the contract's statuses and codes.

use ::moments::Error;

use crate::http::Problem;

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::of(error.advice(), error.fields(), &error)
    }
}
