//! The public profile of the user who authorized the app.

use super::super::envelope::Envelope;
use super::super::json::Fields;
use super::super::world::World;
use super::{Call, session};

pub(super) fn answer(world: &mut World, call: &mut Call<'_>) -> Result<Fields, i64> {
    let name = session::admit(world, call, "user_info")?;
    let mut fields = Fields::default();
    let Some(account) = world.accounts.get(&name) else { return Ok(fields) };
    fields.text("open_id", &account.open_id).text("union_id", &account.union_id);
    fields.text("nickname", &account.nickname).text("avatar", &account.avatar);
    if call.envelope == Envelope::V1 {
        let token = session::user_token(call.endpoint, call.request).unwrap_or_default();
        fields.text("client_key", world.authority.client_key_of(token).unwrap_or_default());
    } else {
        // Gone from the newest sample.
        fields.text("city", "").text("province", "").text("country", "");
        call.number(&mut fields, "gender", 0);
    }
    fields.text("e_account_role", "");
    world.shown_nicknames.insert(account.nickname.as_str().into());
    Ok(fields)
}
