//! Leads.

use kernel::Context;
use kernel::config::ConfigError;
use kernel::crypto::Signer;

use super::LEADS;

/// What derives the keys under which erased people are remembered.
///
/// # Errors
/// Names the variable that is missing.
pub(crate) fn suppression_signer(cx: &Context) -> Result<Signer, ConfigError> {
    Ok(Signer::new(cx.aws.kms.clone(), LEADS.of(&cx.env).text("SUPPRESSION_KEY_ID")?))
}
