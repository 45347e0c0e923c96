//! Returns from Douyin that lead to no account.

use std::time::Duration;

use anyhow::Result;
use kernel::crypto::sha256_hex;
use sandbox::douyin::{Decision, Effect, Endpoint, Fault};

use crate::bad_input::USER;
use crate::snapshot::ExpectedError;
use crate::{Browser, Event, World};

const AUTH: ExpectedError<'_> = ExpectedError::new(400, "DOUYIN_AUTH_ERROR");
/// Missing, forged, expired and used states must look alike.
const STATE: ExpectedError<'_> = AUTH.saying("授权链接无效或已过期");
const CODE: ExpectedError<'_> = AUTH.saying("抖音授权码无效、已使用或已过期");
const DENIED: ExpectedError<'_> = AUTH.saying("您在抖音取消了授权");
const PLATFORM: ExpectedError<'_> = ExpectedError::new(500, "DOUYIN_API_ERROR");

/// A return from the consent page: what Douyin puts into the query.
struct Return {
    browser: Browser,
    code: Option<String>,
    state: String,
}

impl Return {
    /// The user's decision, brought back.
    async fn of(world: &World, decision: &Decision) -> Result<Self> {
        let mut browser = Browser::default();
        let link = browser.link(world, USER, None).await?;
        let back = world.sandbox.douyin().consent(&link, "shop", decision)?;
        let given = |name: &str| back.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        Ok(Self { browser, code: given("code"), state: given("state").unwrap() })
    }

    async fn approved(world: &World) -> Result<Self> {
        Self::of(world, &Decision::APPROVE).await
    }

    fn event(&self) -> Result<Event> {
        let code = self.code.iter().map(|code| ("code", &**code));
        let query: Vec<(&str, &str)> = code.chain([("state", &*self.state)]).collect();
        Ok(self.browser.sends(Event::sample("douyin-auth-callback")?.query(&query)))
    }

    /// The key of the state's row: the hash of its random part.
    fn state_hash(&self) -> String {
        use base64::Engine;
        let (nonce, _) = self.state.split_once('.').unwrap();
        sha256_hex(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(nonce).unwrap())
    }

    /// Must be refused with nothing written but that the state is consumed. The same return again is told the same, and
    /// its code is not tried again.
    async fn refused_once(&self, world: &World, what: &str, refusal: &ExpectedError<'_>) -> Result<()> {
        let hash = self.state_hash();
        let before = world.snapshot().await?.without_state(&hash);
        refusal.check(what, &world.call(&self.event()?).await?);
        world.snapshot().await?.without_state(&hash).assert_unchanged_since(&before, what);
        let tried = world.sandbox.journal().of("oauth/access_token").len();
        let again = format!("{what}, again");
        world.refused(&again, &self.event()?, refusal).await?;
        assert_eq!(world.sandbox.journal().of("oauth/access_token").len(), tried, "{again}");
        Ok(())
    }
}

