//! Who follows an account.

use super::super::error::Problem;
use super::super::json::Fields;
use super::super::lists::rotated;
use super::super::pass::Cursor;
use super::super::profile::Profile;
use super::super::world::World;
use super::{Call, session};

/// No maximum is documented; production code uses 20, and nobody reports success far above it.
const LARGEST_COUNT: i32 = 50;

/// Follow times made up for `fans/check`: the first fan came this long before the sandbox began, and then one came
/// every ten minutes.
const FIRST_FOLLOW_SECONDS_AGO: i64 = 365 * 86_400;
const SECONDS_BETWEEN_FOLLOWS: i64 = 600;

pub(super) fn list(world: &mut World, call: &mut Call<'_>) -> Result<Fields, i64> {
    let name = session::admit(world, call, "fans.list")?;
    let family = session::family(world, call.envelope);
    let refuse = |problem: Problem| problem.code(family);
    let count = call.request.in_query("count").ok_or_else(|| refuse(Problem::MissingParameter))?;
    let count: i32 = count.parse().map_err(|_| refuse(Problem::BadType))?;
    let cursor: i64 = match call.request.in_query("cursor") {
        Some(text) => text.parse().map_err(|_| refuse(Problem::BadType))?,
        None => 0,
    };
    if !(1..=LARGEST_COUNT).contains(&count) {
        return Err(refuse(Problem::BadParameter));
    }
    let (disorder, lists, answer) = (world.settings.disorder, world.settings.lists.clone(), world.answers);
    let account = world.accounts.get_mut(&name).ok_or_else(|| refuse(Problem::IdMismatch))?;
    let at = match cursor {
        0 if lists.one_order => account.passes.begin_the_first(),
        0 => account.passes.begin(),
        _ => Cursor::decode(cursor, account.fans.seed()).ok_or_else(|| refuse(Problem::BadParameter))?,
    };
    let count = lists.page_size.map_or_else(|| u64::from(count.unsigned_abs()), u64::from);
    let mut page = account.passes.page(&account.fans, disorder, at, count);
    if page.next.is_none() {
        page.next = at.after_the_last(lists.end, page.places.len(), account.fans.seed());
    }
    if lists.hidden {
        (page.places, page.next) = (Vec::new(), None);
    }

    let mut listed = String::from("[");
    for place in &page.places {
        let Some(fan) = account.fans.written_at(*place) else { continue };
        let mut entry = fan.fields.to_string();
        if lists.rotating_avatars {
            entry = rotated(&entry, answer);
        }
        let index = account.fans.index_at(*place).unwrap_or_default();
        if let Some(spoiled) = lists.spoils(index) {
            entry = spoiled.write(&entry, &Profile::open_id(account.fans.seed(), index));
        }
        if listed.len() > 1 {
            listed.push(',');
        }
        listed.push('{');
        listed.push_str(&entry);
        if let Some(gender) = fan.gender {
            listed.push_str(",\"gender\":");
            call.typing.write(&mut listed, "gender", gender);
        }
        listed.push('}');
        if let Some(nickname) = fan.nickname.filter(|nickname| !world.shown_nicknames.contains(nickname)) {
            world.shown_nicknames.insert(nickname);
        }
    }
    listed.push(']');
    let total = if lists.hidden { 0 } else { i64::try_from(account.fans.len()).unwrap_or(i64::MAX) };

    let mut fields = Fields::default();
    fields.raw("list", &listed);
    call.number(&mut fields, "total", total);
    // The sample shows 0 on a last page: a client that goes by the cursor alone starts over.
    call.number(&mut fields, "cursor", page.next.unwrap_or_default());
    fields.flag("has_more", page.next.is_some());
    Ok(fields)
}

pub(super) fn check(world: &mut World, call: &mut Call<'_>) -> Result<Fields, i64> {
    let name = session::admit(world, call, "fans.check")?;
    let family = session::family(world, call.envelope);
    let follower = call.request.in_query("follower_open_id").ok_or_else(|| Problem::MissingParameter.code(family))?;
    let account = world.accounts.get(&name).ok_or_else(|| Problem::IdMismatch.code(family))?;
    let index = account.fans.index_of(follower);
    let mut fields = Fields::default();
    fields.flag("is_follower", index.is_some());
    if let Some(index) = index {
        let since_first = i64::from(index).saturating_mul(SECONDS_BETWEEN_FOLLOWS);
        call.number(&mut fields, "follow_time", world.born.as_second() - FIRST_FOLLOW_SECONDS_AGO + since_first);
    }
    Ok(fields)
}
