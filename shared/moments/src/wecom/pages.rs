//! Lists that come page by page.

use secrecy::SecretString;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::errors::undecided;
use super::{Endpoint, Wecom};
use crate::provider::{Detail, ProviderError};

#[derive(Serialize)]
struct Question<'a, Q> {
    #[serde(flatten)]
    query: &'a Q,
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<&'a str>,
    limit: u32,
}

/// One page: every endpoint names its list otherwise.
pub(super) trait Page: DeserializeOwned {
    type Item;

    /// Its items, and where the next page begins; empty at the end.
    fn into_parts(self) -> (Vec<Self::Item>, String);
}

impl Wecom {
    /// Reads all pages of a list.
    ///
    /// A list that does not end within `max_pages` is a failure and not a shorter list: what is missing in it would
    /// count as not published. `limit` must be the endpoint's maximum or less; more falls back to the default in
    /// silence.
    pub(super) async fn pages<P: Page>(
        &self,
        endpoint: Endpoint,
        token: &SecretString,
        query: &impl Serialize,
        limit: u32,
        max_pages: u32,
    ) -> Result<Vec<P::Item>, ProviderError> {
        let mut items = Vec::new();
        let mut cursor = String::new();
        for _ in 0..max_pages {
            let question = Question { query, cursor: Some(cursor.as_str()).filter(|cursor| !cursor.is_empty()), limit };
            let (page, next) = self.post_json::<P>(endpoint, token, &question).await?.into_parts();
            items.extend(page);
            if next.is_empty() {
                return Ok(items);
            }
            cursor = next;
        }
        Err(undecided(endpoint, Detail::TooLong))
    }
}
