//! `get_moment_list`: everything the corp and its members published or asked for, newest first.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::content::Attachment;
use super::super::moment::Moment;
use super::super::settings::TimeForm;
use super::super::world::World;
use super::session::Session;
use super::{Call, Outcome, fields};
use crate::publication::text_hash;

const PAGE: usize = 20;
const LONGEST_SPAN_SECONDS: i64 = 30 * 86_400;
const CORP: i64 = 0;
const PERSONAL: i64 = 1;
const BOTH: i64 = 2;

pub(super) fn moments(world: &World, call: &mut Call, session: &Session, now: Timestamp) -> Outcome {
    let (start, end) = (call.number("start_time").ok_or(40_058)?, call.number("end_time").ok_or(40_058)?);
    if end < start || end - start > LONGEST_SPAN_SECONDS {
        return Err(40_058.into());
    }
    let wanted = call.number("filter_type").unwrap_or(BOTH);
    if ![CORP, PERSONAL, BOTH].contains(&wanted) {
        return Err(40_058.into());
    }
    if call.number("limit").is_some_and(|limit| limit > PAGE as i64) {
        call.violations.push("a limit above 20, which silently becomes 20".to_owned());
    }
    let creator = call.text("creator");
    let shows = |moment: &&Moment| {
        let second = moment.finishes_at.as_second();
        moment.corp == session.corp
            && moment.exists(now)
            // Neither end belongs to the interval.
            && start < second && second < end
            && (wanted == BOTH || (wanted == PERSONAL) == moment.personal)
            && creator.is_none_or(|creator| moment.creator.as_deref() == Some(creator))
    };
    let mut found: Vec<&Moment> = world.moments.all().iter().filter(shows).collect();
    found.sort_by_key(|moment| std::cmp::Reverse(moment.finishes_at));
    let as_text = match world.settings.create_time {
        TimeForm::Mixed => world.answers.is_multiple_of(2),
        TimeForm::Number => false,
        TimeForm::Text => true,
    };
    let (items, next_cursor) = call.page(PAGE, PAGE)?.of(found);
    let items: Vec<Value> = items.into_iter().map(|moment| item(moment, as_text, world.settings.trims_texts)).collect();
    Ok(fields(json!({"next_cursor": next_cursor, "moment_list": items})))
}

fn item(moment: &Moment, as_text: bool, trims_text: bool) -> Value {
    let second = moment.finishes_at.as_second();
    let mut item = fields(json!({
        "moment_id": moment.moment_id,
        "create_time": if as_text { json!(second.to_string()) } else { json!(second) },
        "create_type": i32::from(moment.personal),
        "visible_type": i32::from(!moment.audience.is_partial),
    }));
    if let Some(creator) = &moment.creator {
        item.insert("creator".to_owned(), creator.as_str().into());
    }
    let text = if trims_text { moment.content.text.trim() } else { moment.content.text.as_str() };
    if !text.is_empty() {
        item.insert("text".to_owned(), json!({"content": text}));
    }
    // The ids in here are for downloading; they are not those of the upload.
    let shown = |media_id: &str| format!("WWCISP_{}", text_hash(media_id));
    let mut images = Vec::new();
    for attachment in &moment.content.attachments {
        match attachment {
            Attachment::Image { media_id } => images.push(json!({"media_id": shown(media_id)})),
            Attachment::Video { media_id } => {
                let thumb = shown(&format!("{media_id} thumb"));
                item.insert("video".to_owned(), json!({"media_id": shown(media_id), "thumb_media_id": thumb}));
            }
            Attachment::Link { title, url, .. } => {
                item.insert("link".to_owned(), json!({"title": title, "url": url}));
            }
        }
    }
    if !images.is_empty() {
        item.insert("image".to_owned(), images.into());
    }
    Value::Object(item)
}
