//! The members who can publish.

use std::fmt;

use secrecy::SecretString;
use serde::Deserialize;

use super::{Endpoint, Wecom};
use crate::provider::{ProviderError, lenient};

/// Whether a member can use WeCom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MemberStatus {
    Active,
    /// Switched off by the company.
    Disabled,
    /// Never signed in.
    NotActivated,
    Left,
    /// A status we have no reading for.
    Unknown,
}

/// A member of the company.
#[derive(Clone, PartialEq, Eq)]
pub struct Member {
    /// The id within the company.
    pub userid: String,
    /// The name to show; the id where the platform keeps names back.
    pub name: String,
    /// Whether the member can publish at all.
    pub status: MemberStatus,
}

impl fmt::Debug for Member {
    // Names stay out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member").field("userid", &self.userid).field("status", &self.status).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Followers {
    #[serde(deserialize_with = "lenient::list")]
    follow_user: Vec<String>,
}

#[derive(Deserialize)]
struct User {
    #[serde(deserialize_with = "lenient::id")]
    userid: String,
    #[serde(default, deserialize_with = "lenient::text")]
    name: String,
    #[serde(deserialize_with = "lenient::number")]
    status: i64,
}

impl Wecom {
    /// The user ids of the members in the application's range who may contact customers.
    ///
    /// # Errors
    /// [`PermissionMissing`](crate::provider::FailureKind::PermissionMissing) when the application may not ask.
    pub async fn follow_users(&self, token: &SecretString) -> Result<Vec<String>, ProviderError> {
        let Followers { follow_user } = self.get_with_token(Endpoint::GetFollowUserList, token, &[]).await?;
        Ok(follow_user)
    }

    /// One member. Ids are the same in any case of letters; the answer has the company's spelling.
    ///
    /// # Errors
    /// [`TargetInvalid`](crate::provider::FailureKind::TargetInvalid) when there is no such member in range.
    pub async fn user(&self, token: &SecretString, userid: &str) -> Result<Member, ProviderError> {
        let user: User = self.get_with_token(Endpoint::UserGet, token, &[("userid", userid)]).await?;
        let name = if user.name.is_empty() { user.userid.clone() } else { user.name };
        let status = match user.status {
            1 => MemberStatus::Active,
            2 => MemberStatus::Disabled,
            4 => MemberStatus::NotActivated,
            5 => MemberStatus::Left,
            _ => MemberStatus::Unknown,
        };
        Ok(Member { userid: user.userid, name, status })
    }
}
