//! Leads.

use std::time::Duration;

use kernel::Context;
use kernel::config::{ConfigError, Env};
use kernel::crypto::Signer;

use super::LEADS;

/// What derives the keys under which erased people are remembered.
///
/// # Errors
/// Names the variable that is missing.
pub(crate) fn suppression_signer(cx: &Context) -> Result<Signer, ConfigError> {
    Ok(Signer::new(cx.aws.kms.clone(), LEADS.of(&cx.env).text("SUPPRESSION_KEY_ID")?))
}

/// The shortest time that leads are kept, if they are not kept for good. A month is less than it takes to work a list of
/// leads, and a smaller number is rather a slip: what is deleted does not come back.
const LEAST_DAYS: u64 = 30;

/// For how long a lead is kept that nobody works; `None`: until somebody deletes it.
///
/// # Errors
/// Names the variable that is wrong.
pub(crate) fn lead_retention(env: &Env) -> Result<Option<Duration>, ConfigError> {
    const NAME: &str = "LEAD_RETENTION_DAYS";
    match LEADS.of(env).number(NAME)? {
        0 => Ok(None),
        1..LEAST_DAYS => {
            Err(ConfigError::Invalid { name: NAME.to_owned(), problem: format!("must be 0 or at least {LEAST_DAYS}") })
        }
        days => Ok(Some(Duration::from_secs(days * 86_400))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lead_retention_is_off_or_at_least_a_month() {
        let of = |days: &str| lead_retention(&[("LEAD_RETENTION_DAYS", days)].into_iter().collect());
        assert_eq!(lead_retention(&Env::default()).unwrap(), None);
        assert_eq!(of("0").unwrap(), None);
        for days in [30, 365, 3_650] {
            assert_eq!(of(&days.to_string()).unwrap(), Some(Duration::from_secs(days * 86_400)));
        }
        for days in ["1", "29", "3651", "-1", "forever"] {
            assert!(of(days).unwrap_err().to_string().contains("LEAD_RETENTION_DAYS"), "{days}");
        }
    }
}
