//! The unified lead module writes its own id back onto a lead, by which it finds the lead's person among those of all
//! channels.
//!
//! One transaction does it: the lead's row, on the condition that it is there and linked as it was read, and the row of the
//! audit log. So whoever dies has linked it or has not, and the same request again finds it as it should be. It tells no
//! `lead.updated`: the module follows our events, and would read its own write. It makes no version either, so it is in the
//! way of nobody who works the lead.

use kernel::audit::Row;
use kernel::caller::Caller;
use kernel::retry::{Attempt, on_conflict};
use kernel::transaction::Transaction;
use serde_json::json;

use crate::audit;
use crate::error::Result;
use crate::ids::{LeadId, UnifiedLeadId};
use crate::lead_edit::{TRIES, lead_of};
use crate::store::Stores;

/// Links the caller's lead with `id`, instead of any other that it had. What is already so writes nothing.
///
/// # Errors
/// [`Error::LeadErased`](crate::Error::LeadErased), [`Error::LeadMerged`](crate::Error::LeadMerged);
/// [`kernel::Error::NotFound`] for an id that never was a lead's.
pub async fn link(stores: &Stores, caller: &Caller, lead_id: LeadId, id: UnifiedLeadId) -> Result<()> {
    on_conflict(&stores.clock, "lead", TRIES, || try_link(stores, caller, lead_id, id)).await
}

async fn try_link(stores: &Stores, caller: &Caller, lead_id: LeadId, id: UnifiedLeadId) -> Result<Attempt<()>> {
    let lead = lead_of(stores, caller.user_id, lead_id).await?;
    if lead.unified_lead_id == Some(id) {
        return Ok(Attempt::Done(()));
    }
    let now = stores.clock.now();
    // The id itself would outlast the erasure of the person there.
    let row = Row {
        tenant: caller.user_id,
        actor: &caller.actor,
        action: audit::LEAD_LINKED,
        object: format!("lead/{lead_id}"),
        before: json!({ "isLinked": lead.unified_lead_id.is_some() }),
        after: json!({ "isLinked": true }),
    };
    let mut transaction = Transaction::new();
    transaction.add(stores.leads.link(&lead, id, now)?);
    transaction.add(stores.audit.row(&row, now)?);
    Ok(match stores.commit(&transaction).await?.is_committed() {
        true => Attempt::Done(()),
        false => Attempt::Conflict,
    })
}
