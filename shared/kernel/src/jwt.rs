//! Authenticates callers by their JWT.
//!
//! Where the keys come from is configuration, and it alone decides which algorithms count: a shared secret verifies
//! HS256 and nothing else, a key server's public keys verify RS256, ES256 or EdDSA, each key only its own. A token
//! can choose neither, so there is no algorithm to confuse.

use std::borrow::Cow;

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use secrecy::ExposeSecret;
use serde::Deserialize;

use crate::caller::{Actor, Caller};
use crate::clock::Clock;
use crate::config::{ConfigError, IDENTITY};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::ids::{UserId, canonical_number};
use crate::jwks::Jwks;
use crate::platform_secret::Secrets;

/// How far the issuer's clock and ours may differ.
const LEEWAY_SECONDS: f64 = 60.0;
/// The longest life a token may have left: ten years. One beyond was meant to be shorter, by an issuer that writes
/// milliseconds where seconds belong.
const LONGEST_LIFE_SECONDS: f64 = 10.0 * 366.0 * 86_400.0;
/// API Gateway takes 10,240 bytes of headers in all; what is longer was never sent by a browser of ours.
const MAX_TOKEN: usize = 8 * 1024;

/// Turns an `Authorization` header into a [`Caller`].
#[derive(Debug)]
pub struct Authenticator {
    keys: Keys,
    issuer: Option<String>,
    audience: Option<String>,
    clock: Clock,
}

#[derive(Debug)]
enum Keys {
    Secrets(Secrets),
    Server(Box<Jwks>),
}

/// What we read of a token's claims.
#[derive(Deserialize)]
struct Claims {
    exp: Option<f64>,
    nbf: Option<f64>,
    iss: Option<String>,
    aud: Option<Audience>,
    #[serde(rename = "userId")]
    user_id: Option<Id>,
    sub: Option<Id>,
    /// Only ever shown, so one that is no text is none, and refuses nobody.
    name: Option<serde_json::Value>,
    permissions: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// Issuers write numeric ids as numbers or, as `sub` has to be, as text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Id {
    Number(u64),
    Text(String),
}

impl Authenticator {
    /// By the configured key server, or else by the shared secrets, which are read only then: one left behind in the
    /// configuration must not remain a second way in.
    ///
    /// # Errors
    /// [`ConfigError`] when there is neither a key server nor a secret.
    pub async fn new(cx: &Context) -> Result<Self, ConfigError> {
        if IDENTITY.of(&cx.env).optional("JWT_JWKS_URL")?.is_some() {
            return Self::by_key_server(cx);
        }
        Self::with_secrets(cx, Secrets::load(cx).await?).await
    }

    /// The same for a function that has read the secrets already.
    ///
    /// # Errors
    /// As [`Authenticator::new`].
    pub async fn with_secrets(cx: &Context, secrets: Secrets) -> Result<Self, ConfigError> {
        if IDENTITY.of(&cx.env).optional("JWT_JWKS_URL")?.is_some() {
            return Self::by_key_server(cx);
        }
        if secrets.current().await.secret().jwt_secrets().next().is_none() {
            return Err(ConfigError::Contradiction(
                "tokens cannot be verified: set JWT_JWKS_URL, or jwtSecret in the secret PLATFORM_SECRET_ID names"
                    .into(),
            ));
        }
        Self::with_keys(cx, Keys::Secrets(secrets))
    }

    fn by_key_server(cx: &Context) -> Result<Self, ConfigError> {
        let url = IDENTITY.of(&cx.env).text("JWT_JWKS_URL")?;
        Self::with_keys(cx, Keys::Server(Box::new(Jwks::new(&url, cx.clock.clone())?)))
    }

    fn with_keys(cx: &Context, keys: Keys) -> Result<Self, ConfigError> {
        let values = IDENTITY.of(&cx.env);
        let (issuer, audience) = (values.optional("JWT_ISSUER")?, values.optional("JWT_AUDIENCE")?);
        Ok(Self { keys, issuer, audience, clock: cx.clock.clone() })
    }

