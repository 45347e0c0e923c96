//! What two lists prove together, over real connections.

use axum::body::Body;
use axum::http::Response;
use jiff::Timestamp;
use kernel::clock::ManualClock;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::*;
use crate::provider::testing::Server;

const OWN: &str = "wxid_own";
const NOW: Timestamp = Timestamp::constant(1_800_000_000, 0);
const SINCE: i64 = 1_000;
const SENT: Sent<'static> = Sent { text: "早安", media: 0, since: SINCE, until: SINCE + 100 };

fn item(id: u64, author: &str, time: i64, text: &str) -> Value {
    let xml = format!("<TimelineObject><contentDesc>{text}</contentDesc></TimelineObject>");
    json!({"id": id, "userName": author, "createTime": time, "snsXml": xml})
}

/// A list as one page and no further one; `None` cannot be read.
type Page = Option<Vec<Value>>;

async fn read(contacts: Page, feed: Page, recorded: Option<&str>) -> Result<Candidates, ProviderError> {
    Ok(read_at(contacts, feed, recorded, None).await?.alike)
}

/// The gateway's clock is so many seconds ahead, if it tells.
async fn read_at(
    contacts: Page,
    feed: Page,
    recorded: Option<&str>,
    ahead: Option<i64>,
) -> Result<Shown, ProviderError> {
    let clock = Clock::Manual(ManualClock::new(NOW));
    let time = ahead.map(|ahead| NOW.as_second() + ahead);
    let server = Server::making(move |seen| {
        let list = if seen.line.ends_with("contactsSnsList") { &contacts } else { &feed };
        let is_first = seen.json()["maxId"] == 0;
        let answer = match list {
            Some(posts) => json!({"ret": 200, "data": {
                "snsList": if is_first { posts.as_slice() } else { &[] }, "requestTime": time,
            }}),
            None => json!({"ret": 500, "msg": "失败"}),
        };
        Response::new(Body::from(answer.to_string()))
    })
    .await;
    let gateway = Gateway::new(server.base_url.clone(), SecretString::from("token"), Duration::from_secs(20));
    let device = PersonalDevice { gateway: &gateway, clock: &clock, app_id: "wx_1", wxid: OWN, recorded };
    read_back(&device, &SENT).await
}

#[tokio::test]
async fn read_back_finds_only_an_own_post_of_that_time_in_either_list() {
    let ours = || Some(vec![item(9, OWN, SINCE, "早安")]);
    let other = |author: &str, time: i64, text: &str| Some(vec![item(9, author, time, text)]);
    let empty = || Some(Vec::new());
    for (contacts, feed) in [(ours(), empty()), (empty(), ours()), (ours(), None), (None, ours())] {
        let found = read(contacts.clone(), feed.clone(), None).await.unwrap();
        assert_eq!(found.ids, ["9"], "{contacts:?} {feed:?}");
    }
    for (contacts, feed, recorded, expected) in [
        (None, empty(), None, Absence::Blind),
        (empty(), empty(), None, Absence::Blind),
        (empty(), other("wxid_friend", SINCE, "早安"), None, Absence::Blind),
        (other("wxid_friend", SINCE, "早安"), empty(), None, Absence::Blind),
        (empty(), other("", SINCE, "早安"), None, Absence::Blind),
        // Somebody has posted the same by hand, long before or after.
        (empty(), other(OWN, SINCE - DOUBT - 1, "早安"), None, Absence::Blind),
        (empty(), other(OWN, SENT.until + DOUBT + 1, "早安"), None, Absence::Blind),
        // Or the platform's clock is that far from ours.
        (empty(), other(OWN, SINCE - 1, "早安"), None, Absence::InDoubt),
        (empty(), other(OWN, SENT.until + 1, "早安"), None, Absence::InDoubt),
        (ours(), ours(), Some("9"), Absence::Blind),
        // The platform may have changed the text.
        (empty(), other(OWN, SINCE, "早安。"), None, Absence::InDoubt),
        // Nothing was read but a list that is seen to be empty for the account itself.
        (empty(), None, None, Absence::Blind),
    ] {
        let found = read(contacts.clone(), feed.clone(), recorded).await.unwrap();
        assert_eq!(found, Candidates { ids: vec![], partly: vec![], absence: expected }, "{contacts:?} {feed:?}");
    }
    assert!(read(None, None, None).await.is_err());
}

