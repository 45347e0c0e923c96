//! Members as an app sees them.

use serde_json::json;

use super::super::corp::MemberSpec;
use super::super::world::World;
use super::session::Session;
use super::{Call, Outcome, fields};

pub(super) fn get(world: &mut World, call: &Call, session: &Session) -> Outcome {
    let userid = call.request.in_query("userid").ok_or(40_003)?;
    let corp = world.corps.get(&session.corp).ok_or(40_013)?;
    let member = corp.member(userid).ok_or(60_111)?;
    if !member.in_range {
        return Err(60_011.into());
    }
    world.shown_names.insert(member.name.clone());
    let departments = &member.departments;
    let zeros = vec![0; departments.len()];
    Ok(fields(json!({
        "userid": member.userid, "name": member.name, "department": departments, "order": zeros,
        "main_department": departments.first(), "is_leader_in_dept": zeros, "direct_leader": [],
        "position": "", "status": member.status, "enable": i32::from(member.status == 1), "isleader": 0,
        "extattr": {"attrs": []}, "hide_mobile": 0, "telephone": "", "alias": "",
    })))
}

pub(super) fn with_contacts(world: &World, session: &Session) -> Outcome {
    let corp = world.corps.get(&session.corp).ok_or(40_013)?;
    let members: Vec<&str> = corp
        .members
        .values()
        .filter(|member| member.can_publish())
        .map(|MemberSpec { userid, .. }| userid.as_str())
        .collect();
    Ok(fields(json!({"follow_user": members})))
}
