//! The fans of the authorized account, page by page.
//!
//! The platform shows at most the 5,000 most recent ones, in no particular order and possibly twice; there is no
//! follow time in the answer. The cursor is opaque and good for one pass.

use std::fmt;

use secrecy::SecretString;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::endpoint::Endpoint;
use super::errors::PlatformError;
use super::wire::Answer;
use super::{Douyin, lenient};
use crate::ids::{LONGEST_OPEN_ID, OpenId};

/// Longer union ids are none: real ones have as many characters as open ids.
const LONGEST_UNION_ID: usize = LONGEST_OPEN_ID;

/// The specification's length of `avatar_url`. A longer address is none, because a cut one leads nowhere.
const LONGEST_AVATAR_URL: usize = 500;

/// One page of fans.
#[derive(Clone, PartialEq, Eq)]
pub struct FanPage {
    /// The fans, each with an id. May be empty although more follow, and may repeat earlier ones.
    pub fans: Vec<Fan>,
    /// How many entries of the page could not be read, or had no usable id.
    pub skipped: u64,
    /// How many fans the account has. More than paging returns, above the platform's cap.
    pub total: Option<u64>,
    /// What to ask for next, while [`has_more`](Self::has_more).
    pub cursor: i64,
    /// Whether there is a next page.
    pub has_more: bool,
    /// The platform's id of the call.
    pub log_id: Option<String>,
}

#[derive(Clone, PartialEq, Eq)]
pub struct Fan {
    /// The fan's id for our application.
    pub open_id: OpenId,
    /// The fan's id for all applications of our developer account.
    pub union_id: Option<String>,
    /// The nickname, empty when there is none.
    pub nickname: String,
    /// Address of the avatar, empty when there is none.
    pub avatar_url: String,
}

impl fmt::Debug for FanPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FanPage")
            .field("fans", &self.fans.len())
            .field("skipped", &self.skipped)
            .field("total", &self.total)
            .field("cursor", &self.cursor)
            .field("has_more", &self.has_more)
            .field("log_id", &self.log_id)
            .finish()
    }
}

impl fmt::Debug for Fan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fan").field("open_id", &self.open_id).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Page {
    // No default, like `has_more`: a page that forgot them would pass for the end of the list, and a complete pass
    // marks everybody it did not see as unfollowed.
    #[serde(deserialize_with = "lenient::list")]
    list: Vec<Box<RawValue>>,
    #[serde(deserialize_with = "lenient::flag")]
    has_more: bool,
    #[serde(default, deserialize_with = "lenient::optional_integer")]
    cursor: Option<i64>,
    #[serde(default, deserialize_with = "lenient::optional_count")]
    total: Option<u64>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(default, deserialize_with = "lenient::text_or_empty")]
    open_id: String,
    #[serde(default, deserialize_with = "lenient::optional_text")]
    union_id: Option<String>,
    #[serde(default, deserialize_with = "lenient::text_or_empty")]
    nickname: String,
    #[serde(default, deserialize_with = "lenient::text_or_empty")]
    avatar: String,
}

impl Item {
    fn parse(raw: &RawValue) -> Option<Fan> {
        // serde would also read a struct from an array, by position.
        let item: Self = serde_json::from_str(raw.get()).ok().filter(|_| raw.get().starts_with('{'))?;
        let Self { open_id, union_id, nickname, avatar } = item;
        Some(Fan {
            open_id: open_id.try_into().ok()?,
            union_id: union_id.filter(|id| id.len() <= LONGEST_UNION_ID),
            nickname,
            avatar_url: if avatar.chars().count() <= LONGEST_AVATAR_URL { avatar } else { String::new() },
        })
    }
}