#[tokio::test]
async fn read_back_proves_absence_only_by_an_earlier_own_post_in_the_same_list() {
    let earlier = || Some(vec![item(7, OWN, SINCE - 1, "昨天")]);
    let empty = || Some(Vec::new());
    for (contacts, feed, recorded, proven) in [
        (earlier(), empty(), Some("7"), true),
        (empty(), earlier(), Some("7"), true),
        // Nothing is recorded, or another post.
        (earlier(), earlier(), None, false),
        (earlier(), earlier(), Some("8"), false),
        (empty(), empty(), Some("7"), false),
        // The other list was not read.
        (earlier(), None, Some("7"), false),
        (None, earlier(), Some("7"), false),
        // Posted later, or by somebody else under the same id.
        (Some(vec![item(7, OWN, SINCE, "昨天")]), empty(), Some("7"), false),
        (Some(vec![item(7, "wxid_friend", SINCE - 1, "昨天")]), empty(), Some("7"), false),
    ] {
        let found = read(contacts.clone(), feed.clone(), recorded).await.unwrap();
        assert_eq!(
            (found.ids.len(), found.absence == Absence::Proven),
            (0, proven),
            "{contacts:?} {feed:?} {recorded:?}"
        );
    }
}

#[tokio::test]
async fn posts_are_known_however_the_platform_trims_and_composes_their_texts() {
    let feed = Some(vec![item(9, OWN, SINCE, " \u{65e9}\u{5b89}\n")]);
    assert_eq!(read(Some(vec![]), feed, None).await.unwrap().ids, ["9"]);
}

/// Both lists show it, and of two that are alike the older one comes first, whichever list it is in.
#[tokio::test]
async fn lists_are_joined_by_the_ids_of_their_posts() {
    let (older, newer) = (item(8, OWN, SINCE, "早安"), item(9, OWN, SINCE + 1, "早安"));
    for (contacts, feed) in [
        (vec![newer.clone(), older.clone()], vec![newer.clone(), older.clone()]),
        (vec![newer.clone()], vec![older.clone()]),
    ] {
        assert_eq!(read(Some(contacts), Some(feed), None).await.unwrap().ids, ["8", "9"]);
    }
}

/// The gateway says how late it is there, and its times are read by that; what no clock shows is not believed.
#[tokio::test]
async fn times_are_read_by_the_gateways_clock() {
    const AHEAD: i64 = 1_800;
    let (empty, earlier) = (|| Some(Vec::new()), || item(7, OWN, SINCE - 1 - DOUBT, "昨天"));
    for (time, ahead, expected) in [
        (SINCE + AHEAD, Some(AHEAD), vec!["9"]),
        // Its answers come while our own clock goes on.
        (SENT.until + AHEAD - 10, Some(AHEAD), vec!["9"]),
        (SENT.until + 60 - AHEAD, Some(-AHEAD), vec![]),
        (SINCE - AHEAD, Some(-AHEAD), vec!["9"]),
        (SINCE + AHEAD, None, vec![]),
        (SINCE + AHEAD, Some(1_000 * NOW.as_second()), vec![]),
    ] {
        let feed = Some(vec![item(9, OWN, time, "早安"), earlier()]);
        let Shown { alike, .. } = read_at(empty(), feed, Some("7"), ahead).await.unwrap();
        assert_eq!(alike.ids, expected, "{time} {ahead:?}");
        // Whichever clock is wrong, an equal post that near is not overlooked.
        assert_eq!(alike.absence, Absence::InDoubt, "{time} {ahead:?}");
    }
}

#[tokio::test]
async fn only_both_lists_together_tell_that_an_account_is_blind() {
    let whole = async |contacts, feed| read_at(contacts, feed, None, None).await.unwrap().is_whole;
    assert!(whole(Some(vec![]), Some(vec![])).await);
    assert!(!whole(None, Some(vec![])).await && !whole(Some(vec![]), None).await);
}
