//! What two lists prove together, over real connections.

use std::time::Duration;

use axum::body::Body;
use axum::http::Response;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::*;
use crate::provider::testing::Server;

const OWN: &str = "wxid_own";
const SINCE: i64 = 1_000;
const SENT: Sent<'static> = Sent { text: "早安", media: 0, since: SINCE, until: SINCE + 100 };

fn item(id: u64, author: &str, time: i64, text: &str) -> Value {
    let xml = format!("<TimelineObject><contentDesc>{text}</contentDesc></TimelineObject>");
    json!({"id": id, "userName": author, "createTime": time, "snsXml": xml})
}

/// A list as one page and no further one; `None` cannot be read.
type Shown = Option<Vec<Value>>;

async fn read(contacts: Shown, feed: Shown, recorded: Option<&str>) -> Result<Candidates, ProviderError> {
    let server = Server::making(move |seen| {
        let list = if seen.line.ends_with("contactsSnsList") { &contacts } else { &feed };
        let is_first = seen.json()["maxId"] == 0;
        let answer = match list {
            Some(posts) => json!({"ret": 200, "data": {"snsList": if is_first { posts.as_slice() } else { &[] }}}),
            None => json!({"ret": 500, "msg": "失败"}),
        };
        Response::new(Body::from(answer.to_string()))
    })
    .await;
    let gateway = Gateway::new(server.base_url.clone(), SecretString::from("token"), Duration::from_secs(20));
    read_back(&PersonalDevice { gateway: &gateway, app_id: "wx_1", wxid: OWN, recorded }, &SENT).await
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
        (None, empty(), None, Absence::Likely),
        (empty(), empty(), None, Absence::Likely),
        (empty(), other("wxid_friend", SINCE, "早安"), None, Absence::Likely),
        (other("wxid_friend", SINCE, "早安"), empty(), None, Absence::Likely),
        (empty(), other("", SINCE, "早安"), None, Absence::Likely),
        // Somebody has posted the same by hand, long before or after.
        (empty(), other(OWN, SINCE - DOUBT - 1, "早安"), None, Absence::Likely),
        (empty(), other(OWN, SENT.until + DOUBT + 1, "早安"), None, Absence::Likely),
        // Or the platform's clock is that far from ours.
        (empty(), other(OWN, SINCE - 1, "早安"), None, Absence::InDoubt),
        (empty(), other(OWN, SENT.until + 1, "早安"), None, Absence::InDoubt),
        (ours(), ours(), Some("9"), Absence::Likely),
        // The platform may have changed the text.
        (empty(), other(OWN, SINCE, "早安。"), None, Absence::InDoubt),
        // Nothing was read but a list that is seen to be empty for the account itself.
        (empty(), None, None, Absence::InDoubt),
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
