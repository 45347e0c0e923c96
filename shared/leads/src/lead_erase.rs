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
use crate::store::identity::FanLead;
use crate::store::lead::Lead;
use crate::store::lead_index::{Counter, OwnEntries};
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

/// All that there is of a lead's person beside its row and its index.
pub(crate) struct Person {
    /// The fans that the lead stands for, each with the lead that was made of it.
    pub fans: Vec<(OpenId, FanLead)>,
    entries: OwnEntries,
}

impl Person {
    /// That of `lead`, with as much of its history and notes as fits a transaction of `others` more actions; what does not is
    /// deleted.
    pub async fn of(stores: &Stores, lead: &Lead, others: usize) -> Result<Self> {
        let user_id = lead.user_id;
        let known: Vec<OpenId> = fans(lead).cloned().collect();
        let fans = stores.identities.leads_of(user_id, &known).await?;
        let mut entries = stores.index.own_entries(lead).await?;
        let surplus = entries.split_off_all_but(MAX_ACTIONS - ALWAYS - others - 2 * fans.len());
        stores.index.delete_entries(user_id, surplus).await?;
        Ok(Self { fans, entries })
    }
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
        let stores = &self.stores;
        let user_id = caller.user_id;
        let lead = match resolve(stores, user_id, lead_id).await {
            Err(Error::LeadErased) => return Ok(Attempt::Done(())),
            lead => lead?,
        };
        let person = Person::of(stores, &lead, 0).await?;
        let hasher = hasher.get_or_try_init(|| self.suppression.hasher(user_id)).await?;
        // Read last, so that few syncs move it meanwhile. One that has planned a page before this commits finds it moved, and then
        // knows who was erased.
        let counter = stores.index.counter(user_id).await?;
        let mut transaction = erasure(stores, &lead, person, Some(hasher), &counter).await?;
        let row = Row {
            tenant: user_id,
            actor: &caller.actor,
            action: audit::LEAD_ERASED,
            object: format!("lead/{}", lead.lead_id),
            before: Value::Null,
            after: Value::Null,
        };
        transaction.add(stores.audit.row(&row, stores.clock.now())?);
        stores.tell(&mut transaction, user_id, &[events::erased(&lead, counter.version + 1)?])?;
        Ok(match stores.commit(&transaction).await?.is_committed() {
            true => Attempt::Done(()),
            false => Attempt::Conflict,
        })
    }
}

/// What takes a lead and its person out of all tables but the audit log, on the condition that the counter is as it was read
/// and that nobody has edited the lead. The hashes by which a sync knows the person stay if there is a `hasher`.
pub(crate) async fn erasure(
    stores: &Stores,
    lead: &Lead,
    person: Person,
    hasher: Option<&Hasher>,
    counter: &Counter,
) -> Result<Transaction> {
    let Stores { index, leads, identities, .. } = stores;
    let (user_id, Person { fans, entries }) = (lead.user_id, person);
    let mut next = counter.clone();
    next.holes.add(lead.lead_id)?;
    next.merged_leads = next.merged_leads.saturating_sub(lead.merged.len() as u64);
    let mut transaction = Transaction::new();
    transaction.add(leads.remove(lead)?);
    transaction.add_all(index.move_leads_and(user_id, &[], &[lead], None).await?);
    transaction.add_all(index.forget(user_id, lead.lead_id, entries)?);
    for (fan, of) in &fans {
        match hasher {
            Some(hasher) => {
                next.erased_fans += 1;
                transaction.add_all(identities.erase(user_id, fan, &hasher.of_fan(fan), *of)?);
            }
            None => {
                transaction.add(identities.forget(user_id, fan, of.lead_id)?);
            }
        }
    }
    index.advance(&mut transaction, user_id, counter, &next)?;
    Ok(transaction)
}
