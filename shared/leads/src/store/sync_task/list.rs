//! The tenant's tasks.

use kernel::dynamo::{Item, batch_get, decode, n, page_of_keys, s};
use kernel::error::Result;
use kernel::ids::{TaskId, UserId};
use serde::Deserialize;

use super::{SyncTask, SyncTaskStore, WHAT};
use crate::ids::OpenId;

impl SyncTaskStore {
    /// The tenant's tasks, newest first, of all accounts or of one: `size` of them after `offset`, and how many there are
    /// in all. A new one shows after milliseconds. The index holds keys only, so that counting ten thousand is one request.
    pub async fn of_user(
        &self,
        user_id: UserId,
        account: Option<&OpenId>,
        offset: u64,
        size: u64,
    ) -> Result<(Vec<SyncTask>, u64)> {
        #[derive(Deserialize)]
        struct Key {
            task_id: TaskId,
        }
        let mut request = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("by_user")
            .key_condition_expression("user_id = :user")
            .expression_attribute_values(":user", n(user_id))
            .scan_index_forward(false);
        if let Some(account) = account {
            request = request
                .filter_expression("douyin_user_id = :account")
                .expression_attribute_values(":account", s(account.as_str()));
        }
        let (keys, total) = page_of_keys(request, offset, size).await?;
        let ids =
            keys.into_iter().map(|key| decode::<Key>(WHAT, key).map(|key| key.task_id)).collect::<Result<Vec<_>>>()?;
        let mut tasks = self.of_ids(&ids).await?;
        tasks.sort_by_key(|task| std::cmp::Reverse(task.task_id));
        Ok((tasks, total))
    }

    /// These tasks, read consistently, in no particular order; absent ones are simply not among the answers.
    pub async fn of_ids(&self, ids: &[TaskId]) -> Result<Vec<SyncTask>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let keys = ids.iter().map(|id| Item::from([("task_id".to_owned(), n(id))])).collect();
        let rows = batch_get(&self.client, &self.clock, &self.table, keys, None, true).await?;
        rows.into_iter().map(|row| decode(WHAT, row)).collect()
    }
}
