//! The secret that a tenant and we sign deliveries with.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kernel::crypto;
use secrecy::{ExposeSecret, SecretBox, SecretString};

/// How a secret begins, by which receivers' libraries and scanners of leaked secrets know it.
const PREFIX: &str = "whsec_";

/// The specification allows keys of 24 to 64 bytes. HMAC-SHA256 gains nothing from more than its own 32.
const KEY_BYTES: usize = 32;

/// The text is not a secret of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a webhook secret")]
pub struct NotASecret;

/// The key of a webhook. Its `Debug` does not show it.
#[derive(Debug)]
pub struct Secret(SecretBox<[u8; KEY_BYTES]>);

impl Secret {
    /// A new one.
    #[must_use]
    pub fn generate() -> Self {
        Self(SecretBox::new(Box::new(crypto::random())))
    }

    /// The secret that [`Secret::written`] wrote.
    ///
    /// # Errors
    /// When it is anything else. The error does not repeat the text.
    pub fn read(text: &SecretString) -> Result<Self, NotASecret> {
        let encoded = text.expose_secret().strip_prefix(PREFIX).ok_or(NotASecret)?;
        let key = STANDARD.decode(encoded).map_err(|_| NotASecret)?;
        Ok(Self(SecretBox::new(Box::new(key.try_into().map_err(|_| NotASecret)?))))
    }

    /// As the tenant is shown it, once, and as it is sealed.
    #[must_use]
    pub fn written(&self) -> SecretString {
        SecretString::from(format!("{PREFIX}{}", STANDARD.encode(self.key())))
    }

    pub(crate) fn key(&self) -> &[u8] {
        self.0.expose_secret()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_is_read_as_it_was_written_and_no_two_are_the_same() {
        let secret = Secret::generate();
        let written = secret.written();
        assert_eq!(Secret::read(&written).unwrap().key(), secret.key());
        assert_eq!(written.expose_secret().len(), PREFIX.len() + 44);
        assert_ne!(Secret::generate().key(), secret.key());
    }

    #[test]
    fn secret_with_another_prefix_or_length_is_refused() {
        let of = |prefix: &str, bytes: usize| format!("{prefix}{}", STANDARD.encode(vec![7_u8; bytes]));
        for text in [String::new(), of("", 32), of("WHSEC_", 32), of("whsec_", 31), of("whsec_", 33), "whsec_!".into()]
        {
            assert_eq!(Secret::read(&SecretString::from(text.clone())).unwrap_err(), NotASecret, "{text}");
        }
        assert!(Secret::read(&SecretString::from(of("whsec_", 32))).is_ok());
    }

    #[test]
    fn secret_is_not_shown_by_debug() {
        let secret = Secret::read(&SecretString::from(format!("whsec_{}", STANDARD.encode([65_u8; 32])))).unwrap();
        let shown = format!("{secret:?} {:?}", secret.written());
        assert!(!shown.contains("65") && !shown.contains("QUFB") && !shown.contains("AAAA"), "{shown}");
    }
}
