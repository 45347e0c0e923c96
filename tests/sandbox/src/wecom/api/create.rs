//! `add_moment_task`. Nothing in a request tells a repetition from a new one.

use jiff::Timestamp;
use serde_json::json;

use super::super::audience::{self, Audience};
use super::super::content::{self, Content};
use super::super::error::Refusal;
use super::super::moment::Moment;
use super::super::settings::Validation;
use super::super::world::World;
use super::session::Session;
use super::{Call, Outcome, fields};

pub(super) fn moment(world: &mut World, call: &mut Call, session: &Session, now: Timestamp) -> Outcome {
    call.violations.extend(content::violations(&call.body));
    call.violations.extend(audience::violations(&call.body));
    if world.settings.running_jobs.is_some_and(|most| world.moments.running(&session.corp, now) >= most) {
        return Err(41_078.into());
    }
    let checked = check(world, call, session, now);
    let (content, audience, refused) = match checked {
        Ok((content, audience)) => (content, audience, None),
        Err(refusal) if world.settings.validation == Validation::AtOnce => return Err(refusal),
        Err(refusal) => (Content::default(), Audience::default(), Some(refusal)),
    };
    let moment = Moment {
        agent_id: Some(session.agent_id),
        audience,
        refused,
        ..Moment::new(&session.corp, content, &world.settings, now)
    };
    call.publication = moment.refused.is_none().then(|| moment.publication());
    let jobid = moment.jobid.clone();
    world.moments.add(moment, world.settings.auto_confirm_seconds);
    Ok(fields(json!({"jobid": jobid})))
}

fn check(world: &World, call: &mut Call, session: &Session, now: Timestamp) -> Result<(Content, Audience), Refusal> {
    let content = Content::read(&call.body)?;
    for attachment in &content.attachments {
        let (media_id, kind) = (attachment.media_id(), attachment.file_kind());
        if !world.files.serves(&session.corp, media_id, kind, now) {
            call.violations.push("a media_id that is unknown, too old or from elsewhere".to_owned());
            return Err(40_007.into());
        }
    }
    if world.settings.blocked_words.iter().any(|word| content.text.contains(word)) {
        return Err(40_201.into());
    }
    let corp = world.corps.get(&session.corp).ok_or(40_013)?;
    let mut audience = Audience::read(corp, &call.body)?;
    audience.publishers.retain(|id, _| !world.settings.never_asked.contains(id));
    Ok((content, audience))
}
