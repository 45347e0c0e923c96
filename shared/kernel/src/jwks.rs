//! The token issuer's public keys, read from its JWKS URL and kept in memory.
//!
//! Guarantees: one fetch at a time; a rotated key is found at its first token; forged key ids cannot make us hammer
//! the key server; a key server that is down hurts nobody for a day after its last answer.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use reqwest::Url;
use reqwest::header::USER_AGENT;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;

use crate::clock::Clock;
use crate::config::ConfigError;
use crate::error::{Error, Result};
use crate::platform_http::{Connection, KEEP_IDLE, Lost, PlatformHttp, Policy, Reply, exchange};

/// How long an answer counts as fresh: the longest a withdrawn key is still honoured while the server answers.
const MAX_AGE: SignedDuration = SignedDuration::from_mins(10);
/// How long the last answer serves while the server does not.
const MAX_STALE: SignedDuration = SignedDuration::from_hours(24);
/// The least time between two fetches, whatever tokens arrive.
const MIN_REFETCH_INTERVAL: SignedDuration = SignedDuration::from_secs(30);
/// The same while there are no keys at all: nobody can be let in, so ask sooner.
const MIN_REFETCH_INTERVAL_WITHOUT_KEYS: SignedDuration = SignedDuration::from_secs(1);
/// A user waits for this fetch, behind API Gateway's 30 seconds.
const TIMEOUT: Duration = Duration::from_secs(3);
const POLICY: Policy = Policy { timeout: TIMEOUT, keep_idle: KEEP_IDLE };
/// A set of ten RSA keys with their certificates stays below this.
const MAX_BODY: usize = 64 * 1024;
/// Bytes of a coordinate on P-256, the one curve of ES256.
const P256_COORDINATE: usize = 32;

/// The keys behind one JWKS URL.
#[derive(Debug)]
pub struct Jwks {
    url: Url,
    http: PlatformHttp,
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The last good answer; never replaced by a bad one.
    keys: Vec<Key>,
    fetched_at: Option<Timestamp>,
    attempted_at: Option<Timestamp>,
}

#[derive(Debug)]
struct Key {
    id: Option<String>,
    /// Fixed by the key, never by a token: that is what rules algorithm confusion out.
    algorithm: Algorithm,
    key: DecodingKey,
}

impl Jwks {
    /// The keys at `url`, not fetched yet.
    ///
    /// # Errors
    /// [`ConfigError`] unless the URL is https, or http on loopback: who can alter this answer can be any user.
    pub fn new(url: &str, clock: Clock) -> Result<Self, ConfigError> {
        let invalid = |problem: &str| ConfigError::Invalid { name: "JWT_JWKS_URL".into(), problem: problem.into() };
        let url = Url::parse(url).map_err(|_| invalid("not a URL"))?;
        let loopback = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        match url.scheme() {
            "https" => {}
            "http" if loopback => {}
            _ => return Err(invalid("must start with https://")),
        }
        Ok(Self { http: PlatformHttp::new(url.clone(), POLICY), url, clock, state: Mutex::default() })
    }

    /// The keys that can have signed a token whose header names `id` and `algorithm`: usually one. Without an id it is
    /// any key of that algorithm, of which there are several while the issuer changes them, and two can share an id.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] when the key server knows no such key, [`Error::Unavailable`] when it has not
    /// answered for so long that we cannot tell.
    pub async fn keys(&self, id: Option<&str>, algorithm: Algorithm) -> Result<Vec<DecodingKey>> {
        // The lock is kept while fetching: whoever comes meanwhile waits and then finds the answer.
        let mut state = self.state.lock().await;
        if self.since(state.fetched_at).is_none_or(|age| age >= MAX_AGE) {
            self.refresh(&mut state).await;
        }
        if fitting(&state.keys, id, algorithm).is_empty() {
            self.refresh(&mut state).await;
        }
        if self.since(state.fetched_at).is_none_or(|age| age >= MAX_STALE) {
            return Err(Error::Unavailable("key server"));
        }
        let keys = fitting(&state.keys, id, algorithm);
        if keys.is_empty() {
            return Err(Error::Unauthenticated("no key of the key server fits the token"));
        }
        Ok(keys)
    }

    fn since(&self, instant: Option<Timestamp>) -> Option<SignedDuration> {
        instant.map(|instant| self.clock.now().duration_since(instant))
    }