/// The same text with its last character but one changed: the last one of unpadded base64 holds spare bits.
fn tampered(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let place = bytes.len() - 2;
    bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn callback_with_a_foreign_or_expired_state_is_refused() -> Result<()> {
    let world = World::start().await?;
    world.douyin_account("shop", 0);
    let (good, other) = (Return::approved(&world).await?, Return::approved(&world).await?);
    let ((nonce, mac), (_, other_mac)) = (good.state.split_once('.').unwrap(), other.state.split_once('.').unwrap());
    let swapped = format!("{nonce}.{other_mac}");
    let (bad_mac, bad_nonce) = (format!("{nonce}.{}", tampered(mac)), format!("{}.{mac}", tampered(nonce)));
    let (short, doubled) = (format!("{nonce}.{}", &mac[..20]), format!("{}.{mac}", good.state));
    for (what, state) in [
        ("missing", None),
        ("empty", Some("")),
        ("made up", Some("example-state")),
        ("a dot", Some(".")),
        ("without its MAC", Some(nonce)),
        ("with another state's MAC", Some(&*swapped)),
        ("with a tampered MAC", Some(&*bad_mac)),
        ("with a tampered nonce", Some(&*bad_nonce)),
        ("with a short MAC", Some(&*short)),
        ("with two dots", Some(&*doubled)),
        ("not ASCII", Some("状态.状态")),
    ] {
        let code = good.code.as_deref().unwrap();
        let mut query = vec![("code", code)];
        query.extend(state.map(|state| ("state", state)));
        let event = Event::sample("douyin-auth-callback")?.query(&query);
        world.refused(&format!("state {what}"), &event, &STATE).await?;
    }
    let twice = [("code", "x"), ("state", &*good.state), ("state", &*good.state)];
    let twice = Event::sample("douyin-auth-callback")?.query(&twice);
    world.refused("state twice", &twice, &ExpectedError::fields(&["state"])).await?;
    assert_eq!(world.sandbox.journal().of("oauth/access_token").len(), 0, "no code was tried without a good state");

    // None of this has spent the good one. After ten minutes time has.
    world.advance(Duration::from_secs(599));
    let fresh = Return::approved(&world).await?;
    let late = Return { browser: good.browser, code: fresh.code.clone(), state: good.state };
    assert_eq!(world.call(&late.event()?).await?.status, 200);
    world.advance(Duration::from_secs(600));
    let code = Return::approved(&world).await?.code;
    Return { code, ..fresh }.refused_once(&world, "state expired", &STATE).await?;
    world.drain().await?;
    world.expect_empty_queues().await
}

#[tokio::test]
async fn callback_is_accepted_once() -> Result<()> {
    let world = World::start().await?;
    world.douyin_account("shop", 0);
    let first = Return::approved(&world).await?;
    assert_eq!(world.call(&first.event()?).await?.status, 200);
    let guessed = Return { code: Some("guessed".into()), state: first.state.clone(), browser: first.browser.clone() };
    world.refused("replayed with another code", &guessed.event()?, &STATE).await?;
    world.advance(Duration::from_secs(60));
    world.refused("replayed a minute after success", &first.event()?, &STATE).await?;

    let next = Return::approved(&world).await?;
    let code = next.code.clone();
    let used = Return { code: first.code.clone(), ..next };
    used.refused_once(&world, "code reused", &CODE).await?;
    let unspent = Return { code, ..Return::approved(&world).await? };
    // The code of `next` died when the user went to the consent page once more.
    unspent.refused_once(&world, "code of an abandoned consent", &CODE).await?;
    for code in [2_100_005, 28_001_007] {
        world.sandbox.douyin().arm(Fault::code(Endpoint::AccessToken, code));
        Return::approved(&world).await?.refused_once(&world, "a parameter refused", &CODE).await?;
    }
    let guessed = Return { code: Some("guessed".into()), ..Return::approved(&world).await? };
    guessed.refused_once(&world, "code rejected", &CODE).await?;
    let empty = Return { code: Some(String::new()), ..Return::approved(&world).await? };
    empty.refused_once(&world, "code empty", &DENIED).await?;
    let late = Return::approved(&world).await?;
    world.sandbox.clock().advance(Duration::from_secs(601));
    late.refused_once(&world, "code expired", &CODE).await?;
    world.drain().await?;
    world.expect_empty_queues().await
}

#[tokio::test]
async fn callback_after_a_declined_consent_stores_no_account() -> Result<()> {
    let world = World::start().await?;
    world.douyin_account("shop", 0);
    let denied = Return::of(&world, &Decision::DENY).await?;
    assert_eq!(denied.code, None);
    let answer = world.call(&denied.event()?).await?;
    DENIED.check("declined", &answer);
    world.refused("declined, again", &denied.event()?, &DENIED).await?;
    let mut with_code = Return::approved(&world).await?;
    with_code.state = denied.state;
    world.refused("declined, then another's code", &with_code.event()?, &STATE).await?;
    assert_eq!(world.rows("t_douyin_auth").await?.len(), 0);
    Ok(())
}

#[tokio::test]
async fn callback_with_douyin_failing_says_so_and_stores_nothing() -> Result<()> {
    let mut world = World::start().await?;
    world.set("DOUYIN_TIMEOUT_SECONDS", "1");
    world.douyin_account("shop", 0);
    // One account is there already: a failure must not touch it either.
    assert_eq!(world.call(&Return::approved(&world).await?.event()?).await?.status, 200);
    let silent = Effect::Hang { milliseconds: None };
    for (what, effect) in [
        ("502", Effect::Http { status: 502 }),
        ("503", Effect::Http { status: 503 }),
        ("404", Effect::Http { status: 404 }),
        ("timeout", silent),
        ("connection lost", Effect::Drop),
        ("an HTML page", Effect::NotJson),
        ("an empty body", Effect::EmptyBody),
        ("empty tokens", Effect::EmptyTokens),
        ("system busy", Effect::Code { code: 2_100_004 }),
        ("rate limit", Effect::Code { code: 10_020 }),
        ("quota", Effect::Code { code: 28_003_017 }),
        ("wrong secret", Effect::Code { code: 10_013 }),
        ("an unknown code", Effect::Code { code: 4_711 }),
    ] {
        let back = Return::approved(&world).await?;
        world.sandbox.douyin().arm(Fault::new(Endpoint::AccessToken, effect));
        back.refused_once(&world, what, &PLATFORM).await?;
    }
    let lost = Return::approved(&world).await?;
    world.sandbox.douyin().arm(Fault::lost_answer(Endpoint::AccessToken));
    lost.refused_once(&world, "answer lost", &PLATFORM).await?;
    assert!(world.sandbox.douyin().faults().iter().all(|armed| armed.met == 1), "every fault was met");
    world.drain().await?;
    world.expect_empty_queues().await
}

#[tokio::test]
async fn callback_without_a_readable_profile_stores_the_account() -> Result<()> {
    let world = World::start().await?;
    let shop = world.douyin_account("shop", 0);
    world.sandbox.douyin().arm(Fault::new(Endpoint::UserInfo, Effect::Http { status: 502 }));
    let answer = world.call(&Return::approved(&world).await?.event()?).await?;
    assert_eq!((answer.status, answer.data()["douyinUserId"].as_str()), (200, Some(&*shop)), "{answer:?}");
    Ok(())
}
