//! The header `webhook-signature` of Standard Webhooks: HMAC-SHA256 of the id, the time and the body, by which a receiver knows
//! that a delivery is ours, is unchanged and is not an old one sent again.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use crate::secret::Secret;

/// The value of the header for the delivery `id` that is sent at `timestamp`: one signature for each secret, separated by
/// spaces. While a secret is being changed there are two, so that the receiver may know either.
///
/// `webhook-timestamp` has to be the same instant in whole seconds, and the body has to be sent byte for byte as it is here.
#[must_use]
pub fn standard<'a>(
    secrets: impl IntoIterator<Item = &'a Secret>,
    id: &str,
    timestamp: Timestamp,
    body: &[u8],
) -> String {
    let head = format!("{id}.{}.", timestamp.as_second());
    let signatures = secrets.into_iter().map(|secret| {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, secret.key()));
        context.update(head.as_bytes());
        context.update(body);
        format!("v1,{}", STANDARD.encode(context.sign()))
    });
    signatures.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;
    use serde::Deserialize;

    use super::*;

    /// Made by `Webhook(secret).sign` of standardwebhooks 1.1.0 for Python. The published libraries for Node and for Python
    /// verify them in client/test/webhooks.ts and scripts/tests/test_signatures.py, so that what equals them here is accepted there.
    const VECTORS: &str = include_str!("../tests/vectors.json");

    #[derive(Deserialize)]
    struct Vector {
        about: String,
        secrets: Vec<SecretString>,
        id: String,
        timestamp: i64,
        body: String,
        signature: String,
    }

    #[test]
    fn signature_is_that_of_the_published_library() {
        let vectors: Vec<Vector> = serde_json::from_str(VECTORS).unwrap();
        assert!(vectors.iter().any(|vector| vector.secrets.len() == 2), "one during a change of secrets");
        for vector in vectors {
            let secrets: Vec<Secret> = vector.secrets.iter().map(|secret| Secret::read(secret).unwrap()).collect();
            // Receivers sign the whole second, so the rest of it must not matter.
            let timestamp = Timestamp::new(vector.timestamp, 999_999_999).unwrap();
            let signature = standard(&secrets, &vector.id, timestamp, vector.body.as_bytes());
            assert_eq!(signature, vector.signature, "{}", vector.about);
        }
    }
}
