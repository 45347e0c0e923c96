//! What can go wrong in this domain, and which advice its user is given; the texts are in [`kernel::advice`].

use kernel::advice::{self, Advice};
use kernel::{FieldProblem, IsContention};

/// Result with this domain's error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong with what a tenant asks for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Something that is not of this domain.
    #[error(transparent)]
    Kernel(#[from] kernel::Error),
    /// The tenant has as many webhooks as there may be.
    #[error("there are as many webhooks as there may be")]
    TooManyWebhooks,
    /// Nothing is sent to the webhook, which is paused or disabled.
    #[error("the webhook is not active")]
    NotActive,
}

impl Error {
    /// What its user is told.
    #[must_use]
    pub fn advice(&self) -> Advice {
        match self {
            Self::Kernel(error) => error.advice(),
            Self::TooManyWebhooks => advice::TOO_MANY_WEBHOOKS,
            Self::NotActive => advice::WEBHOOK_NOT_ACTIVE,
        }
    }

    /// The fields of the request that are to be corrected.
    #[must_use]
    pub fn fields(&self) -> &[FieldProblem] {
        match self {
            Self::Kernel(error) => error.fields(),
            Self::TooManyWebhooks | Self::NotActive => &[],
        }
    }
}

impl IsContention for Error {
    fn is_contention(&self) -> bool {
        matches!(self, Self::Kernel(error) if error.is_contention())
    }
}
