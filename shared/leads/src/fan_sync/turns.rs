//! Whose turn it is to commit. All leads of a tenant are numbered by one counter, so of two syncs of the tenant that
//! commit at once the later one is refused, has to read again, and pays for what was refused. A worker runs up to five
//! syncs side by side, and the queue's message groups bring a tenant's together: here they commit one after the other
//! and hand each other the counter. Only syncs in different workers still meet at the table, whose condition decides.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use kernel::ids::UserId;

use crate::store::lead_index::Counter;

/// A tenant's turn: who holds the lock commits. In it is the counter as the last commit left it, unless another worker
/// is known to commit as well.
pub(super) type Turn = futures::lock::Mutex<Option<Counter>>;

/// The turns of the tenants that are being synced by this worker.
#[derive(Debug, Clone, Default)]
pub(super) struct Turns(Arc<Mutex<HashMap<UserId, Weak<Turn>>>>);

impl Turns {
    /// The tenant's turn. It is forgotten with the last sync of the tenant that holds it.
    pub fn of(&self, user_id: UserId) -> Arc<Turn> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        turns.retain(|_, turn| turn.strong_count() > 0);
        if let Some(turn) = turns.get(&user_id).and_then(Weak::upgrade) {
            return turn;
        }
        let turn = Arc::new(Turn::new(None));
        turns.insert(user_id, Arc::downgrade(&turn));
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syncs_of_a_tenant_share_a_turn_until_the_last_of_them_is_over() {
        let turns = Turns::default();
        let of = |user| turns.of(UserId::new(user).unwrap());
        let (first, second, other) = (of(1), of(1), of(2));
        assert!(Arc::ptr_eq(&first, &second) && !Arc::ptr_eq(&first, &other));
        drop((first, second));
        let third = of(3);
        assert_eq!(turns.0.lock().unwrap().len(), 2, "the first tenant is forgotten");
        drop((other, third));
    }
}
