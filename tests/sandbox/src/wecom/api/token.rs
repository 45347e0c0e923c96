//! `gettoken`.

use jiff::Timestamp;
use serde_json::json;

use super::super::corp::AppSpec;
use super::super::limits::TOO_OFTEN;
use super::super::world::World;
use super::{Call, Outcome, fields};

pub(super) fn issue(world: &mut World, call: &mut Call, now: Timestamp) -> Outcome {
    if world.limiter.blocks_secrets(now) {
        return Err(TOO_OFTEN.into());
    }
    // A missing secret is found before a missing corp.
    let secret = call.request.in_query("corpsecret").ok_or(41_004)?;
    let corp_id = call.request.in_query("corpid").ok_or(41_002)?;
    let corp = world.corp_by_id(corp_id).ok_or(40_013)?;
    let name = corp.name.clone();
    let app = corp.apps.iter().find(|app| app.secret.as_deref() == Some(secret));
    let found = app.map(|AppSpec { agent_id, enabled, .. }| (*agent_id, *enabled));
    let Some((agent_id, enabled)) = found else {
        world.limiter.bad_secret(&world.settings.limits, now);
        return Err(40_001.into());
    };
    if !enabled {
        return Err(50_003.into());
    }
    world.limiter.admit(&world.settings.limits, &name, call.endpoint, now)?;
    let (token, expires_at, is_new) = world.tokens.issue(&name, agent_id, &world.settings, now);
    call.note = Some(if is_new { "new token" } else { "same token" }.to_owned());
    let left = expires_at.as_second() - now.as_second();
    let expires_in = if world.settings.expires_in_whole { world.settings.token_seconds.into() } else { left };
    Ok(fields(json!({"access_token": token, "expires_in": expires_in})))
}
