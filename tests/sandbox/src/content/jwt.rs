//! Reads the caller out of a bearer token, as a service behind the same login does.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// The token of an `Authorization` header.
pub(super) fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// The numeric user id in a token. The signature (HS256) is checked only against a configured secret: the sandbox has
/// no part in logins.
pub(super) fn user(token: &str, secret: Option<&str>) -> Option<u64> {
    let (signed, signature) = token.rsplit_once('.')?;
    let (_, claims) = signed.split_once('.')?;
    if let Some(secret) = secret {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        hmac::verify(&key, signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).ok()?).ok()?;
    }
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
    let number = |claim: &Value| claim.as_u64().or_else(|| claim.as_str()?.parse().ok());
    ["userId", "sub"].into_iter().find_map(|name| claims.get(name).and_then(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `{"alg":"HS256"}` and `{"userId":1001}`, signed by `openssl dgst -sha256 -hmac s3cret`.
    const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.eyJ1c2VySWQiOjEwMDF9.BqpNAcRyPTg0JqCXilyfC6pUielkU9d5op_Wxz68LcI";

    #[test]
    fn content_token_is_read_for_its_user_and_verified_with_a_secret() {
        assert_eq!(user(TOKEN, Some("s3cret")), Some(1001));
        assert_eq!(user(TOKEN, Some("other")), None);
        assert_eq!(user(TOKEN, None), Some(1001));
        let unsigned = |claims: &str| format!("e30.{}.", URL_SAFE_NO_PAD.encode(claims));
        assert_eq!(user(&unsigned(r#"{"sub":"7"}"#), None), Some(7));
        assert_eq!(user(&unsigned(r#"{"userId":8,"sub":"7"}"#), None), Some(8));
        for useless in ["", "a.b", "a.b.c", &unsigned(r#"{"sub":"anna"}"#)] {
            assert_eq!(user(useless, None), None, "{useless}");
        }
        assert_eq!(
            (bearer("Bearer x"), bearer("bearer x"), bearer("Basic x"), bearer("Bearer ")),
            (Some("x"), Some("x"), None, None)
        );
    }
}
