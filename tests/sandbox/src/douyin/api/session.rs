//! What every call in a user's name passes first: token, capability, consent, quota, rate, and whose id it names.

use super::super::authority::Standing;
use super::super::endpoint::Endpoint;
use super::super::envelope::Envelope;
use super::super::error::{Family, Problem};
use super::super::request::Incoming;
use super::super::world::World;
use super::Call;

/// The token where this endpoint reads it. `oauth/userinfo` has been described in four ways and takes them all; the
/// others take the header of today and the query of 2020.
pub(super) fn user_token(endpoint: Endpoint, request: &Incoming) -> Option<&str> {
    let documented = request.header("access-token").or_else(|| request.in_query("access_token"));
    match endpoint {
        Endpoint::UserInfo => {
            documented.or_else(|| request.in_body("access_token")).or_else(|| request.header("access_token"))
        }
        _ => documented,
    }
}

/// The name of the account in whose name the call may proceed.
pub(super) fn admit(world: &mut World, call: &mut Call<'_>, scope: &'static str) -> Result<String, i64> {
    let family = family(world, call.envelope);
    let token = user_token(call.endpoint, call.request).ok_or_else(|| Problem::TokenInvalid.code(family))?;
    let grant = match world.authority.standing(token, call.now) {
        Standing::Good(grant) => grant.clone(),
        Standing::Expired => return Err(Problem::TokenExpired.code(family)),
        Standing::Revoked => {
            return Err(world.settings.revoked_code.unwrap_or_else(|| Problem::TokenInvalid.code(family)));
        }
        Standing::Unknown => {
            if world.client_tokens.is_alive(token, call.now) {
                call.violations.push("client token where a user token belongs".to_owned());
            }
            return Err(Problem::TokenInvalid.code(family));
        }
    };
    let is_capable = world.apps.get(&grant.client_key).is_some_and(|app| app.has(scope));
    let admitted = match () {
        () if !is_capable => Err(Problem::NoCapability),
        () if !grant.scopes.iter().any(|granted| granted == scope) => Err(Problem::NotGranted),
        () => world.limits.admit(&world.settings, &grant.client_key, scope, call.now),
    };
    admitted.map_err(|problem| problem.code(family))?;
    let open_id = call.request.param("open_id").ok_or_else(|| Problem::MissingParameter.code(family))?;
    // Reported from production: an id with bare special characters is answered with "access_token expired".
    if call.request.has_unencoded("open_id") {
        return Err(Problem::TokenExpired.code(family));
    }
    if world.name_of(open_id) != Some(grant.account.as_str()) {
        return Err(Problem::IdMismatch.code(family));
    }
    Ok(grant.account)
}

/// The numbers an answer uses: those of its envelope, or the new ones where the settings ask for them. An OAuth
/// envelope keeps its own: 10008 and the like.
pub(super) fn family(world: &World, envelope: Envelope) -> Family {
    match envelope {
        Envelope::Legacy if world.settings.new_codes => Family::V1,
        other => other.family(),
    }
}
