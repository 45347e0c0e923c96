//! What every call must pass, in this order: token, body, required fields, device, its state.

use axum::http::Method;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::super::device::DeviceState;
use super::super::endpoint::GeweEndpoint;
use super::super::world::World;
use super::{Call, Problem};

const OFFLINE: &str = "微信已离线";
const COOLING_DOWN: &str = "新设备登录后1-3天内无法发布朋友圈";
const TOO_FAST: &str = "操作过于频繁，请稍后再试";

/// The sandbox name of the device the call may use; empty for the one call that is about none.
pub(super) fn admit(world: &World, call: &mut Call, now: Timestamp) -> Result<String, Problem> {
    let endpoint = call.endpoint;
    if call.request.method != Method::POST {
        return Err(Problem::plain(format!("Request method '{}' not supported", call.request.method)));
    }
    let token = call.request.header("x-gewe-token").unwrap_or_default().to_owned();
    if !world.tokens.contains(&token) {
        // The gateway really echoes it: whoever logs this message logs a token.
        return Err(Problem::plain(format!("HTTP HEADER: X-GEWE-TOKEN={token} 不可用或已过期")));
    }
    let is_json = call.request.content_type() == "application/json";
    let body = call.request.json().filter(|_| is_json);
    let Some(body) = body else { return Err(Problem::plain("请求参数格式错误")) };
    call.body = body;
    let is_missing = |field: &&&str| match call.body.get(**field) {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Array(items)) => items.is_empty(),
        Some(_) => false,
    };
    if let Some(field) = endpoint.required().iter().find(is_missing) {
        return Err(Problem::plain(format!("{field}不可为空")));
    }
    if endpoint == GeweEndpoint::SetCallback {
        return Ok(String::new());
    }
    let name = call.text("appId").and_then(|app_id| world.name_of(app_id));
    let device = name.and_then(|name| world.devices.get(name)).filter(|device| device.token == token);
    let Some(device) = device else { return Err(Problem::of(endpoint, "[appId]设备不存在")) };
    match device.state {
        _ if endpoint == GeweEndpoint::CheckOnline => {}
        DeviceState::Online => {}
        DeviceState::Offline => return Err(Problem::of(endpoint, OFFLINE)),
        DeviceState::Zombie => return Err(Problem::plain(endpoint.failure())),
    }
    if endpoint.is_send() {
        if device.cooldown_until.is_some_and(|until| now < until) {
            return Err(Problem::of(endpoint, COOLING_DOWN));
        }
        let interval = world.settings.post_interval_seconds.and_then(|seconds| i64::try_from(seconds).ok());
        let since = device.last_post.map(|last| now.duration_since(last));
        if interval.zip(since).is_some_and(|(interval, since)| since < SignedDuration::from_secs(interval)) {
            return Err(Problem::of(endpoint, TOO_FAST));
        }
    }
    Ok(device.name.clone())
}
