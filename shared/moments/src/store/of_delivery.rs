//! What a worker needs to know of a delivery besides its own row, read with one request.

use kernel::dynamo::{Item, batch_get_of_tables, decode, n, s};
use kernel::error::Result;

use super::Stores;
use super::account::Account;
use super::corp::Corp;
use super::delivery::{Delivery, DeliveryStage};
use super::result::AccountResult;
use super::task::Task;

/// The rows around a delivery. Each is of an instant of its own: whatever is written by them says what it was made from.
#[derive(Debug, Default)]
pub(crate) struct RowsOfDelivery {
    /// Absent only if somebody has deleted it.
    pub task: Option<Task>,
    /// Those of the delivery's own accounts.
    pub results: Vec<AccountResult>,
    /// The delivery's accounts, whoever owns them, if nothing was sent of it yet: they are asked for before anything is.
    pub accounts: Option<Vec<Account>>,
    /// Its company.
    pub corp: Option<Corp>,
}

impl Stores {
    /// The rows around `delivery`, read consistently.
    pub(crate) async fn of_delivery(&self, delivery: &Delivery) -> Result<RowsOfDelivery> {
        let (tasks, results) = (self.tasks.table.as_str(), self.results.table.as_str());
        let (accounts, corps) = (self.accounts.table.as_str(), self.corps.table.as_str());
        let is_unsent = delivery.stage == DeliveryStage::Queued;
        let mut keys = vec![(tasks, Item::from([("id".to_owned(), n(delivery.task_id))]))];
        for id in &delivery.account_ids {
            let account = || ("account_id".to_owned(), s(id));
            keys.push((results, Item::from([("task_id".to_owned(), n(delivery.task_id)), account()])));
            if is_unsent {
                keys.push((accounts, Item::from([account()])));
            }
        }
        keys.extend(delivery.corp_key.iter().map(|key| (corps, Item::from([("corp_key".to_owned(), s(key))]))));
        let mut rows = RowsOfDelivery { accounts: is_unsent.then(Vec::new), ..RowsOfDelivery::default() };
        for (table, row) in batch_get_of_tables(&self.client, &self.clock, keys).await? {
            if table == tasks {
                rows.task = Some(Task::from_row(row)?);
            } else if table == results {
                rows.results.push(decode("moment result", row)?);
            } else if table == accounts {
                rows.accounts.get_or_insert_default().push(decode("wechat account", row)?);
            } else {
                rows.corp = Some(decode("wechat corp", row)?);
            }
        }
        Ok(rows)
    }
}
