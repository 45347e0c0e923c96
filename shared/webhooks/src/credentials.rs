//! What a tenant entrusts to us with a webhook: its address, which of a bot is its key, and the secrets. They are stored as one
//! ciphertext.

use std::time::Duration;

use jiff::Timestamp;
use kernel::instant::after;
use kernel::vault::{EncryptionContext, Vault};
use kernel::{Error, Result};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::secret::Secret;
use crate::store::webhook::{TABLE, WebhookKey};

/// For how long the secret before the last one is still valid: a receiver has that long to learn the new one.
pub const ROTATION: Duration = Duration::from_secs(86_400);

/// The address and the secrets of a webhook.
#[derive(Debug)]
pub(crate) struct Credentials {
    pub url: SecretString,
    /// What deliveries to a program are signed with; none of a bot.
    pub secret: Option<Secret>,
    /// The one before, and until when it is valid.
    pub previous: Option<(Secret, Timestamp)>,
    /// What a bot's owner has copied from its settings.
    pub bot_secret: Option<SecretString>,
}

/// As it is encrypted.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Plain {
    url: String,
    secret: Option<String>,
    previous: Option<String>,
    previous_until: Option<Timestamp>,
    bot_secret: Option<String>,
}

impl Credentials {
    /// The secrets that a delivery at `now` is signed with, the newest first.
    pub fn valid_secrets(&self, now: Timestamp) -> impl Iterator<Item = &Secret> {
        let previous = self.previous.as_ref().filter(move |(_, until)| now < *until).map(|(secret, _)| secret);
        self.secret.iter().chain(previous)
    }

    /// Has a new secret from `now` on, beside which the last one stays valid for [`ROTATION`].
    pub fn rotate(&mut self, now: Timestamp) {
        let last = self.secret.replace(Secret::generate());
        self.previous = last.map(|secret| (secret, after(now, ROTATION)));
    }

    /// The stored form.
    pub async fn seal(&self, vault: &Vault, key: &WebhookKey) -> Result<String> {
        let text = |secret: &Secret| secret.written().expose_secret().to_owned();
        let plain = Plain {
            url: self.url.expose_secret().to_owned(),
            secret: self.secret.as_ref().map(text),
            previous: self.previous.as_ref().map(|(secret, _)| text(secret)),
            previous_until: self.previous.as_ref().map(|(_, until)| *until),
            bot_secret: self.bot_secret.as_ref().map(|secret| secret.expose_secret().to_owned()),
        };
        let plain = serde_json::to_string(&plain).map_err(|_| Error::Internal("webhook credentials"))?;
        vault.encrypt(context(key), &SecretString::from(plain)).await
    }

    /// What was sealed for this webhook.
    pub async fn unseal(vault: &Vault, key: &WebhookKey, sealed: &str) -> Result<Self> {
        const WHAT: Error = Error::Corrupt("webhook credentials");
        let plain = vault.decrypt(context(key), sealed).await?;
        let plain: Plain = serde_json::from_str(plain.expose_secret()).map_err(|_| WHAT)?;
        let secret = |text: Option<String>| {
            text.map(|text| Secret::read(&SecretString::from(text))).transpose().map_err(|_| WHAT)
        };
        Ok(Self {
            url: SecretString::from(plain.url),
            secret: secret(plain.secret)?,
            previous: secret(plain.previous)?.zip(plain.previous_until),
            bot_secret: plain.bot_secret.map(SecretString::from),
        })
    }
}

fn context(key: &WebhookKey) -> EncryptionContext<'_> {
    EncryptionContext { table: TABLE, user_id: key.user_id, account_id: &key.webhook_id }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_before_the_last_is_valid_for_a_day_and_no_other_is() {
        let now: Timestamp = "2026-11-27T12:00:00Z".parse().unwrap();
        let mut credentials = Credentials {
            url: SecretString::from("https://example.com/"),
            secret: Some(Secret::generate()),
            previous: None,
            bot_secret: None,
        };
        let mut made = Vec::new();
        for _ in 0..2 {
            made.push(credentials.secret.as_ref().unwrap().written().expose_secret().to_owned());
            credentials.rotate(now);
        }
        made.push(credentials.secret.as_ref().unwrap().written().expose_secret().to_owned());
        let valid = |at| -> Vec<String> {
            credentials.valid_secrets(at).map(|secret| secret.written().expose_secret().to_owned()).collect()
        };
        assert_eq!(valid(now), [made[2].clone(), made[1].clone()]);
        assert_eq!(valid(after(now, ROTATION)), [made[2].clone()]);
    }
}
