use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use jsonwebtoken::{EncodingKey, crypto};
use serde_json::{Value, json};

use super::*;
use crate::jwks::tests::{Issuer, KeyServer, clock};
use crate::platform_secret::tests::{Manager, holding};

const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// 2026-11-20T00:00:00Z, where [`clock`] stands.
const NOW: i64 = 1_795_132_800;

async fn loaded(manager: &Manager, settings: &[(&str, &str)], clock: Clock) -> Result<Authenticator, ConfigError> {
    let (cx, secrets) = manager.load(settings, clock).await?;
    Authenticator::with_secrets(&cx, secrets).await
}

async fn with_secret(settings: &[(&str, &str)]) -> Authenticator {
    loaded(&Manager::with_jwt(SECRET, ""), settings, Clock::Manual(clock())).await.unwrap()
}

async fn with_server(server: &KeyServer) -> Authenticator {
    // A secret that is there as well is not used.
    let settings = [("JWT_JWKS_URL", server.url.as_str())];
    loaded(&Manager::with_jwt(SECRET, ""), &settings, Clock::Manual(clock())).await.unwrap()
}

fn unsigned(header: &Value, claims: &Value) -> String {
    format!("{}.{}", B64.encode(header.to_string()), B64.encode(claims.to_string()))
}

fn hs256_with(secret: &[u8], header: &Value, claims: &Value) -> String {
    let message = unsigned(header, claims);
    let key = EncodingKey::from_secret(secret);
    let signature = crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
    format!("{message}.{signature}")
}

fn hs256(claims: &Value) -> String {
    hs256_with(SECRET.as_bytes(), &json!({"alg": "HS256", "typ": "JWT"}), claims)
}

fn signed(issuer: &Issuer, header: &Value, claims: &Value) -> String {
    let message = unsigned(header, claims);
    format!("{message}.{}", B64.encode(issuer.sign(message.as_bytes())))
}

fn good() -> Value {
    json!({"userId": 1001, "permissions": ["lead:douyin:*"], "exp": NOW + 3600})
}

fn good_with(changes: Value) -> Value {
    let mut claims = good();
    claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    claims
}

