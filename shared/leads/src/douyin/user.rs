//! The profile of the authorized account.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::endpoint::Endpoint;
use super::errors::PlatformError;
use super::{Douyin, lenient};

/// What the account shows of itself.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct UserInfo {
    /// The user's id for our application.
    #[serde(default, deserialize_with = "lenient::text_or_empty")]
    pub open_id: String,
    /// The user's id for all applications of our developer account.
    #[serde(default, deserialize_with = "lenient::optional_text")]
    pub union_id: Option<String>,
    /// The nickname, which may be empty.
    // The one field without a default: an answer that does not even mention it is no profile.
    #[serde(deserialize_with = "lenient::text_or_empty")]
    pub nickname: String,
    /// Address of the avatar, empty when there is none.
    #[serde(default, rename = "avatar", deserialize_with = "lenient::text_or_empty")]
    pub avatar_url: String,
}

impl fmt::Debug for UserInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserInfo").field("open_id", &self.open_id).finish_non_exhaustive()
    }
}

impl Douyin {
    /// The profile of the account `open_id`.
    ///
    /// Five descriptions of this call contradict each other on method, encoding and where the token goes. A form with
    /// both fields is what the newest page's own example sends, and production code with it.
    pub async fn user_info(&self, access_token: &SecretString, open_id: &str) -> Result<UserInfo, PlatformError> {
        let form = [("access_token", access_token.expose_secret()), ("open_id", open_id)];
        let mut user: UserInfo = self.inner.transport.post_form(Endpoint::UserInfo, &form).await?.data;
        // The page promises nickname and avatar only; the id is the one we asked about.
        if user.open_id.is_empty() {
            open_id.clone_into(&mut user.open_id);
        }
        Ok(user)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::FailureKind;
    use super::super::testing::Platform;
    use super::*;

    async fn ask(platform: &Platform) -> Result<UserInfo, PlatformError> {
        platform.douyin.user_info(&SecretString::from("act.1"), "_000a+/=@").await
    }

    #[tokio::test]
    async fn profile_is_read_from_both_envelopes() {
        let old = json!({"data": {
            "open_id": "o", "union_id": "u", "nickname": "小店 👋", "avatar": "https://p.example.com/1.jpeg", "gender": 1,
            "city": "上海", "e_account_role": "", "description": "", "error_code": 0,
        }, "message": "success"});
        let new = json!({"err_no": 0, "err_msg": "", "log_id": "2026", "data": {
            "open_id": "o", "union_id": "u", "nickname": "小店 👋", "avatar": "https://p.example.com/1.jpeg",
            "client_key": "aw", "error_code": "0", "log_id": "2026",
        }});
        for answer in [old, new] {
            let platform = Platform::answering(200, answer).await;
            let expected = UserInfo {
                open_id: "o".to_owned(),
                union_id: Some("u".to_owned()),
                nickname: "小店 👋".to_owned(),
                avatar_url: "https://p.example.com/1.jpeg".to_owned(),
            };
            assert!(ask(&platform).await.unwrap() == expected);
            let request = platform.only_request();
            assert_eq!(request.line, "POST /douyin/oauth/userinfo/");
            assert_eq!(request.header("content-type"), Some("application/x-www-form-urlencoded"));
            assert_eq!(request.body, "access_token=act.1&open_id=_000a%2B%2F%3D%40");
        }
    }

    #[tokio::test]
    async fn profile_may_lack_ids_and_avatar_and_must_have_a_nickname() {
        let platform = Platform::answering(200, json!({"err_no": 0, "data": {"nickname": ""}})).await;
        let user = ask(&platform).await.unwrap();
        assert_eq!(user.open_id, "_000a+/=@");
        assert_eq!((user.union_id, user.nickname, user.avatar_url), (None, String::new(), String::new()));

        let platform = Platform::answering(200, json!({"err_no": 0, "data": {"open_id": "o"}})).await;
        assert_eq!(ask(&platform).await.unwrap_err().kind, FailureKind::Transient);
    }
}
