//! What every call with a token must pass, in this order: token, trusted address, rates, method, permission, body.

use jiff::Timestamp;

use super::super::error::Refusal;
use super::super::world::World;
use super::{Call, Fields};

pub(super) struct Session {
    /// Sandbox name of the corp.
    pub(super) corp: String,
    pub(super) agent_id: u32,
}

pub(super) fn admit(world: &mut World, call: &mut Call, now: Timestamp) -> Result<Session, Refusal> {
    let session = authenticate(world, call, now)?;
    if world.settings.untrusted_ip || !world.trusts(&session.corp, session.agent_id, call.peer) {
        return Err(60_020.into());
    }
    world.limiter.admit(&world.settings.limits, &session.corp, call.endpoint, now)?;
    let takes_body = call.endpoint.takes_json() || call.endpoint.takes_file();
    if takes_body && call.request.method != call.endpoint.method() {
        return Err(40_058.into());
    }
    let app = world.corps.get(&session.corp).and_then(|corp| corp.app(session.agent_id));
    if app.is_none_or(|app| !app.enabled) {
        return Err(50_003.into());
    }
    if call.endpoint.needs_contacts() && app.is_none_or(|app| !app.contacts_permitted) {
        return Err(48_002.into());
    }
    if call.endpoint.takes_json() {
        call.body = body(world, call)?;
    }
    Ok(session)
}

fn authenticate(world: &World, call: &Call, now: Timestamp) -> Result<Session, Refusal> {
    let text = call.request.in_query("access_token").ok_or(41_001)?;
    let token = world.tokens.get(text).filter(|token| !token.voided).ok_or(40_014)?;
    if now >= token.expires_at {
        let is_vague = world.draws(text, world.settings.expired_as_invalid_per_mille);
        return Err(if is_vague { 40_014 } else { 42_001 }.into());
    }
    Ok(Session { corp: token.corp.clone(), agent_id: token.agent_id })
}

fn body(world: &World, call: &mut Call) -> Result<Fields, Refusal> {
    if ["application/x-www-form-urlencoded", "multipart/form-data"].contains(&call.request.content_type().as_str()) {
        return Err(40_063.into());
    }
    match call.request.json() {
        Some(body) => Ok(body),
        None if world.settings.lenient_json => {
            call.warning = true;
            Ok(Fields::new())
        }
        None => Err(40_058.into()),
    }
}
