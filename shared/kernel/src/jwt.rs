//! Authenticates callers by their JWT.
//!
//! Where the keys come from is configuration, and it alone decides which algorithms count: a shared secret verifies
//! HS256 and nothing else, a key server's public keys verify RS256, ES256 or EdDSA, each key only its own. A token
//! can choose neither, so there is no algorithm to confuse.

use std::borrow::Cow;

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::caller::{Actor, Caller};
use crate::clock::Clock;
use crate::config::{ConfigError, Env};
use crate::error::{Error, Result};
use crate::ids::{UserId, canonical_number};
use crate::jwks::Jwks;

/// How far the issuer's clock and ours may differ.
const LEEWAY_SECONDS: f64 = 60.0;
/// API Gateway takes 10,240 bytes of headers in all; what is longer was never sent by a browser of ours.
const MAX_TOKEN: usize = 8 * 1024;
/// RFC 7518 §3.2: an HS256 key has at least the 256 bits of the hash, or it can be guessed offline from one token.
const MIN_SECRET: usize = 32;

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
    Secret(DecodingKey),
    Server(Jwks),
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
    /// Reads `JWT_JWKS_URL`, `JWT_ISSUER` and `JWT_AUDIENCE`. With a key server the shared secret is not used at all:
    /// one left behind in the configuration must not remain a second way in.
    ///
    /// # Errors
    /// [`ConfigError`] when there is neither a key server nor a secret, or the secret is too short.
    pub fn new(env: &Env, clock: Clock, shared_secret: Option<&SecretString>) -> Result<Self, ConfigError> {
        let keys = match (env.optional("JWT_JWKS_URL"), shared_secret.map(ExposeSecret::expose_secret)) {
            (Some(url), _) => Keys::Server(Jwks::new(&url, clock.clone())?),
            (None, Some(secret)) if secret.len() < MIN_SECRET => {
                return Err(ConfigError::Invalid {
                    name: "jwtSecret".into(),
                    problem: format!("it must have at least {MIN_SECRET} bytes"),
                });
            }
            (None, Some(secret)) => Keys::Secret(DecodingKey::from_secret(secret.as_bytes())),
            (None, None) => {
                return Err(ConfigError::Contradiction(
                    "tokens cannot be verified: set JWT_JWKS_URL, or jwtSecret in the secret PLATFORM_SECRET_ID names"
                        .into(),
                ));
            }
        };
        Ok(Self { keys, issuer: env.optional("JWT_ISSUER"), audience: env.optional("JWT_AUDIENCE"), clock })
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
        let key = match (&self.keys, header.alg) {
            (Keys::Secret(key), Algorithm::HS256) => Cow::Borrowed(key),
            (Keys::Server(jwks), Algorithm::RS256 | Algorithm::ES256 | Algorithm::EdDSA) => {
                Cow::Owned(jwks.key(header.kid.as_deref(), header.alg).await?)
            }
            _ => return Err(refused("the token's algorithm is not accepted")),
        };
        // Only the signature is left to the library: it reads the machine's clock, and takes an iss or aud it cannot
        // parse for an absent one.
        let mut signature_only = Validation::new(header.alg);
        signature_only.required_spec_claims.clear();
        signature_only.validate_exp = false;
        signature_only.validate_aud = false;
        let claims = decode::<Claims>(token, &key, &signature_only)
            .map_err(|_| refused("the token's signature does not verify or its claims are malformed"))?
            .claims;
        self.accept(claims)
    }

    fn accept(&self, claims: Claims) -> Result<Caller> {
        let now = self.clock.now().as_second() as f64;
        let expires = claims.exp.ok_or(refused("the token never expires"))?;
        if now >= expires + LEEWAY_SECONDS {
            return Err(refused("the token has expired"));
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
