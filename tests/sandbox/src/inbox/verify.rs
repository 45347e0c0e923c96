//! Whether a request is signed as the specification of Standard Webhooks wants it
//! (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>). Written from it and not
//! from the code that signs, so that the two do not share a mistake.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::Serialize;

use crate::incoming::Incoming;

/// The message's own id, the same at every attempt.
pub(super) const ID: &str = "webhook-id";
/// When this attempt was made, in seconds.
const TIMESTAMP: &str = "webhook-timestamp";
/// One signature or several, separated by blanks.
const SIGNATURE: &str = "webhook-signature";

/// What receivers' libraries allow a request's time to differ from their own, in seconds.
const TOLERANCE: i64 = 300;
/// How many bytes of key a secret may hold.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// Why a signature is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Problem {
    /// One of the three headers is missing, or is empty.
    MissingHeader,
    /// The time is not a number of seconds.
    NotATime,
    /// The time lies more than five minutes back.
    TooOld,
    /// The time lies more than five minutes ahead.
    TooNew,
    /// This receiver was not told a secret.
    NoSecret,
    /// No signature is that of a secret.
    WrongSignature,
    /// A message to a bot has no time or no signature.
    MissingSignature,
}

/// The text is not `whsec_` and the Base64 of 24 to 64 bytes. It is not repeated here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a secret is whsec_ and the Base64 of 24 to 64 bytes")]
pub struct NotASecret;

/// Reads a secret as its owner is shown it.
pub(super) fn key(secret: &str) -> Result<hmac::Key, NotASecret> {
    let encoded = secret.strip_prefix("whsec_").ok_or(NotASecret)?;
    let bytes = STANDARD.decode(encoded).map_err(|_| NotASecret)?;
    if !KEY_BYTES.contains(&bytes.len()) {
        return Err(NotASecret);
    }
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &bytes))
}

/// Which of the keys have signed a request, by their places; at least one.
pub(super) fn signers(keys: &[hmac::Key], request: &Incoming, now: Timestamp) -> Result<Vec<usize>, Problem> {
    let header = |name| request.header(name).ok_or(Problem::MissingHeader);
    let (id, timestamp, signatures) = (header(ID)?, header(TIMESTAMP)?, header(SIGNATURE)?);
    let sent: i64 = timestamp.parse().map_err(|_| Problem::NotATime)?;
    match now.as_second().saturating_sub(sent) {
        age if age > TOLERANCE => return Err(Problem::TooOld),
        age if age < -TOLERANCE => return Err(Problem::TooNew),
        _ => {}
    }
    if keys.is_empty() {
        return Err(Problem::NoSecret);
    }
    let signed = [id.as_bytes(), b".", timestamp.as_bytes(), b".", &request.body].concat();
    // Versions that a receiver does not know are none of its business.
    let signatures: Vec<Vec<u8>> =
        signatures.split(' ').filter_map(|one| STANDARD.decode(one.strip_prefix("v1,")?).ok()).collect();
    let has_signed = |key: &hmac::Key| signatures.iter().any(|one| hmac::verify(key, &signed, one).is_ok());
    let signers: Vec<usize> =
        keys.iter().enumerate().filter(|(_, key)| has_signed(key)).map(|(place, _)| place).collect();
    if signers.is_empty() { Err(Problem::WrongSignature) } else { Ok(signers) }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::extract::Request;

    use super::*;

    const COUNTING: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    const SPACES: &str = "whsec_ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICA=";
    /// Made by `Webhook(secret).sign` of standardwebhooks 1.1.0 for Python, with [`COUNTING`] and with [`SPACES`].
    const BY_COUNTING: &str = "v1,aK2AASGpXPFPT/5iLAq0eQqGQACuiL3zpEIMFX1vCIo=";
    const BY_SPACES: &str = "v1,cBDkEYYD+3VvxCt8/hzv1wKUXJvAR39VkDOWRa+DEUk=";
    const BODY: &str = r#"{"type":"webhook.test","data":{}}"#;
    const SENT: i64 = 1_795_780_800;

    async fn signers_of(headers: &[(&str, &str)], body: &'static str, after: i64) -> Result<Vec<usize>, Problem> {
        let mut request = Request::post("/inbox/a");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = Incoming::read(request.body(Body::from(body)).unwrap()).await;
        let keys = [COUNTING, SPACES].map(|secret| key(secret).unwrap());
        signers(&keys, &request, Timestamp::from_second(SENT + after).unwrap())
    }

    #[tokio::test]
    async fn signature_that_a_published_library_made_is_right_and_any_other_is_not() {
        let sent = SENT.to_string();
        let head = |signature| [(ID, "evt_01"), (TIMESTAMP, sent.as_str()), (SIGNATURE, signature)];
        let wrong = Err(Problem::WrongSignature);
        let both = [BY_SPACES, BY_COUNTING].join(" ");
        let unknown = format!("v2,AAAA {BY_COUNTING}");
        for (signature, expected) in [
            (BY_COUNTING, Ok(vec![0])),
            (BY_SPACES, Ok(vec![1])),
            (both.as_str(), Ok(vec![0, 1])),
            (unknown.as_str(), Ok(vec![0])),
            (BY_COUNTING.trim_start_matches("v1,"), wrong.clone()),
            ("v1,", wrong.clone()),
        ] {
            assert_eq!(signers_of(&head(signature), BODY, 0).await, expected, "{signature}");
        }
        assert_eq!(signers_of(&head(BY_COUNTING), r#"{"type":"webhook.test","data":1}"#, 0).await, wrong);
        let another = [(ID, "evt_02"), (TIMESTAMP, sent.as_str()), (SIGNATURE, BY_COUNTING)];
        assert_eq!(signers_of(&another, BODY, 0).await, wrong);
        assert_eq!(signers_of(&another[..2], BODY, 0).await, Err(Problem::MissingHeader));
    }

    #[tokio::test]
    async fn signature_is_accepted_within_five_minutes_only() {
        let sent = SENT.to_string();
        let head = |timestamp| [(ID, "evt_01"), (TIMESTAMP, timestamp), (SIGNATURE, BY_COUNTING)];
        for (after, expected) in
            [(-301, Err(Problem::TooNew)), (-300, Ok(vec![0])), (300, Ok(vec![0])), (301, Err(Problem::TooOld))]
        {
            assert_eq!(signers_of(&head(&sent), BODY, after).await, expected, "{after} seconds later");
        }
        assert_eq!(signers_of(&head("2026-11-27T12:00:00Z"), BODY, 0).await, Err(Problem::NotATime));
    }

    #[test]
    fn secret_with_another_prefix_or_length_is_refused() {
        let of = |prefix: &str, bytes: usize| format!("{prefix}{}", STANDARD.encode(vec![7_u8; bytes]));
        for secret in [of("whsec_", 23), of("whsec_", 65), of("", 32), "whsec_!".to_owned()] {
            assert_eq!(key(&secret).unwrap_err(), NotASecret, "{secret}");
        }
        assert!(key(&of("whsec_", 24)).is_ok() && key(&of("whsec_", 64)).is_ok());
    }
}
