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

    use super::*;

    const COUNTING: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    const SPACES: &str = "whsec_ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICA=";

    fn signed(secrets: &[&str], id: &str, body: &str) -> String {
        let read = |text: &&str| Secret::read(&SecretString::from(*text)).unwrap();
        let secrets: Vec<Secret> = secrets.iter().map(read).collect();
        // Receivers sign the whole second, so the rest of it must not matter.
        standard(&secrets, id, Timestamp::new(1_795_780_800, 999_999_999).unwrap(), body.as_bytes())
    }

    #[test]
    fn signature_is_that_of_the_published_library() {
        // Made by `Webhook(secret).sign` of standardwebhooks 1.1.0 for Python.
        for (secret, id, body, signature) in [
            (
                COUNTING,
                "evt_01",
                r#"{"type":"webhook.test","data":{}}"#,
                "aK2AASGpXPFPT/5iLAq0eQqGQACuiL3zpEIMFX1vCIo=",
            ),
            (SPACES, "evt_01", r#"{"type":"webhook.test","data":{}}"#, "cBDkEYYD+3VvxCt8/hzv1wKUXJvAR39VkDOWRa+DEUk="),
            (COUNTING, "evt_02", r#"{"name":"客户","n":1}"#, "9U3sLzKHRDaw5O/xB6qD0akbKwxHtgWCTLxxvygr5QU="),
            (COUNTING, "evt_03", "", "ZN2dGcNNwsqTxbvzZGEzb6sfQWGqwZxfV9LLX1/AHww="),
        ] {
            assert_eq!(signed(&[secret], id, body), format!("v1,{signature}"), "{id}");
        }
    }

    #[test]
    fn signature_during_a_change_of_secrets_is_that_of_each() {
        let of = |secrets: &[&str]| signed(secrets, "evt_01", "{}");
        assert_eq!(of(&[COUNTING, SPACES]), format!("{} {}", of(&[COUNTING]), of(&[SPACES])));
    }
}
