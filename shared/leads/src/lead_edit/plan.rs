//! What an edit makes of leads, and the one transaction that writes it.

use aws_sdk_dynamodb::types::TransactWriteItem;
use jiff::Timestamp;
use kernel::caller::Caller;
use kernel::instant::whole_second;
use kernel::retry::Attempt;
use kernel::transaction::Transaction;

use super::{LeadChange, OwnerChange, check_transition};
use crate::error::{Error, Result};
use crate::events;
use crate::store::Stores;
use crate::store::lead::Lead;
use crate::store::lead_index::LeadEdit;

/// A lead as it was read, and what it becomes.
#[derive(Debug)]
pub(super) struct Plan {
    before: Lead,
    after: Lead,
    /// Whether somebody writes a note, also the same one once more.
    is_noted: bool,
}

impl Plan {
    /// What `change` makes of a lead at `now`.
    ///
    /// # Errors
    /// [`Error::IllegalTransition`], [`Error::StaleVersion`].
    pub fn of(lead: Lead, change: &LeadChange, now: Timestamp) -> Result<Self> {
        if change.version.is_some_and(|version| version != lead.version) {
            return Err(Error::StaleVersion { current: lead.version });
        }
        let mut after = lead.clone();
        after.status = change.status.unwrap_or(lead.status);
        check_transition(lead.status, after.status, change.reopen)?;
        match &change.owner {
            OwnerChange::Stays => {}
            OwnerChange::Nobody => after.owner = None,
            OwnerChange::To(owner) => after.owner = Some(owner.clone()),
        }
        if let Some(notes) = &change.notes {
            after.notes.clone_from(notes);
        }
        let is_noted = after.notes != lead.notes;
        Ok(Self { before: lead, after, is_noted }.at(now))
    }

    /// A note more at `now`, whatever is shown.
    pub fn of_note(lead: Lead, text: &str, now: Timestamp) -> Self {
        let after = Lead { notes: text.to_owned(), ..lead.clone() };
        Self { before: lead, after, is_noted: true }.at(now)
    }

    fn at(mut self, now: Timestamp) -> Self {
        let is_change =
            self.is_noted || self.after.status != self.before.status || self.after.owner != self.before.owner;
        if is_change {
            self.after.version += 1;
            self.after.update_time = whole_second(now);
        }
        self
    }

    /// What is already so makes no version.
    pub fn is_change(&self) -> bool {
        self.after.version != self.before.version
    }

    /// The lead as it will be.
    pub fn after(&self) -> &Lead {
        &self.after
    }

    fn edit(&self) -> LeadEdit<'_> {
        LeadEdit { before: &self.before, after: &self.after }
    }

    fn actions(&self, stores: &Stores, caller: &Caller) -> kernel::Result<Vec<TransactWriteItem>> {
        let mut actions = vec![stores.leads.edit(&self.before, &self.after)?];
        actions.extend(stores.index.record(self.edit(), &caller.actor, self.is_noted)?);
        Ok(actions)
    }
}

/// Writes what these plans change, together with what becomes true by it, and answers the leads as they are then. They are
/// a tenant's leads, few enough for one transaction. One that changes nothing is answered as it is.
pub(super) async fn commit(
    stores: &Stores,
    caller: &Caller,
    plans: Vec<Plan>,
    together_with: Option<TransactWriteItem>,
) -> Result<Attempt<Vec<Lead>>> {
    let changes: Vec<&Plan> = plans.iter().filter(|plan| plan.is_change()).collect();
    if !changes.is_empty() {
        let mut transaction = Transaction::new();
        for plan in &changes {
            transaction.add_all(plan.actions(stores, caller)?);
        }
        let edits: Vec<LeadEdit<'_>> = changes.iter().map(|plan| plan.edit()).collect();
        transaction.add_all(stores.index.move_leads(caller.user_id, &edits).await?);
        transaction.add_all(together_with);
        let mut told = Vec::new();
        for plan in &changes {
            told.extend(events::edited(&plan.before, &plan.after, plan.is_noted)?);
        }
        stores.tell(&mut transaction, caller.user_id, &told)?;
        if !stores.commit(&transaction).await?.is_committed() {
            return Ok(Attempt::Conflict);
        }
    }
    Ok(Attempt::Done(plans.into_iter().map(|plan| plan.after).collect()))
}
