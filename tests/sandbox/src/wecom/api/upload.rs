//! The two places files are uploaded to. Only one of them feeds moments.

use jiff::Timestamp;
use serde_json::json;

use super::super::endpoint::WecomEndpoint;
use super::super::files::{FileKind, FileView, media_id};
use super::super::world::World;
use super::session::Session;
use super::{Call, Outcome, fields};

const FOR_MOMENTS: &str = "1";
const FOR_PRODUCTS: &str = "2";

pub(super) fn keep(world: &mut World, call: &Call, session: &Session, now: Timestamp) -> Outcome {
    let is_attachment = call.endpoint == WecomEndpoint::UploadAttachment;
    let media_type = call.request.in_query(if is_attachment { "media_type" } else { "type" });
    let kind = media_type.and_then(FileKind::of).ok_or(40_005)?;
    let purpose = call.request.in_query("attachment_type").unwrap_or_default();
    if is_attachment && ![FOR_MOMENTS, FOR_PRODUCTS].contains(&purpose) {
        return Err(40_058.into());
    }
    let for_moments = is_attachment && purpose == FOR_MOMENTS;
    if for_moments && kind == FileKind::File {
        return Err(40_005.into());
    }
    let file = call.form.as_ref().and_then(|form| form.file.as_ref()).ok_or(44_001)?;
    let sniffed = kind.check(file, for_moments && world.settings.checks_pixels)?;
    let media_id = media_id(call.endpoint);
    world.files.add(FileView {
        media_id: media_id.clone(),
        corp: session.corp.clone(),
        kind,
        for_moments,
        bytes: file.len(),
        pixels: sniffed.pixels(),
        at: now,
    });
    // The plain upload writes the same time as a text.
    let created_at = if is_attachment { json!(now.as_second()) } else { json!(now.as_second().to_string()) };
    Ok(fields(json!({"type": kind.name(), "media_id": media_id, "created_at": created_at})))
}