    /// Fetches unless that was tried just now. A failure leaves the keys as they are.
    async fn refresh(&self, state: &mut State) {
        let pause = if state.keys.is_empty() { MIN_REFETCH_INTERVAL_WITHOUT_KEYS } else { MIN_REFETCH_INTERVAL };
        if self.since(state.attempted_at).is_some_and(|age| age < pause) {
            return;
        }
        let now = self.clock.now();
        state.attempted_at = Some(now);
        match self.fetch().await {
            Ok(keys) => {
                state.keys = keys;
                state.fetched_at = Some(now);
            }
            Err(problem) => tracing::warn!(problem, "the key server gave no keys"),
        }
    }

    async fn fetch(&self) -> Result<Vec<Key>, &'static str> {
        let client = self.http.client(Connection::Kept).await.map_err(|_| "no http client")?;
        let request = client.get(self.url.clone()).header(USER_AGENT, concat!("cunkebao/", env!("CARGO_PKG_VERSION")));
        let Reply { status, body } =
            exchange(request, MAX_BODY).await.map_err(|Lost { reason, .. }| reason.as_str())?;
        if status != 200 {
            return Err("the status is not 200");
        }
        parse(&body)
    }
}

fn fitting(keys: &[Key], id: Option<&str>, algorithm: Algorithm) -> Vec<DecodingKey> {
    let fits = |key: &&Key| key.algorithm == algorithm && (id.is_none() || key.id.as_deref() == id);
    keys.iter().filter(fits).map(|key| key.key.clone()).collect()
}

/// The usable keys of a set. Entries we cannot use are passed over: issuers publish keys for other purposes there.
fn parse(body: &[u8]) -> Result<Vec<Key>, &'static str> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<Value>,
    }

    let set: Set = serde_json::from_slice(body).map_err(|_| "the answer is not a key set")?;
    let keys: Vec<Key> =
        set.keys.into_iter().filter_map(|value| usable(&serde_json::from_value(tidy(value)).ok()?)).collect();
    if keys.is_empty() { Err("the answer has no usable key") } else { Ok(keys) }
}

/// A key with its numbers as RFC 7518 wants them. Some issuers write them with the padding or in the alphabet of ordinary
/// base64, with the zero Java puts before a number, or a coordinate without the zeros it begins with.
fn tidy(mut jwk: Value) -> Value {
    let kind = jwk.get("kty").and_then(Value::as_str).unwrap_or_default().to_owned();
    for name in ["n", "e", "x", "y"] {
        let Some(Value::String(text)) = jwk.get_mut(name) else { continue };
        let plain = text.trim_end_matches('=').replace('+', "-").replace('/', "_");
        let Ok(bytes) = URL_SAFE_NO_PAD.decode(&plain) else { continue };
        let significant = bytes.iter().position(|byte| *byte != 0).and_then(|start| bytes.get(start..));
        let number = significant.unwrap_or_default();
        *text = match kind.as_str() {
            "RSA" => URL_SAFE_NO_PAD.encode(number),
            "EC" => {
                let zeros = P256_COORDINATE.saturating_sub(number.len());
                URL_SAFE_NO_PAD.encode([&[0].repeat(zeros), number].concat())
            }
            _ => plain,
        };
    }
    jwk
}

fn usable(jwk: &Jwk) -> Option<Key> {
    let (algorithm, named) = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => (Algorithm::RS256, KeyAlgorithm::RS256),
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
            (Algorithm::ES256, KeyAlgorithm::ES256)
        }
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
            (Algorithm::EdDSA, KeyAlgorithm::EdDSA)
        }
        // Among them `oct`: a published secret is none.
        _ => return None,
    };
    let of = &jwk.common;
    let verifies = of.key_algorithm.is_none_or(|algorithm| algorithm == named)
        && of.public_key_use.as_ref().is_none_or(|purpose| *purpose == PublicKeyUse::Signature)
        && of.key_operations.as_ref().is_none_or(|operations| operations.contains(&KeyOperations::Verify));
    let key = DecodingKey::from_jwk(jwk).ok().filter(|_| verifies)?;
    Some(Key { id: of.key_id.clone(), algorithm, key })
}

#[cfg(test)]
pub(crate) mod tests;
