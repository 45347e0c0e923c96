//! Posting. There is no key by which a repetition would be recognised: every accepted call is one more post.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::device::{Device, Uploaded};
use super::super::endpoint::GeweEndpoint;
use super::super::post::Attached;
use super::super::world::World;
use super::{Call, Outcome, Problem};

const MOST_IMAGES: usize = 9;
/// What must come back of a fetched picture; `length` may.
const IMAGE_FIELDS: [&str; 5] = ["fileUrl", "thumbUrl", "fileMd5", "width", "height"];
const VIDEO_FIELDS: [&str; 3] = ["fileUrl", "thumbUrl", "fileMd5"];

pub(super) fn post(world: &mut World, call: &mut Call, name: &str, now: Timestamp) -> Outcome {
    let endpoint = call.endpoint;
    let Some(device) = world.show(name) else { return Err(Problem::plain(endpoint.failure())) };
    let field = |name: &str| call.text(name).unwrap_or_default().to_owned();
    let found = match endpoint {
        GeweEndpoint::SendImage => images(device, call.body.get("imgInfos")).map(Attached::Images),
        GeweEndpoint::SendVideo => {
            uploaded(device, call.body.get("videoInfo"), &VIDEO_FIELDS, false).map(Attached::Video)
        }
        GeweEndpoint::SendLink => Ok(Attached::Link {
            title: field("title"),
            description: field("description"),
            url: field("linkUrl"),
            thumb: field("thumbUrl"),
        }),
        _ => Ok(Attached::Nothing),
    };
    let attached = match found {
        Ok(attached) => attached,
        Err(detail) => {
            call.violation(format!("media not as an upload returned it: {detail}"));
            return Err(Problem::of(endpoint, detail));
        }
    };
    let (wxid, nickname) = (device.wxid.clone(), device.nickname.clone());
    let Some((id, publication)) = world.publish(name, field("content"), attached, now) else {
        return Err(Problem::plain(endpoint.failure()));
    };
    call.publication = Some(publication);
    Ok(Some(json!({"id": id, "userName": wxid, "nickName": nickname, "createTime": now.as_second()})))
}

fn images(device: &Device, field: Option<&Value>) -> Result<Vec<Uploaded>, &'static str> {
    let images = field.and_then(Value::as_array).ok_or("imgInfos格式错误")?;
    if images.len() > MOST_IMAGES {
        return Err("imgInfos最多9张");
    }
    images.iter().map(|image| uploaded(device, Some(image), &IMAGE_FIELDS, true)).collect()
}

/// The file that was fetched for this device earlier and comes back unchanged.
fn uploaded(device: &Device, sent: Option<&Value>, fields: &[&str], picture: bool) -> Result<Uploaded, &'static str> {
    let sent = sent.and_then(Value::as_object).ok_or("文件信息格式错误")?;
    let url = sent.get("fileUrl").and_then(Value::as_str).unwrap_or_default();
    let known =
        device.uploads.get(url).filter(|known| known.pixels.is_some() == picture).ok_or("文件不存在，请先上传")?;
    let original = serde_json::to_value(known).unwrap_or_default();
    let is_complete = fields.iter().all(|field| sent.contains_key(*field));
    let is_unchanged = sent.iter().all(|(field, value)| original.get(field) == Some(value));
    if is_complete && is_unchanged { Ok(known.clone()) } else { Err("文件信息与上传结果不一致") }
}
