//! Erasing a person: everything that is about them goes for good. What stays is a hole in the numbers of leads, and a keyed
//! hash by which a sync knows not to bring them back.
//!
//! One transaction does it, on the condition that nobody has changed the lead since it was read. Of a history and notes of more
//! entries than fit the first are deleted before: who dies in between leaves the lead as it was, with the rest of
//! them, and asking again goes on from there.

use kernel::Context;
use kernel::audit::Row;
use kernel::caller::Caller;
use kernel::config::ConfigError;
use kernel::retry::{Attempt, on_conflict};
use kernel::transaction::{MAX_ACTIONS, Transaction};
use serde_json::Value;
use tokio::sync::OnceCell;

use crate::audit;
use crate::error::{Error, Result};
use crate::events;
use crate::ids::{LeadId, OpenId};
use crate::lead_edit::TRIES;
use crate::lead_merge::{fans, resolve};
use crate::store::Stores;
use crate::suppression::{Hasher, Suppression};

/// What such a transaction has beside them and two rows for each fan: the counter, the lead, its name, the notes shown, three
/// sets of ids (of its status, its owner, and those that are gone), the tally, the row of the audit log and the event.
const ALWAYS: usize = 10;

/// Erases people.
#[derive(Debug, Clone)]
pub struct Eraser {
    stores: Stores,
    suppression: Suppression,
}

impl Eraser {
    /// Built once at init.
    ///
    /// # Errors
    /// Names the setting that is missing.
    pub fn new(cx: &Context) -> Result<Self, ConfigError> {
        Ok(Self { stores: Stores::new(cx)?, suppression: Suppression::new(cx)? })
    }

    /// Erases the person of the caller's lead, with everything that was merged into it, or that it was merged into. One that
    /// is erased already stays so, and nothing is said against it.
    ///
    /// # Errors
    /// [`kernel::Error::NotFound`] for an id that never was a lead's.
    pub async fn erase(&self, caller: &Caller, lead_id: LeadId) -> Result<()> {
        // Asked for by the first attempt that needs it, and once.
        let hasher = OnceCell::new();
        on_conflict(&self.stores.clock, "lead", TRIES, || Box::pin(self.try_erase(caller, lead_id, &hasher))).await
    }

    async fn try_erase(&self, caller: &Caller, lead_id: LeadId, hasher: &OnceCell<Hasher>) -> Result<Attempt<()>> {
        let Stores { index, leads, identities, audit: log, .. } = &self.stores;
        let user_id = caller.user_id;
        let lead = match resolve(&self.stores, user_id, lead_id).await {
            Err(Error::LeadErased) => return Ok(Attempt::Done(())),
            lead => lead?,
        };
        let known: Vec<OpenId> = fans(&lead).cloned().collect();
        let fans = identities.leads_of(user_id, &known).await?;
        let mut entries = index.own_entries(&lead).await?;
        let surplus = entries.split_off_all_but(MAX_ACTIONS - ALWAYS - 2 * fans.len());
        index.delete_entries(user_id, surplus).await?;
        let hasher = hasher.get_or_try_init(|| self.suppression.hasher(user_id)).await?;
        let sets = index.move_leads_and(user_id, &[], &[&lead], None).await?;
        // Read last, so that few syncs move it meanwhile. One that has planned a page before this commits finds it moved, and then
        // knows who was erased.
        let counter = index.counter(user_id).await?;
        let mut next = counter.clone();
        next.holes.add(lead.lead_id)?;
        next.erased_fans += fans.len() as u64;
        next.merged_leads = next.merged_leads.saturating_sub(lead.merged.len() as u64);

        let mut transaction = Transaction::new();
        transaction.add(leads.remove(&lead)?);
        transaction.add(index.advance(user_id, &counter, &next)?);
        transaction.add_all(sets);
        transaction.add_all(index.forget(user_id, lead.lead_id, entries)?);
        for (fan, of) in &fans {
            transaction.add_all(identities.erase(user_id, fan, &hasher.of_fan(fan), *of)?);
        }
        let row = Row {
            tenant: user_id,
            actor: &caller.actor,
            action: audit::LEAD_ERASED,
            object: format!("lead/{}", lead.lead_id),
            before: Value::Null,
            after: Value::Null,
        };
        transaction.add(log.row(&row, self.stores.clock.now())?);
        self.stores.tell(&mut transaction, user_id, &[events::erased(&lead, counter.version + 1)?])?;
        Ok(match self.stores.commit(&transaction).await?.is_committed() {
            true => Attempt::Done(()),
            false => Attempt::Conflict,
        })
    }
}