impl Douyin {
    /// One page of the fans of `open_id`: at `cursor` (0 for the first page, then what the last page said), with up to
    /// `count` fans. The platform documents no largest page; 20 is what production code asks for.
    pub async fn fans(
        &self,
        access_token: &SecretString,
        open_id: &str,
        cursor: i64,
        count: u32,
    ) -> Result<FanPage, PlatformError> {
        const ENDPOINT: Endpoint = Endpoint::FansList;
        let (cursor, count) = (cursor.to_string(), count.to_string());
        let query = [("open_id", open_id), ("cursor", cursor.as_str()), ("count", count.as_str())];
        let Answer { data: page, log_id } = self.inner.transport.get::<Page>(ENDPOINT, access_token, &query).await?;
        let cursor = match (page.cursor, page.has_more) {
            (Some(cursor), _) => cursor,
            (None, false) => 0,
            // More to come and no way to ask for it.
            (None, true) => return Err(PlatformError::unreadable(ENDPOINT, 200, log_id)),
        };
        let fans: Vec<Fan> = page.list.iter().filter_map(|item| Item::parse(item)).collect();
        let skipped = (page.list.len() - fans.len()) as u64;
        if skipped > 0 {
            tracing::warn!(
                douyin.endpoint = %ENDPOINT,
                douyin.log_id = log_id.as_deref(),
                dropped = skipped,
                "fans without a usable open_id were dropped"
            );
        }
        Ok(FanPage { fans, skipped, total: page.total, cursor, has_more: page.has_more, log_id })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::FailureKind;
    use super::super::testing::Platform;
    use super::*;

    async fn ask(data: Value) -> Result<FanPage, PlatformError> {
        let answer = json!({"data": data, "extra": {"error_code": 0, "logid": "20261120201500A1", "now": 1}});
        let platform = Platform::answering(200, answer).await;
        platform.douyin.fans(&SecretString::from("act.1"), "me", 40, 20).await
    }

    #[tokio::test]
    async fn fan_page_request_has_the_header_and_an_encoded_query() {
        let platform = Platform::answering(200, json!({"data": {"list": [], "has_more": false}})).await;
        for count in [1, 20, 45] {
            platform.douyin.fans(&SecretString::from("act.1"), "_000a+b/c=d@e&f", -3, count).await.unwrap();
            let request = platform.seen().pop().unwrap();
            let query = format!("open_id=_000a%2Bb%2Fc%3Dd%40e%26f&cursor=-3&count={count}");
            assert_eq!(request.line, format!("GET /douyin/fans/list/?{query}"));
            assert_eq!(request.header("access-token"), Some("act.1"));
            assert_eq!(request.header("content-type"), Some("application/json"));
            assert_eq!(request.body, "");
        }
    }

    #[tokio::test]
    async fn fan_page_is_read_with_numbers_or_strings() {
        let list = json!([
            {"open_id": "f1", "union_id": "u1", "nickname": "阿琳🌸", "avatar": "https://p.example.com/1", "gender": 2},
            {"open_id": "f2", "union_id": "", "nickname": null, "city": "杭州"},
        ]);
        let fans = vec![
            Fan {
                open_id: "f1".parse().unwrap(),
                union_id: Some("u1".to_owned()),
                nickname: "阿琳🌸".to_owned(),
                avatar_url: "https://p.example.com/1".to_owned(),
            },
            Fan { open_id: "f2".parse().unwrap(), union_id: None, nickname: String::new(), avatar_url: String::new() },
        ];
        let expected = FanPage {
            fans,
            skipped: 0,
            total: Some(12_000),
            cursor: 60,
            has_more: true,
            log_id: Some("20261120201500A1".to_owned()),
        };
        for data in [
            json!({"list": list, "total": 12_000, "cursor": 60, "has_more": true, "error_code": 0, "description": ""}),
            json!({"list": list, "total": "12000", "cursor": "60", "has_more": "true", "error_code": "0"}),
            json!({"list": list, "total": "12000", "cursor": "60", "has_more": 1, "error_code": null}),
        ] {
            assert!(ask(data.clone()).await.unwrap() == expected, "{data}");
        }
    }

    #[tokio::test]
    async fn fan_page_that_is_last_may_have_no_list() {
        for data in [json!({"list": null, "has_more": false}), json!({"list": [], "has_more": "0", "total": "?"})] {
            let page = ask(data).await.unwrap();
            assert!(page.fans.is_empty() && !page.has_more);
            assert_eq!((page.total, page.cursor), (None, 0));
        }
    }

    #[tokio::test]
    async fn fan_without_an_id_is_dropped_alone() {
        let long = "x".repeat(LONGEST_OPEN_ID + 1);
        let list = json!([
            {"nickname": "no id"}, {"open_id": "", "nickname": "empty"}, {"open_id": long}, null, "text",
            {"open_id": {"odd": 1}}, {"open_id": "f1", "nickname": ["odd"], "union_id": 42},
        ]);
        let page = ask(json!({"list": list, "has_more": true, "cursor": 7})).await.unwrap();
        let ids: Vec<_> = page.fans.iter().map(|fan| (fan.open_id.as_str(), fan.union_id.as_deref())).collect();
        assert_eq!(ids, [("f1", Some("42"))]);
        assert_eq!(page.skipped, 6);
    }

    #[tokio::test]
    async fn fan_that_cannot_be_read_is_dropped_alone() {
        let entries = [
            r#"{"open_id":"f1","nickname":"小\ud83d"}"#.to_owned(),
            r#"{"open_id":"f2","age":1e999}"#.to_owned(),
            r#"{"open_id":1e999}"#.to_owned(),
            format!(r#"{{"open_id":{}{}}}"#, "[".repeat(500), "]".repeat(500)),
            r#"["f3"]"#.to_owned(),
            r#"{"open_id":"f4"}"#.to_owned(),
        ];
        let body = format!(r#"{{"data":{{"list":[{}],"has_more":false}}}}"#, entries.join(","));
        let platform = Platform::answering(200, body).await;
        let page = platform.douyin.fans(&SecretString::from("act.1"), "me", 0, 20).await.unwrap();
        let fans: Vec<_> = page.fans.iter().map(|fan| (fan.open_id.as_str(), fan.nickname.as_str())).collect();
        assert_eq!(fans, [("f1", "小\u{fffd}"), ("f2", ""), ("f4", "")]);
        assert_eq!(page.skipped, 3);
    }

    #[tokio::test]
    async fn fan_fields_that_are_too_long_are_absent() {
        let (avatar, id) = ("图".repeat(LONGEST_AVATAR_URL), "x".repeat(LONGEST_UNION_ID));
        let list = json!([
            {"open_id": "f1", "avatar": avatar, "union_id": id},
            {"open_id": "f2", "avatar": format!("{avatar}x"), "union_id": format!("{id}x")},
        ]);
        let page = ask(json!({"list": list, "has_more": false})).await.unwrap();
        let kept: Vec<_> = page.fans.iter().map(|fan| (fan.avatar_url == avatar, fan.union_id.is_some())).collect();
        assert_eq!(kept, [(true, true), (false, false)]);
        assert_eq!(page.fans[1].avatar_url, "");
    }

    #[tokio::test]
    async fn fan_page_without_a_cursor_is_transient() {
        for data in [
            json!({"has_more": false, "cursor": 1}),
            json!({"list": []}),
            json!({"list": [], "has_more": "perhaps"}),
            json!({"list": [], "has_more": true}),
            json!({"list": [], "has_more": true, "cursor": "next"}),
            json!({"list": {}, "has_more": false}),
        ] {
            let error = ask(data.clone()).await.unwrap_err();
            assert_eq!(error.kind, FailureKind::Transient, "{data}");
            assert_eq!(error.log_id.as_deref(), Some("20261120201500A1"), "{data}");
        }
    }
}
