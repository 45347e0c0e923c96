//! The account behind a device.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::errors::{failed, undecided};
use super::{Endpoint, Gateway};
use crate::provider::{Detail, FailureKind, ProviderError, lenient};

/// Who is logged in on a device.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct Profile {
    /// The account's id at WeChat.
    #[serde(deserialize_with = "lenient::id")]
    pub wxid: String,
    /// The name it shows; empty when it has none.
    #[serde(rename = "nickName", default, deserialize_with = "lenient::text")]
    pub nickname: String,
}

impl fmt::Debug for Profile {
    // Names stay out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profile").field("wxid", &self.wxid).finish_non_exhaustive()
    }
}

/// The question that names nothing but the device.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Device<'a> {
    app_id: &'a str,
}

impl Gateway {
    /// Whether the gateway believes the device to be online. A yes is no proof: devices that cannot send any more
    /// were seen to stay online.
    ///
    /// # Errors
    /// [`DeviceUnknown`](crate::provider::FailureKind::DeviceUnknown) when the gateway has no such device.
    pub async fn check_online(&self, app_id: &str) -> Result<bool, ProviderError> {
        const ENDPOINT: Endpoint = Endpoint::CheckOnline;
        match self.post::<Value>(ENDPOINT, &Device { app_id }).await? {
            Value::Bool(online) => Ok(online),
            _ => Err(undecided(ENDPOINT, Detail::Unreadable)),
        }
    }

    /// Who is logged in.
    ///
    /// # Errors
    /// [`AccountOffline`](FailureKind::AccountOffline) when nobody is.
    pub async fn profile(&self, app_id: &str) -> Result<Profile, ProviderError> {
        self.post(Endpoint::GetProfile, &Device { app_id }).await
    }

    /// Makes sure that `wxid` is logged in: whatever a device posts is posted by whoever is logged in on it.
    ///
    /// # Errors
    /// [`AnotherPerson`](FailureKind::AnotherPerson) when somebody else is, and as [`Self::profile`]; but words that we have
    /// no reading for only say that asking again may help, for nothing is done by asking.
    pub async fn check_person(&self, app_id: &str, wxid: &str) -> Result<(), ProviderError> {
        let profile = self.profile(app_id).await.map_err(|failure| match failure.kind {
            FailureKind::Unknown => ProviderError { kind: FailureKind::Retry, ..failure },
            _ => failure,
        })?;
        if profile.wxid == wxid { Ok(()) } else { Err(failed(Endpoint::GetProfile, FailureKind::AnotherPerson)) }
    }
}
