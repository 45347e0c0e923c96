use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
    RsaPublicKeyComponents,
};
use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use serde_json::{Value, json};

use super::*;
use crate::clock::ManualClock;

/// Serves `app` on loopback until the test's runtime ends; its base URL.
pub(crate) async fn serve(app: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    base
}

/// A private key of an issuer.
pub(crate) enum Issuer {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

impl Issuer {
    pub(crate) fn rsa() -> Self {
        Self::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())
    }

    pub(crate) fn ec() -> Self {
        Self::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    pub(crate) fn ed() -> Self {
        Self::Ed(Ed25519KeyPair::generate().unwrap())
    }

    /// The public half, as an issuer publishes it.
    pub(crate) fn jwk(&self, kid: &str) -> Value {
        match self {
            Self::Rsa(pair) => {
                let public = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
                json!({"kty": "RSA", "kid": kid, "alg": "RS256", "use": "sig",
                       "n": B64.encode(public.n), "e": B64.encode(public.e)})
            }
            Self::Ec(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({"kty": "EC", "crv": "P-256", "kid": kid, "x": B64.encode(x), "y": B64.encode(y)})
            }
            Self::Ed(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": B64.encode(pair.public_key().as_ref())})
            }
        }
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
                signature
            }
            Self::Ec(pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Self::Ed(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }
}

/// A key server whose answer a test changes, and which counts its requests.
#[derive(Clone)]
pub(crate) struct KeyServer {
    pub(crate) url: String,
    answer: Arc<Mutex<(StatusCode, String)>>,
    requests: Arc<AtomicUsize>,
}

impl KeyServer {
    pub(crate) async fn start(keys: &[Value]) -> Self {
        let answer = Arc::new(Mutex::new((StatusCode::OK, json!({ "keys": keys }).to_string())));
        let requests = Arc::new(AtomicUsize::new(0));
        let (current, counter) = (Arc::clone(&answer), Arc::clone(&requests));
        let respond = async move || {
            counter.fetch_add(1, Ordering::SeqCst);
            // Lets requests that race for the key set really overlap.
            tokio::task::yield_now().await;
            current.lock().unwrap().clone()
        };
        let url = serve(Router::new().route("/jwks", get(respond))).await + "/jwks";
        Self { url, answer, requests }
    }

    pub(crate) fn publish(&self, keys: &[Value]) {
        self.answer(StatusCode::OK, &json!({ "keys": keys }).to_string());
    }

    pub(crate) fn answer(&self, status: StatusCode, body: &str) {
        *self.answer.lock().unwrap() = (status, body.to_owned());
    }

    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

pub(crate) fn clock() -> ManualClock {
    ManualClock::new("2026-11-20T00:00:00Z".parse().unwrap())
}

async fn knows(jwks: &Jwks, id: &str) -> Result<bool> {
    match jwks.keys(Some(id), Algorithm::EdDSA).await {
        Ok(_) => Ok(true),
        Err(Error::Unauthenticated(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn jwks_are_fetched_once_and_again_when_they_are_old() {
    let server = KeyServer::start(&[Issuer::ed().jwk("a")]).await;
    let time = clock();
    let jwks = Jwks::new(&server.url, Clock::Manual(time.clone())).unwrap();
    assert_eq!(server.requests(), 0, "nothing is fetched before a token arrives");

    let all = futures::future::join_all((0..20).map(|_| knows(&jwks, "a"))).await;
    assert!(all.into_iter().all(|known| known.unwrap()));
    assert_eq!(server.requests(), 1, "twenty at once share one fetch");

    time.advance(9 * MINUTE);
    assert!(knows(&jwks, "a").await.unwrap());
    assert_eq!(server.requests(), 1);
    time.advance(MINUTE);
    assert!(knows(&jwks, "a").await.unwrap());
    assert_eq!(server.requests(), 2);
}

#[tokio::test]
async fn jwks_with_an_unknown_key_id_are_fetched_again_at_a_limited_rate() {
    let server = KeyServer::start(&[Issuer::ed().jwk("old")]).await;
    let time = clock();
    let jwks = Jwks::new(&server.url, Clock::Manual(time.clone())).unwrap();
    assert!(knows(&jwks, "old").await.unwrap());

    server.publish(&[Issuer::ed().jwk("new")]);
    time.advance(Duration::from_secs(30));
    assert!(knows(&jwks, "new").await.unwrap(), "the first token of a rotated key is accepted");
    assert!(!knows(&jwks, "old").await.unwrap(), "a withdrawn key is gone");
    assert_eq!(server.requests(), 2);

    for forged in 0..100 {
        assert!(!knows(&jwks, &format!("forged-{forged}")).await.unwrap());
    }
    assert_eq!(server.requests(), 2, "a hundred forged ids within 30 s cost no request");
    time.advance(Duration::from_secs(30));
    assert!(!knows(&jwks, "forged").await.unwrap());
    assert_eq!(server.requests(), 3);
}

#[tokio::test]
async fn jwks_of_a_failing_server_are_used_for_a_day() {
    // Were a broken answer believed, the key would be replaced by the other one.
    let (key, other) = (Issuer::ed().jwk("a"), Issuer::ed().jwk("b"));
    let server = KeyServer::start(std::slice::from_ref(&key)).await;
    let time = clock();
    let jwks = Jwks::new(&server.url, Clock::Manual(time.clone())).unwrap();
    assert!(knows(&jwks, "a").await.unwrap());

    for (status, body) in [
        (StatusCode::INTERNAL_SERVER_ERROR, json!({"keys": [other]}).to_string()),
        (StatusCode::OK, "<html>".to_owned()),
        (StatusCode::OK, r#"{"keys":[]}"#.to_owned()),
        (StatusCode::OK, json!({"keys": [other], "padding": "x".repeat(MAX_BODY)}).to_string()),
        (StatusCode::FOUND, String::new()),
    ] {
        server.answer(status, &body);
        time.advance(11 * MINUTE);
        let before = server.requests();
        assert!(knows(&jwks, "a").await.unwrap(), "{status}");
        assert!(knows(&jwks, "a").await.unwrap(), "{status}");
        assert_eq!(server.requests(), before + 1, "one attempt per 30 s: {status}");
    }

    time.advance(24 * 60 * MINUTE);
    assert!(matches!(knows(&jwks, "a").await, Err(Error::Unavailable(_))));
    server.publish(&[key]);
    time.advance(Duration::from_secs(30));
    assert!(knows(&jwks, "a").await.unwrap(), "it recovers by itself");
}

#[tokio::test]
async fn jwks_without_any_keys_are_unavailable_and_fetched_again_after_a_second() {
    let server = KeyServer::start(&[]).await;
    let time = clock();
    let jwks = Jwks::new(&server.url, Clock::Manual(time.clone())).unwrap();
    for _ in 0..3 {
        assert!(matches!(knows(&jwks, "a").await, Err(Error::Unavailable(_))));
    }
    assert_eq!(server.requests(), 1);
    server.publish(&[Issuer::ed().jwk("a")]);
    time.advance(Duration::from_secs(1));
    assert!(knows(&jwks, "a").await.unwrap());
}

#[test]
fn jwks_use_only_signature_keys_of_the_three_algorithms() {
    let with = |issuer: Issuer, changes: Value| {
        let mut jwk = issuer.jwk("k");
        jwk.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        jwk
    };
    for (name, jwk, expected) in [
        ("rsa", Issuer::rsa().jwk("k"), Some(Algorithm::RS256)),
        ("ec", Issuer::ec().jwk("k"), Some(Algorithm::ES256)),
        ("ed", Issuer::ed().jwk("k"), Some(Algorithm::EdDSA)),
        ("with certificates", with(Issuer::ed(), json!({"x5c": ["AA=="], "x5t": "AA"})), Some(Algorithm::EdDSA)),
        ("for verifying", with(Issuer::ed(), json!({"key_ops": ["verify"]})), Some(Algorithm::EdDSA)),
        ("for encryption", with(Issuer::rsa(), json!({"use": "enc"})), None),
        ("for wrapping", with(Issuer::rsa(), json!({"key_ops": ["wrapKey"]})), None),
        ("another hash", with(Issuer::rsa(), json!({"alg": "RS512"})), None),
        ("an rsa key that says HS256", with(Issuer::rsa(), json!({"alg": "HS256"})), None),
        ("another curve", with(Issuer::ec(), json!({"crv": "P-384"})), None),
        ("a secret", json!({"kty": "oct", "kid": "k", "k": "c2VjcmV0", "alg": "HS256"}), None),
        ("unknown", json!({"kty": "AKP", "kid": "k"}), None),
        ("not an object", json!(7), None),
    ] {
        let keys = parse(json!({"keys": [jwk, Issuer::ed().jwk("other")]}).to_string().as_bytes()).unwrap();
        let found = keys.iter().find(|key| key.id.as_deref() == Some("k"));
        assert_eq!(found.map(|key| key.algorithm), expected, "{name}");
    }
}

#[test]
fn jwks_try_every_key_that_may_have_signed_a_token() {
    let keys = |keys: &[Value]| parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap();
    let one = keys(&[Issuer::ed().jwk("a"), Issuer::ec().jwk("b")]);
    assert_eq!(fitting(&one, None, Algorithm::EdDSA).len(), 1);
    assert!(fitting(&one, Some("b"), Algorithm::EdDSA).is_empty(), "the key's own algorithm decides");
    let two = keys(&[Issuer::ed().jwk("a"), Issuer::ed().jwk("b"), Issuer::ed().jwk("b")]);
    for (id, expected) in [(None, 3), (Some("a"), 1), (Some("b"), 2), (Some("c"), 0)] {
        assert_eq!(fitting(&two, id, Algorithm::EdDSA).len(), expected, "{id:?}");
    }
}

#[test]
fn jwks_numbers_are_read_in_every_form_issuers_write() {
    let message = b"header.claims";
    let rewritten = |jwk: &Value, rewrite: &dyn Fn(Vec<u8>) -> String| {
        let mut jwk = jwk.clone();
        for name in ["n", "e", "x", "y"] {
            if let Some(Value::String(text)) = jwk.get_mut(name) {
                *text = rewrite(B64.decode(&*text).unwrap());
            }
        }
        jwk
    };
    let ordinary = |bytes: Vec<u8>| base64::engine::general_purpose::STANDARD.encode(bytes);
    let with_zero = |bytes: Vec<u8>| B64.encode([&[0], bytes.as_slice()].concat());
    let without_zeros =
        |bytes: Vec<u8>| B64.encode(bytes.into_iter().skip_while(|byte| *byte == 0).collect::<Vec<_>>());
    // One whose x begins with a zero, as every 256th does.
    let short = std::iter::repeat_with(Issuer::ec)
        .find(|issuer| issuer.jwk("k")["x"].as_str().is_some_and(|x| B64.decode(x).unwrap()[0] == 0))
        .unwrap();
    for (issuer, algorithm) in
        [(Issuer::rsa(), Algorithm::RS256), (short, Algorithm::ES256), (Issuer::ed(), Algorithm::EdDSA)]
    {
        let jwk = issuer.jwk("k");
        let signature = B64.encode(issuer.sign(message));
        let mut forms = vec![jwk.clone(), rewritten(&jwk, &ordinary)];
        if algorithm != Algorithm::EdDSA {
            forms.extend([rewritten(&jwk, &with_zero), rewritten(&jwk, &without_zeros)]);
        }
        for form in forms {
            let keys = parse(json!({ "keys": [form] }).to_string().as_bytes()).unwrap();
            let verified = jsonwebtoken::crypto::verify(&signature, message, &keys[0].key, algorithm);
            assert!(verified.unwrap_or(false), "{form}");
        }
    }
}

#[test]
fn jwks_url_must_be_https_or_loopback() {
    for (url, good) in [
        ("https://issuer.example/jwks", true),
        ("http://127.0.0.1:9000/jwks", true),
        ("http://localhost/jwks", true),
        ("http://issuer.example/jwks", false),
        ("http://127.0.0.1.evil.example/jwks", false),
        ("file:///etc/keys", false),
        ("jwks", false),
    ] {
        let result = Jwks::new(url, Clock::System);
        assert_eq!(result.is_ok(), good, "{url}");
        if let Err(error) = result {
            assert!(error.to_string().contains("JWT_JWKS_URL"), "{error}");
        }
    }
}
