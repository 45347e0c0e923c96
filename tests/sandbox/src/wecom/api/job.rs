//! Following a moment: its job, its members, its end.

use jiff::Timestamp;
use serde_json::json;

use super::super::error::Refusal;
use super::super::moment::Moment;
use super::super::world::World;
use super::session::Session;
use super::{Call, Outcome, fields};

const USUAL_MEMBERS: usize = 500;
const MOST_MEMBERS: usize = 1000;

pub(super) fn result(world: &World, call: &Call, session: &Session, now: Timestamp) -> Outcome {
    let jobid = call.request.in_query("jobid").ok_or(40_088)?;
    let is_own = |moment: &&Moment| {
        moment.jobid == jobid && moment.corp == session.corp && moment.agent_id == Some(session.agent_id)
    };
    let moment = world.moments.get(jobid).filter(is_own).filter(|moment| !moment.job_is_forgotten(now));
    let moment = moment.ok_or(40_088)?;
    let status = moment.status(now);
    // Before the end the result is there, empty and looking like a success.
    let refused = moment.refused.as_ref().filter(|_| status == 3);
    let audience = &moment.audience;
    let shown = status == 3;
    let of = |values: serde_json::Value| if shown { values } else { json!([]) };
    Ok(fields(json!({
        "status": status,
        "type": "add_moment_task",
        "result": {
            "errcode": refused.map_or(0, |refusal| refusal.code),
            "errmsg": refused.map_or_else(|| "ok".to_owned(), |refusal| refusal.message(call.peer)),
            "moment_id": if moment.exists(now) { moment.moment_id.as_str() } else { "" },
            "invalid_sender_list": {
                "user_list": of(json!(audience.invalid_users)),
                "department_list": of(json!(audience.invalid_departments)),
            },
            "invalid_external_contact_list": {"tag_list": of(json!(audience.invalid_tags))},
        },
    })))
}

pub(super) fn members(world: &World, call: &Call, session: &Session, now: Timestamp) -> Outcome {
    let moment = corp_moment(world, call, session, now)?;
    if now < moment.readable_at {
        return Err(41_079.into());
    }
    let page = call.page(USUAL_MEMBERS, MOST_MEMBERS)?;
    let status = |(userid, published): (&String, &Option<Timestamp>)| json!({"userid": userid, "publish_status": i32::from(published.is_some())});
    let (tasks, next_cursor) = page.of(moment.audience.publishers.iter().map(status).collect());
    Ok(fields(json!({"next_cursor": next_cursor, "task_list": tasks})))
}

/// What is published stays; who has not published no longer can.
pub(super) fn cancel(world: &mut World, call: &Call, session: &Session, now: Timestamp) -> Outcome {
    let moment_id = corp_moment(world, call, session, now)?.moment_id.clone();
    if let Some(moment) = world.moments.get_mut(&moment_id) {
        moment.cancelled = true;
    }
    Ok(fields(json!({})))
}

fn corp_moment<'a>(world: &'a World, call: &Call, session: &Session, now: Timestamp) -> Result<&'a Moment, Refusal> {
    let moment_id = call.text("moment_id").ok_or(41_059)?;
    let is_there =
        |moment: &&Moment| moment.moment_id == moment_id && moment.corp == session.corp && moment.exists(now);
    let moment = world.moments.get(moment_id).filter(is_there).ok_or(41_060)?;
    if moment.personal { Err(41_067.into()) } else { Ok(moment) }
}
