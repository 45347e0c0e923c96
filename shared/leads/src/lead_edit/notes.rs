//! The notes of a lead: a list with dates, of which the newest is shown with the lead.

use futures::try_join;
use kernel::caller::Caller;
use kernel::idempotency::{KeyScope, KeyState, RequestKey};
use kernel::ids::UserId;
use kernel::page::{Page, PageRequest};
use kernel::retry::{Attempt, on_conflict};
use serde_json::json;

use super::plan::{Plan, commit};
use super::{TRIES, check_length, lead_of};
use crate::error::{Error, Result};
use crate::ids::LeadId;
use crate::store::Stores;
use crate::store::lead_index::FollowUp;
use crate::store::lead_index::segment::normalize;

/// What the caller's keys are given for.
const KEY_SCOPE: KeyScope = KeyScope::new("lead-notes");

/// A note to be written.
#[derive(Debug, Clone, Copy)]
pub struct NewNote<'a> {
    pub lead_id: LeadId,
    pub text: &'a str,
    /// The caller's key for this request: under one key at most one note is written within a day.
    pub idempotency_key: Option<&'a str>,
}

/// A page of the notes of the caller's lead, newest first.
pub async fn notes(stores: &Stores, user_id: UserId, lead_id: LeadId, page: PageRequest) -> Result<Page<FollowUp>> {
    let listed = async { Ok(stores.index.follow_ups(user_id, lead_id, page).await?) };
    Ok(try_join!(lead_of(stores, user_id, lead_id), listed)?.1)
}

/// Writes a note, which is shown with the lead from then on.
///
/// # Errors
/// [`Error::NoteKeyReused`] for a key under which another note was written.
pub async fn add_note(stores: &Stores, caller: &Caller, note: NewNote<'_>) -> Result<FollowUp> {
    check_length("text", note.text)?;
    if normalize(note.text).is_empty() {
        return Err(kernel::Error::invalid("text", "备注不能为空，请填写内容").into());
    }
    let request = json!([note.lead_id, note.text]);
    let key = note.idempotency_key.map(|key| RequestKey::new(caller.user_id, (KEY_SCOPE, key), &request));
    on_conflict(&stores.clock, "lead", TRIES, || try_add(stores, caller, note, key.as_ref())).await
}

async fn try_add(
    stores: &Stores,
    caller: &Caller,
    NewNote { lead_id, text, .. }: NewNote<'_>,
    key: Option<&RequestKey<'_>>,
) -> Result<Attempt<FollowUp>> {
    let now = stores.clock.now();
    let known = async {
        match key {
            Some(key) => Ok(stores.idempotency.state(key, now).await?),
            None => Ok(KeyState::Unused),
        }
    };
    let (lead, known) = try_join!(lead_of(stores, caller.user_id, lead_id), known)?;
    match known {
        KeyState::Unused => {}
        KeyState::UsedForAnother => return Err(Error::NoteKeyReused),
        KeyState::Answered(version) => {
            let note = stores.index.follow_up(caller.user_id, lead_id, version).await?;
            return Ok(Attempt::Done(note.ok_or(kernel::Error::NotFound("note"))?));
        }
    }
    let plan = Plan::of_note(lead, text, now);
    let written = FollowUp::newest(plan.after(), &caller.actor);
    let remembered = key.map(|key| stores.idempotency.remember(key, written.version, now)).transpose()?;
    Ok(match commit(stores, caller, vec![plan], remembered).await? {
        Attempt::Done(_) => Attempt::Done(written),
        Attempt::Conflict => Attempt::Conflict,
    })
}
