//! Files the gateway fetches from public addresses before they can be posted.

use aws_lc_rs::digest;
use axum::body::Bytes;
use serde_json::Value;

use super::super::device::{Pixels, Uploaded};
use super::super::endpoint::GeweEndpoint;
use super::super::world::World;
use super::{Call, Outcome, Problem, Step};
use crate::media::sniff;

/// Addresses to fetch, in this order.
pub(in super::super) struct Wanted(pub(in super::super) Vec<String>);

/// What came of an address; nothing when it could not be had.
pub(in super::super) type Fetched = Option<Bytes>;

const UNREACHABLE: &str = "文件下载失败";
const NOT_AN_IMAGE: &str = "图片格式错误";
const NOT_A_VIDEO: &str = "视频格式错误";
/// `imgInfos` of the call that follows takes no more.
const USEFUL_IMAGES: usize = 9;

pub(super) fn images(call: &mut Call) -> Step {
    let urls = call.body.get("imgUrls").and_then(Value::as_array);
    let texts: Option<Vec<String>> =
        urls.and_then(|urls| urls.iter().map(|url| url.as_str().map(str::to_owned)).collect());
    let Some(texts) = texts else { return Step::Done(Err(Problem::of(call.endpoint, "imgUrls格式错误"))) };
    if texts.len() > USEFUL_IMAGES {
        call.violation("more pictures uploaded than a post takes");
    }
    Step::Fetch(Wanted(texts))
}

pub(super) fn video(call: &Call) -> Step {
    let url = |name: &str| call.text(name).unwrap_or_default().to_owned();
    Step::Fetch(Wanted(vec![url("thumbUrl"), url("videoUrl")]))
}

/// Keeps what was fetched, all of it or nothing.
pub(super) fn keep(world: &mut World, call: &Call, files: &[Fetched]) -> Outcome {
    let refuse = |detail: &str| Problem::of(call.endpoint, detail);
    let files: Vec<&Bytes> =
        files.iter().map(Option::as_ref).collect::<Option<_>>().ok_or_else(|| refuse(UNREACHABLE))?;
    let uploads = match (call.endpoint, files.as_slice()) {
        (GeweEndpoint::UploadVideo, [thumb, video]) => {
            if !sniff(thumb).is_image() {
                return Err(refuse(NOT_AN_IMAGE));
            }
            if !sniff(video).is_video() {
                return Err(refuse(NOT_A_VIDEO));
            }
            vec![describe(
                world,
                video,
                "http://szzjwxsns.video.qq.com/102/20202/snsvideodownload?filekey=",
                "&ef=30_0",
            )]
        }
        _ => {
            if !files.iter().all(|file| sniff(file).is_image()) {
                return Err(refuse(NOT_AN_IMAGE));
            }
            files.iter().map(|file| describe(world, file, "http://szmmsns.qpic.cn/mmsns/", "/0")).collect()
        }
    };
    let device = call.device.as_deref().and_then(|name| world.devices.get_mut(name));
    let Some(device) = device else { return Err(refuse("[appId]设备不存在")) };
    device.uploads.extend(uploads.iter().map(|upload| (upload.file_url.clone(), upload.clone())));
    let shown = serde_json::to_value(&uploads).unwrap_or_default();
    Ok(Some(if call.endpoint == GeweEndpoint::UploadVideo { shown.get(0).cloned().unwrap_or_default() } else { shown }))
}

fn describe(world: &mut World, file: &Bytes, place: &str, end: &str) -> Uploaded {
    let name = world.upload_name();
    // 32 digits like an MD5 and as good as one to whoever only sends them back; MD5 itself is in no library here.
    let hash = digest::digest(&digest::SHA256, file);
    Uploaded {
        file_url: format!("{place}{name}{end}"),
        thumb_url: if end == "/0" { format!("{place}{name}/150") } else { format!("{place}{name}&thumb=150") },
        file_md5: hash.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect(),
        length: file.len(),
        pixels: sniff(file).pixels().map(|(width, height)| Pixels { width, height }),
    }
}
