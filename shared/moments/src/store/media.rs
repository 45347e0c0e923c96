//! `t_wechat_media`: attachments a company has uploaded already, while WeCom keeps them.

use aws_sdk_dynamodb::Client;
use jiff::Timestamp;
use kernel::dynamo::s;
use kernel::error::{Error, Result};

use super::seconds;
use crate::ids::CorpKey;

/// Access to the table.
#[derive(Debug, Clone)]
pub struct MediaStore {
    pub(super) client: Client,
    pub(super) table: String,
}

impl MediaStore {
    /// The media id of this content in this company, if it is still good at `now`.
    pub async fn get(&self, corp_key: &CorpKey, sha256: &str, now: Timestamp) -> Result<Option<String>> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("corp_key", s(corp_key))
            .key("content_hash", s(sha256))
            // What was forgotten a moment ago must not be found once more.
            .consistent_read(true)
            .send()
            .await
            .map_err(Error::aws("dynamodb:GetItem"))?;
        let Some(item) = answer.item else { return Ok(None) };
        let end: Option<i64> = item.get("expires_at").and_then(|end| end.as_n().ok()).and_then(|end| end.parse().ok());
        let id = item.get("media_id").and_then(|id| id.as_s().ok()).cloned();
        // The table's TTL deletes late, so the time is checked here.
        Ok(id.filter(|_| end.is_some_and(|end| end > now.as_second())))
    }

    /// Remembers an upload until `expires_at`.
    pub async fn put(&self, corp_key: &CorpKey, sha256: &str, media_id: &str, expires_at: Timestamp) -> Result<()> {
        self.client
            .put_item()
            .table_name(&self.table)
            .item("corp_key", s(corp_key))
            .item("content_hash", s(sha256))
            .item("media_id", s(media_id))
            .item("expires_at", seconds(expires_at))
            .send()
            .await
            .map_err(Error::aws("dynamodb:PutItem"))?;
        Ok(())
    }

    /// Forgets an upload that WeCom does not know any more.
    pub async fn forget(&self, corp_key: &CorpKey, sha256: &str) -> Result<()> {
        self.client
            .delete_item()
            .table_name(&self.table)
            .key("corp_key", s(corp_key))
            .key("content_hash", s(sha256))
            .send()
            .await
            .map_err(Error::aws("dynamodb:DeleteItem"))?;
        Ok(())
    }
}
