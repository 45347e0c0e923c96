//! Tokens as the product's login issues them.

use anyhow::{Context, Result};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use serde_json::{Value, json};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Claims<'a> {
    user_id: u64,
    permissions: &'a [String],
    iat: i64,
    exp: i64,
    #[serde(flatten)]
    others: &'a Value,
}

/// A token for a user.
pub fn issue(secret: &str, user_id: u64, permissions: &[String], lifetime: SignedDuration) -> Result<String> {
    issue_with(secret, user_id, permissions, lifetime, &json!({}))
}

/// The same with other claims beside it, such as `sub` and `name`.
pub fn issue_with(
    secret: &str,
    user_id: u64,
    permissions: &[String],
    lifetime: SignedDuration,
    others: &Value,
) -> Result<String> {
    let now = Timestamp::now();
    let expires = now.checked_add(lifetime).context("that is too far in the future")?;
    let claims = Claims { user_id, permissions, iat: now.as_second(), exp: expires.as_second(), others };
    let key = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).context("the token cannot be signed")
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{DecodingKey, Validation, decode};

    use super::*;

    #[test]
    fn dev_token_has_user_permissions_and_expiry() {
        let permissions = ["lead:douyin:*".to_owned()];
        let token =
            issue("a secret of thirty-two characters", 1001, &permissions, SignedDuration::from_hours(1)).unwrap();
        let key = DecodingKey::from_secret(b"a secret of thirty-two characters");
        let claims = decode::<Value>(&token, &key, &Validation::new(Algorithm::HS256)).unwrap().claims;
        assert_eq!(claims["userId"], json!(1001));
        assert_eq!(claims["permissions"], json!(["lead:douyin:*"]));
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 3600);
    }
}
