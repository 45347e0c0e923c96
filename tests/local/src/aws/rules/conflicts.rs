//! Requests that overlap in time on one item, one of them a transaction: the later one is refused.
//!
//! Source: DynamoDB Developer Guide, "Managing complex workflows with DynamoDB transactions", section "Transaction
//! conflict handling in DynamoDB". A PutItem, UpdateItem or DeleteItem conflicts with an ongoing TransactWriteItems
//! that has the same item, and fails with TransactionConflictException. A TransactWriteItems conflicts with another
//! one, a TransactGetItems with any ongoing write; they fail with TransactionCanceledException and the reason
//! TransactionConflict. The SDKs do not send such a request again. GetItem, BatchGetItem and Query are never refused.
//! That a transaction is refused because of an ongoing single write follows from "DynamoDB transactions are isolated
//! from single writes": which of the two gives way is left open there, here it is the later one.
//! A BatchWriteItem is not refused here, because nothing is written about how; it makes transactions conflict.
//!
//! Requests here take a part of a millisecond, those of AWS ten. So that they overlap as there, a request that could
//! conflict waits 1 to 20 ms while it holds its items: always while another request of its account is under way,
//! and else one of [`ALONE`]. A refusal takes as long as the request it met, or [`LONGEST_REFUSAL`]: under the clock of a
//! test, which moves by itself when code sleeps, the pauses between attempts take no time, and all attempts would be over
//! before the other request is.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::refusal;
use super::request::{Kind, Request};
use crate::aws::dynamodb::Answer;

/// One of so many requests waits although nobody else is there yet.
pub(super) const ALONE: u64 = 16;

/// Longer than any request takes here on a machine that is busy, and shorter than the 2.5 seconds after which the SDK
/// gives an attempt up. With 40 ms, all attempts of a write could be over while one large transaction was carried out.
const LONGEST_REFUSAL: Duration = Duration::from_secs(2);

const CODE: &str = "TransactionConflict";
const MESSAGE: &str = "Transaction is ongoing for the item";

/// The refusal of a request that met others at those of its items that are marked.
fn refused(transaction: bool, conflicts: &[bool]) -> Answer {
    if transaction {
        let reasons: Vec<_> = conflicts.iter().map(|conflict| conflict.then_some((CODE, MESSAGE))).collect();
        refusal::cancelled(&reasons)
    } else {
        refusal::simple("TransactionConflictException", MESSAGE)
    }
}

/// The refusal of a request that met transactions at all of its items; none of what is never refused.
pub(super) fn refusal_everywhere(request: &Request) -> Option<Answer> {
    let is_refused = matches!(request.kind, Kind::Write | Kind::TransactWrite | Kind::TransactGet);
    is_refused.then(|| refused(request.kind != Kind::Write, &vec![true; request.items.len()]))
}

/// The items that requests under way write.
#[derive(Debug, Default)]
pub(super) struct Items(Mutex<HashMap<String, Uses>>);

#[derive(Debug, Default)]
struct Uses {
    writes: u32,
    transactions: u32,
}

impl Uses {
    fn refuse(&self, transaction: bool) -> bool {
        self.transactions > 0 || (transaction && self.writes > 0)
    }
}

/// A request's hold on its items, until dropped.
#[derive(Debug)]
pub(super) struct Hold {
    items: Arc<Items>,
    ids: Vec<String>,
    transaction: bool,
}

impl Items {
    /// Whether requests of this kind can meet a conflict.
    pub(super) fn concern(request: &Request) -> bool {
        request.writes() || request.kind == Kind::TransactGet
    }

    /// Waits until a request that was refused would be so no longer.
    pub(super) async fn wait(&self, request: &Request) {
        let transaction = matches!(request.kind, Kind::TransactGet | Kind::TransactWrite);
        let meets = || {
            let uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            request.items.iter().any(|item| uses.get(&item.id).is_some_and(|uses| uses.refuse(transaction)))
        };
        let waited = async {
            while meets() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let _long_enough = tokio::time::timeout(LONGEST_REFUSAL, waited).await.is_err();
    }

    /// Takes hold of a request's items, or refuses it.
    pub(super) fn hold(self: &Arc<Self>, request: &Request) -> Result<Hold, Answer> {
        let mut uses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = matches!(request.kind, Kind::TransactGet | Kind::TransactWrite);
        let meets =
            |id: &String| uses.get(id).is_some_and(|uses| uses.transactions > 0 || (transaction && uses.writes > 0));
        let conflicts: Vec<bool> = request.items.iter().map(|item| meets(&item.id)).collect();
        if request.kind != Kind::BatchWrite && conflicts.contains(&true) {
            return Err(refused(transaction, &conflicts));
        }
        let ids: Vec<String> = if request.writes() {
            request.items.iter().map(|item| item.id.clone()).collect()
        } else {
            // A reading transaction stands in nobody's way.
            Vec::new()
        };
        for id in &ids {
            let uses = uses.entry(id.clone()).or_default();
            if transaction { uses.transactions += 1 } else { uses.writes += 1 }
        }
        Ok(Hold { items: Arc::clone(self), ids, transaction })
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut all = self.items.0.lock().unwrap_or_else(PoisonError::into_inner);
        for id in &self.ids {
            let Some(uses) = all.get_mut(id) else { continue };
            let count = if self.transaction { &mut uses.transactions } else { &mut uses.writes };
            *count = count.saturating_sub(1);
            if uses.writes == 0 && uses.transactions == 0 {
                all.remove(id);
            }
        }
    }
}
