//! The application's access token.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::{Endpoint, Wecom};
use crate::provider::{ProviderError, lenient};

/// A token of one application of one company. Not interchangeable with another application's.
#[derive(Debug, Clone, Deserialize)]
pub struct AccessToken {
    /// The token. Never empty.
    #[serde(rename = "access_token", deserialize_with = "lenient::token")]
    pub token: SecretString,
    /// How long it lives if the platform does not void it before: normally two hours.
    #[serde(deserialize_with = "lenient::lifetime")]
    pub expires_in: Duration,
}

impl Wecom {
    /// Gets the application's token. Asking again while one is valid may bring the same one or void it: the documents
    /// disagree, so what is stored must be replaced by what comes.
    ///
    /// # Errors
    /// [`BadCredentials`](crate::provider::FailureKind::BadCredentials) must not be tried again before a person
    /// changed the secret: wrong secrets get the address blocked for an hour.
    pub async fn access_token(&self, corp_id: &str, secret: &SecretString) -> Result<AccessToken, ProviderError> {
        let query = [("corpid", corp_id), ("corpsecret", secret.expose_secret())];
        self.get(Endpoint::GetToken, &query).await
    }
}
