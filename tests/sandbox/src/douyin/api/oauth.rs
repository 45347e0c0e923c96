//! The token endpoints.

use jiff::SignedDuration;

use super::super::app::RENEW_REFRESH_TOKEN;
use super::super::authority::{ACCESS_LIFETIME, Grant, REFRESH_LIFETIME, Token};
use super::super::json::Fields;
use super::super::world::World;
use super::Call;
use crate::clock::later;

const BAD_PARAMETER: i64 = 10_002;
const UNKNOWN_CLIENT_KEY: i64 = 10_003;
const NO_SCOPE: i64 = 10_004;
const MISSING_PARAMETER: i64 = 10_005;
const WRONG_SECRET: i64 = 10_013;

/// The values of the required parameters, in their order.
fn required<'a, const N: usize>(call: &Call<'a>, names: [&str; N]) -> Result<[&'a str; N], i64> {
    let mut values = [""; N];
    for (value, name) in values.iter_mut().zip(names) {
        *value = call.request.param(name).ok_or(MISSING_PARAMETER)?;
    }
    Ok(values)
}

fn check_grant_type(given: &str, expected: &str) -> Result<(), i64> {
    if given == expected { Ok(()) } else { Err(BAD_PARAMETER) }
}

fn check_secret(world: &World, client_key: &str, client_secret: &str) -> Result<(), i64> {
    let app = world.apps.get(client_key).ok_or(UNKNOWN_CLIENT_KEY)?;
    if app.spec.client_secret == client_secret { Ok(()) } else { Err(WRONG_SECRET) }
}

pub(super) fn access_token(world: &mut World, call: &mut Call<'_>) -> Result<Fields, i64> {
    let [client_key, secret, code, grant_type] = required(call, ["client_key", "client_secret", "code", "grant_type"])?;
    check_secret(world, client_key, secret)?;
    check_grant_type(grant_type, "authorization_code")?;
    let delay = SignedDuration::from_secs(world.settings.reauthorization_voids_after_seconds.into());
    let voids_at = world.settings.reauthorization_voids_tokens.then(|| later(call.now, delay));
    let grant = world.authority.exchange(client_key, code, voids_at, call.now)?;
    let mut fields = token_fields(world, call, &grant, REFRESH_LIFETIME.as_secs());
    if grant.scopes.iter().any(|scope| scope == "user_info") && call.typing.departs() {
        // Seen in the wild, in no sample.
        if let Some(account) = world.accounts.get(&grant.account) {
            fields.text("union_id", &account.union_id);
        }
    }
    Ok(fields)
}

pub(super) fn refresh_token(world: &mut World, call: &mut Call<'_>) -> Result<Fields, i64> {
    let [client_key, token, grant_type] = required(call, ["client_key", "refresh_token", "grant_type"])?;
    world.apps.get(client_key).ok_or(UNKNOWN_CLIENT_KEY)?;
    check_grant_type(grant_type, "refresh_token")?;
    let grant = world.authority.refresh(client_key, token, world.settings.refresh_extends_refresh_token, call.now)?;
    let remaining = match world.settings.refresh_states_seconds {
        Some(stated) => stated,
        None if world.settings.refresh_reports_full_lifetime => REFRESH_LIFETIME.as_secs(),
        None => grant.refresh.expires_at.duration_since(call.now).as_secs(),
    };
    Ok(token_fields(world, call, &grant, remaining))
}

fn token_fields(world: &World, call: &mut Call<'_>, grant: &Grant, refresh_expires_in: i64) -> Fields {
    let mut fields = Fields::default();
    call.token(&mut fields, "access_token", &grant.access.text);
    call.number(&mut fields, "expires_in", ACCESS_LIFETIME.as_secs());
    call.token(&mut fields, "refresh_token", &grant.refresh.text);
    call.number(&mut fields, "refresh_expires_in", refresh_expires_in);
    let open_id = world.accounts.get(&grant.account).map(|account| account.open_id.as_str());
    fields.text("open_id", open_id.unwrap_or_default()).text("scope", &grant.scopes.join(","));
    fields
}

pub(super) fn renew_refresh_token(world: &mut World, call: &mut Call<'_>) -> Result<Fields, i64> {
    let [client_key, token] = required(call, ["client_key", "refresh_token"])?;
    let app = world.apps.get(client_key).ok_or(UNKNOWN_CLIENT_KEY)?;
    if !app.has(RENEW_REFRESH_TOKEN) {
        return Err(NO_SCOPE);
    }
    let grant = world.authority.renew(client_key, token, world.settings.renewal_voids_access_token, call.now)?;
    let mut fields = Fields::default();
    call.token(&mut fields, "refresh_token", &grant.refresh.text);
    // The refresh token's lifetime, although every other answer calls the access token's so.
    let stated = world.settings.renewal_states_seconds.unwrap_or(REFRESH_LIFETIME.as_secs());
    call.number(&mut fields, "expires_in", stated);
    Ok(fields)
}

pub(super) fn client_token(world: &mut World, call: &mut Call<'_>) -> Result<Fields, i64> {
    let client_key = client_credentials(world, call)?;
    let token = world.client_tokens.issue(client_key, call.now)?;
    Ok(client_token_fields(call, &token))
}

pub(super) fn stable_client_token(world: &mut World, call: &mut Call<'_>) -> Result<Fields, i64> {
    let client_key = client_credentials(world, call)?;
    let token = world.client_tokens.stable(client_key, call.now);
    Ok(client_token_fields(call, &token))
}

fn client_credentials<'a>(world: &World, call: &Call<'a>) -> Result<&'a str, i64> {
    let [client_key, secret, grant_type] = required(call, ["client_key", "client_secret", "grant_type"])?;
    check_secret(world, client_key, secret)?;
    check_grant_type(grant_type, "client_credential")?;
    Ok(client_key)
}

fn client_token_fields(call: &mut Call<'_>, token: &Token) -> Fields {
    let mut fields = Fields::default();
    call.token(&mut fields, "access_token", &token.text);
    call.number(&mut fields, "expires_in", token.expires_at.duration_since(call.now).as_secs());
    fields
}