    /// The caller whose token the header carries.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] with the reason for the log, never with any part of the token;
    /// [`Error::Unavailable`] when the keys cannot be had.
    pub async fn authenticate(&self, authorization: Option<&str>) -> Result<Caller> {
        let token = bearer(authorization)?;
        let header = decode_header(token).map_err(|_| refused("the token's header is malformed or its alg unknown"))?;
        if header.crit.is_some() {
            // RFC 7515 §4.1.11: extensions marked critical that we do not know must not be ignored.
            return Err(refused("the token demands extensions"));
        }
        let claims = match (&self.keys, header.alg) {
            (Keys::Secrets(secrets), Algorithm::HS256) => signed_with_a_secret(token, secrets).await,
            (Keys::Server(jwks), Algorithm::RS256 | Algorithm::ES256 | Algorithm::EdDSA) => {
                let keys = jwks.keys(header.kid.as_deref(), header.alg).await?;
                keys.iter().find_map(|key| signed_with(token, header.alg, key))
            }
            _ => return Err(refused("the token's algorithm is not accepted")),
        };
        self.accept(claims.ok_or(refused("the token's signature does not verify or its claims are malformed"))?)
    }

    fn accept(&self, claims: Claims) -> Result<Caller> {
        let now = self.clock.now().as_second() as f64;
        let expires = claims.exp.ok_or(refused("the token never expires"))?;
        if now >= expires + LEEWAY_SECONDS {
            return Err(refused("the token has expired"));
        }
        if expires > now + LONGEST_LIFE_SECONDS {
            return Err(refused("the token expires in more than ten years"));
        }
        if claims.nbf.is_some_and(|from| now + LEEWAY_SECONDS < from) {
            return Err(refused("the token is not valid yet"));
        }
        if self.issuer.is_some() && claims.iss != self.issuer {
            return Err(refused("the token has another issuer"));
        }
        if let Some(us) = &self.audience
            && !claims.aud.is_some_and(|audience| audience.contains(us))
        {
            return Err(refused("the token is for another audience"));
        }
        let subject = claims.sub.as_ref().map(Id::text);
        let id = claims.user_id.as_ref().or(claims.sub.as_ref()).ok_or(refused("the token names no user"))?;
        let user_id = id.user_id().ok_or(refused("the token's user id is not a number"))?;
        let actor = Actor::new(user_id, subject.as_deref(), claims.name.as_ref().and_then(serde_json::Value::as_str));
        Ok(Caller::new(user_id, actor, claims.permissions.unwrap_or_default()))
    }
}

/// The claims, if one of the shared secrets signed them.
async fn signed_with_a_secret(token: &str, secrets: &Secrets) -> Option<Claims> {
    secrets
        .find(|secret| {
            let mut keys = secret.jwt_secrets().map(|key| DecodingKey::from_secret(key.expose_secret().as_bytes()));
            keys.find_map(|key| signed_with(token, Algorithm::HS256, &key))
        })
        .await
}

/// The claims, if this key signed them. Only the signature is left to the library: it reads the machine's clock, and
/// takes an iss or aud it cannot parse for an absent one.
fn signed_with(token: &str, algorithm: Algorithm, key: &DecodingKey) -> Option<Claims> {
    let mut signature_only = Validation::new(algorithm);
    signature_only.required_spec_claims.clear();
    signature_only.validate_exp = false;
    signature_only.validate_aud = false;
    decode::<Claims>(token, key, &signature_only).ok().map(|token| token.claims)
}

impl Audience {
    fn contains(&self, audience: &String) -> bool {
        match self {
            Self::One(one) => one == audience,
            Self::Many(many) => many.contains(audience),
        }
    }
}

impl Id {
    fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Number(number) => number.to_string().into(),
            Self::Text(text) => text.into(),
        }
    }

    fn user_id(&self) -> Option<UserId> {
        match self {
            Self::Number(number) => UserId::new(*number),
            Self::Text(text) => canonical_number(text).and_then(UserId::new),
        }
    }
}

const fn refused(reason: &'static str) -> Error {
    Error::Unauthenticated(reason)
}

/// The token of a `Bearer` header. The scheme's case does not matter (RFC 9110 §11.1).
fn bearer(authorization: Option<&str>) -> Result<&str> {
    let header = authorization.ok_or(refused("no Authorization header"))?;
    let (scheme, token) = header.split_once(' ').ok_or(refused("not a Bearer token"))?;
    let token = token.trim_matches(' ');
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
        return Err(refused("not a Bearer token"));
    }
    if token.len() > MAX_TOKEN {
        return Err(refused("the token is too long"));
    }
    Ok(token)
}

#[cfg(test)]
mod tests;
