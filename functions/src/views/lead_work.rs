//! What people write about leads, and what came of a change to many.

use jiff::Timestamp;
use kernel::advice::{Advice, ErrorCode};
use leads::ids::LeadId;
use leads::lead_edit::BatchResult;
use leads::store::lead_index::FollowUp;
use serde::Serialize;

use super::leads::ActorView;

/// A note about a lead.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "Note"))]
#[serde(rename_all = "camelCase")]
pub struct NoteView {
    note_id: u64,
    text: String,
    create_time: Timestamp,
    created_by: u64,
    actor: ActorView,
}

impl From<FollowUp> for NoteView {
    fn from(note: FollowUp) -> Self {
        Self {
            note_id: note.version,
            text: note.text,
            create_time: note.create_time,
            created_by: note.created_by.get(),
            actor: ActorView { id: note.actor_id, name: note.actor_name },
        }
    }
}

/// What came of a change to many leads.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "LeadBatch"))]
pub struct BatchView {
    results: Vec<ResultView>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "LeadBatchResult"))]
#[serde(rename_all = "camelCase")]
struct ResultView {
    lead_id: LeadId,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ResultError>,
}

/// The words of an answer that refuses a single change.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "LeadBatchError"))]
struct ResultError {
    #[serde(rename = "type")]
    code: ErrorCode,
    message: String,
    reason: String,
}

impl From<Vec<BatchResult>> for BatchView {
    fn from(results: Vec<BatchResult>) -> Self {
        let results = results.into_iter().map(|(lead_id, outcome)| {
            let error = outcome.err().map(|Advice { code, message, remedy, .. }| ResultError {
                code,
                message: message.into_owned(),
                reason: remedy.into_owned(),
            });
            ResultView { lead_id, ok: error.is_none(), error }
        });
        Self { results: results.collect() }
    }
}