async fn outcome(authenticator: &Authenticator, token: &str) -> Result<u64, &'static str> {
    match authenticator.authenticate(Some(&format!("Bearer {token}"))).await {
        Ok(caller) => Ok(caller.user_id.get()),
        Err(Error::Unauthenticated(reason)) => Err(reason),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn jwt_claims_name_tenant_and_actor() {
    let authenticator = with_secret(&[]).await;
    for (claims, expected) in [
        (good(), Ok(1001)),
        (good_with(json!({"userId": "1001"})), Ok(1001)),
        (json!({"sub": "77", "exp": NOW + 1}), Ok(77)),
        (json!({"sub": 77, "exp": NOW + 1}), Ok(77)),
        (good_with(json!({"sub": "not a number"})), Ok(1001)),
        (good_with(json!({"aud": "whoever", "iss": "whoever"})), Ok(1001)),
        (good_with(json!({"userId": null, "sub": "5"})), Ok(5)),
        (json!({"exp": NOW + 1}), Err("the token names no user")),
        (good_with(json!({"userId": 0})), Err("the token's user id is not a number")),
        (good_with(json!({"userId": 9_007_199_254_740_992_u64})), Err("the token's user id is not a number")),
        (good_with(json!({"userId": "01001"})), Err("the token's user id is not a number")),
        // A wrong userId does not fall back to another claim.
        (good_with(json!({"userId": "me", "sub": "5"})), Err("the token's user id is not a number")),
        (good_with(json!({"userId": -1})), Err("the token's signature does not verify or its claims are malformed")),
        (
            good_with(json!({"permissions": "*"})),
            Err("the token's signature does not verify or its claims are malformed"),
        ),
        // Time: 60 s of leeway on both sides, by our clock.
        (good_with(json!({"exp": NOW - 59})), Ok(1001)),
        (good_with(json!({"exp": NOW as f64 + 0.5})), Ok(1001)),
        (good_with(json!({"exp": NOW - 60})), Err("the token has expired")),
        (good_with(json!({"exp": -1})), Err("the token has expired")),
        (good_with(json!({"exp": NOW + 3_650 * 86_400})), Ok(1001)),
        (good_with(json!({"exp": NOW + 3_661 * 86_400})), Err("the token expires in more than ten years")),
        (good_with(json!({"exp": NOW * 1_000})), Err("the token expires in more than ten years")),
        (good_with(json!({"exp": 1e300})), Err("the token expires in more than ten years")),
        (json!({"userId": 1001}), Err("the token never expires")),
        (
            good_with(json!({"exp": "9999999999"})),
            Err("the token's signature does not verify or its claims are malformed"),
        ),
        (good_with(json!({"nbf": NOW + 60})), Ok(1001)),
        (good_with(json!({"nbf": NOW + 61})), Err("the token is not valid yet")),
    ] {
        assert_eq!(outcome(&authenticator, &hs256(&claims)).await, expected, "{claims}");
    }
}

#[tokio::test]
async fn jwt_tenant_is_the_user_id_and_actor_the_subject() {
    let authenticator = with_secret(&[]).await;
    for (claims, id, name) in [
        (json!({"sub": "staff-17", "name": "王小明"}), "staff-17", Some("王小明")),
        (json!({"sub": "staff-17"}), "staff-17", None),
        (json!({"sub": 17, "name": null}), "17", None),
        (json!({"name": "王小明"}), "1001", Some("王小明")),
        // A name that is no text refuses nobody.
        (json!({"name": 17}), "1001", None),
        (json!({}), "1001", None),
    ] {
        let token = hs256(&good_with(claims.clone()));
        let caller = authenticator.authenticate(Some(&format!("Bearer {token}"))).await.unwrap();
        assert_eq!(caller.user_id.get(), 1001);
        assert_eq!((caller.actor.id.as_str(), caller.actor.name.as_deref()), (id, name), "{claims}");
    }
}

#[tokio::test]
async fn jwt_issuer_and_audience_are_checked_when_configured() {
    let authenticator = with_secret(&[("JWT_ISSUER", "us"), ("JWT_AUDIENCE", "api")]).await;
    for (claims, expected) in [
        (json!({"iss": "us", "aud": "api"}), Ok(1001)),
        (json!({"iss": "us", "aud": ["web", "api"]}), Ok(1001)),
        (json!({"iss": "them", "aud": "api"}), Err("the token has another issuer")),
        (json!({"aud": "api"}), Err("the token has another issuer")),
        (json!({"iss": "us", "aud": "web"}), Err("the token is for another audience")),
        (json!({"iss": "us", "aud": []}), Err("the token is for another audience")),
        (json!({"iss": "us"}), Err("the token is for another audience")),
    ] {
        assert_eq!(outcome(&authenticator, &hs256(&good_with(claims.clone()))).await, expected, "{claims}");
    }
}

#[tokio::test]
async fn jwt_permissions_are_those_of_the_token() {
    let authenticator = with_secret(&[]).await;
    let header = |claims: &Value| format!("bearer  {}", hs256(claims));
    let caller = authenticator.authenticate(Some(&header(&good()))).await.unwrap();
    assert!(caller.require("lead:douyin:leads:view").is_ok());
    let caller = authenticator.authenticate(Some(&header(&json!({"userId": 1, "exp": NOW + 9})))).await.unwrap();
    assert!(caller.require("lead:douyin:leads:view").is_err(), "no claim, no permission");
}

#[tokio::test]
async fn jwt_that_was_not_signed_for_us_is_refused() {
    let authenticator = with_secret(&[]).await;
    let token = hs256(&good());
    let (message, signature) = token.rsplit_once('.').unwrap();
    let (header, _) = message.split_once('.').unwrap();
    let forged_claims = B64.encode(good_with(json!({"userId": 1})).to_string());
    let none = unsigned(&json!({"alg": "none"}), &good());
    let hs512 = unsigned(&json!({"alg": "HS512"}), &good());
    let hs512_signature =
        crypto::sign(hs512.as_bytes(), &EncodingKey::from_secret(SECRET.as_bytes()), Algorithm::HS512).unwrap();
    for (case, token) in [
        ("tampered claims", format!("{header}.{forged_claims}.{signature}")),
        ("no signature", format!("{message}.")),
        ("two parts", message.to_owned()),
        ("four parts", format!("{token}.x")),
        ("not base64", "a.b.c".to_owned()),
        ("empty parts", "..".to_owned()),
        ("padding", format!("{token}=")),
        ("alg none", format!("{none}.")),
        ("alg none with a signature", format!("{none}.{signature}")),
        ("another secret", hs256_with(&[7; 32], &json!({"alg": "HS256"}), &good())),
        ("HS512 with our secret", format!("{hs512}.{hs512_signature}")),
        ("critical extensions", hs256_with(SECRET.as_bytes(), &json!({"alg": "HS256", "crit": ["b64"]}), &good())),
        ("a public key algorithm", signed(&Issuer::ed(), &json!({"alg": "EdDSA", "kid": "a"}), &good())),
    ] {
        let reason = outcome(&authenticator, &token).await.expect_err(case);
        assert!(!reason.is_empty());
    }
    assert_eq!(outcome(&authenticator, &token).await, Ok(1001), "and the untouched token is fine");

    let huge = hs256(&good_with(json!({"padding": "x".repeat(MAX_TOKEN)})));
    assert_eq!(outcome(&authenticator, &huge).await, Err("the token is too long"));
    for header in [None, Some(""), Some("Bearer"), Some("Bearer "), Some("Basic dTpw"), Some(token.as_str())] {
        let error = authenticator.authenticate(header).await.unwrap_err();
        assert!(matches!(error, Error::Unauthenticated(_)), "{error}");
        assert!(!error.to_string().contains(&token));
    }
}

#[tokio::test]
async fn jwt_public_key_verifies_its_own_algorithm_only() {
    let (rsa, ec, ed) = (Issuer::rsa(), Issuer::ec(), Issuer::ed());
    let server = KeyServer::start(&[rsa.jwk("rsa"), ec.jwk("ec"), ed.jwk("ed")]).await;
    let authenticator = with_server(&server).await;
    for (issuer, algorithm, kid) in [(&rsa, "RS256", "rsa"), (&ec, "ES256", "ec"), (&ed, "EdDSA", "ed")] {
        let header = json!({"alg": algorithm, "kid": kid});
        let token = signed(issuer, &header, &good());
        assert_eq!(outcome(&authenticator, &token).await, Ok(1001), "{algorithm}");
        let without_kid = signed(issuer, &json!({"alg": algorithm}), &good());
        assert_eq!(outcome(&authenticator, &without_kid).await, Ok(1001), "{algorithm} without kid");
        let expired = signed(issuer, &header, &good_with(json!({"exp": NOW - 61})));
        assert_eq!(outcome(&authenticator, &expired).await, Err("the token has expired"), "{algorithm}");
        let mut tampered = token.into_bytes();
        let last = tampered.len() - 10;
        tampered[last] = if tampered[last] == b'A' { b'B' } else { b'A' };
        assert!(outcome(&authenticator, &String::from_utf8(tampered).unwrap()).await.is_err(), "{algorithm}");
    }

    let n = rsa.jwk("rsa")["n"].as_str().unwrap().to_owned();
    let jwk_text = rsa.jwk("rsa").to_string();
    let confused = json!({"alg": "HS256", "kid": "rsa"});
    for (case, token) in [
        ("HS256 with the modulus as secret", hs256_with(&B64.decode(&n).unwrap(), &confused, &good())),
        ("HS256 with the encoded modulus as secret", hs256_with(n.as_bytes(), &confused, &good())),
        ("HS256 with the JWK as secret", hs256_with(jwk_text.as_bytes(), &confused, &good())),
        ("HS256 with the shared secret of old", hs256(&good())),
        ("an EC signature under the RSA key's id", signed(&ec, &json!({"alg": "ES256", "kid": "rsa"}), &good())),
        ("RS512 on an RSA key", signed(&rsa, &json!({"alg": "RS512", "kid": "rsa"}), &good())),
        ("another key under a known id", signed(&Issuer::ed(), &json!({"alg": "EdDSA", "kid": "ed"}), &good())),
        ("a key of the token's own", {
            let own = Issuer::ed();
            signed(&own, &json!({"alg": "EdDSA", "jwk": own.jwk("ed"), "jku": server.url}), &good())
        }),
        ("an unknown id", signed(&ed, &json!({"alg": "EdDSA", "kid": "unknown"}), &good())),
    ] {
        assert!(outcome(&authenticator, &token).await.is_err(), "{case}");
    }
}

#[tokio::test]
async fn jwt_with_the_key_server_down_is_unavailable_and_not_unauthorized() {
    let server = KeyServer::start(&[]).await;
    let token = signed(&Issuer::ed(), &json!({"alg": "EdDSA", "kid": "a"}), &good());
    let result = with_server(&server).await.authenticate(Some(&format!("Bearer {token}"))).await;
    assert!(matches!(result, Err(Error::Unavailable(_))), "{result:?}");
}

#[tokio::test]
async fn jwt_configuration_that_cannot_verify_stops_the_function() {
    let new = async |url: &str, secret: &str| {
        loaded(&Manager::with_jwt(secret, ""), &[("JWT_JWKS_URL", url)], Clock::System)
            .await
            .map(drop)
            .map_err(|error| error.to_string())
    };
    assert_eq!(new("", SECRET).await, Ok(()));
    assert_eq!(new("https://issuer.example/jwks", "").await, Ok(()));
    assert!(new("", "").await.unwrap_err().contains("JWT_JWKS_URL"));
    assert!(new("not a url", SECRET).await.unwrap_err().contains("JWT_JWKS_URL"));
}

#[tokio::test]
async fn jwt_signed_with_the_previous_secret_is_accepted_while_that_is_kept() {
    const NEXT: &str = "fedcba9876543210fedcba9876543210";
    let (manager, time) = (Manager::with_jwt(SECRET, ""), clock());
    let auth = loaded(&manager, &[], Clock::Manual(time.clone())).await.unwrap();
    let by = |secret: &str| {
        let token = hs256_with(secret.as_bytes(), &json!({"alg": "HS256", "typ": "JWT"}), &good());
        format!("Bearer {token}")
    };
    let accepted = async |secret: &str| auth.authenticate(Some(&by(secret))).await.is_ok();
    time.advance(std::time::Duration::from_secs(31));
    manager.rotate(Some(holding(NEXT, SECRET)));
    assert!(accepted(NEXT).await, "the new secret is read at the first refusal");
    assert!(accepted(SECRET).await);
    manager.rotate(Some(holding(NEXT, "")));
    time.advance(std::time::Duration::from_secs(300));
    assert!(accepted(NEXT).await);
    assert!(!accepted(SECRET).await, "the previous secret is not honoured for ever");
}

#[tokio::test]
async fn jwt_that_is_forged_costs_one_read_of_the_secret_in_half_a_minute() {
    let (manager, time) = (Manager::with_jwt(SECRET, ""), clock());
    let auth = loaded(&manager, &[], Clock::Manual(time.clone())).await.unwrap();
    time.advance(std::time::Duration::from_secs(30));
    for _ in 0..50 {
        let forged = hs256_with(&[7; 32], &json!({"alg": "HS256", "typ": "JWT"}), &good());
        assert!(auth.authenticate(Some(&format!("Bearer {forged}"))).await.is_err());
    }
    assert_eq!(manager.readings(), 2);
}
