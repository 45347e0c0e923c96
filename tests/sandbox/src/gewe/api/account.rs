//! Signs of life, and where the gateway's own messages go.

use serde_json::json;
use url::Url;

use super::super::device::DeviceState;
use super::super::world::World;
use super::{Call, Outcome, Problem, Step};

/// A zombie says yes.
pub(super) fn check_online(world: &World, name: &str) -> Outcome {
    let is_online = world.devices.get(name).is_some_and(|device| device.state != DeviceState::Offline);
    Ok(Some(is_online.into()))
}

pub(super) fn profile(world: &mut World, name: &str) -> Outcome {
    let profile = |device: &super::super::device::Device| {
        json!({
            "alias": null, "wxid": device.wxid, "nickName": device.nickname, "mobile": "", "uin": 0, "sex": 0,
            "province": "", "city": "", "signature": "", "country": "CN", "bigHeadImgUrl": "", "smallHeadImgUrl": "",
            "regCountry": "CN", "snsBgImg": "",
        })
    };
    Ok(world.show(name).map(profile))
}

pub(super) fn set_callback(world: &World, call: &Call) -> Step {
    let address = call.text("callbackUrl").and_then(|address| Url::parse(address).ok());
    match address {
        _ if call.text("token") != Some(world.token()) => Step::Done(Err(Problem::of(call.endpoint, "token不可用"))),
        Some(address) => Step::Probe(address),
        None => Step::Done(Err(Problem::of(call.endpoint, "callbackUrl格式错误"))),
    }
}
