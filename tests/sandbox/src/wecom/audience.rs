//! Who is asked to publish a moment, by the rules of `visible_range`.

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::corp::{Corp, MemberSpec};
use super::error::Refusal;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Audience {
    /// User ids, none of whom has published yet.
    pub(crate) publishers: BTreeMap<String, Option<Timestamp>>,
    pub(crate) invalid_users: Vec<String>,
    pub(crate) invalid_departments: Vec<i64>,
    pub(crate) invalid_tags: Vec<String>,
    /// Some customers only.
    pub(crate) is_partial: bool,
}

impl Audience {
    pub(crate) fn read(corp: &Corp, body: &Map<String, Value>) -> Result<Self, Refusal> {
        let range = body.get("visible_range");
        let list = |outer: &str, inner: &str| {
            let list = range.and_then(|range| range.get(outer)).and_then(|outer| outer.get(inner));
            list.and_then(Value::as_array).cloned().unwrap_or_default()
        };
        let users = list("sender_list", "user_list");
        let departments = list("sender_list", "department_list");
        let tags = list("external_contact_list", "tag_list");
        let mut audience = Self { is_partial: !tags.is_empty(), ..Self::default() };
        for tag in &tags {
            let tag = tag.as_str().unwrap_or_default();
            if !corp.tags.contains(tag) {
                audience.invalid_tags.push(tag.to_owned());
            }
        }
        if !tags.is_empty() && audience.invalid_tags.len() == tags.len() {
            return Err(40_068.into());
        }
        if users.is_empty() && departments.is_empty() {
            // Nobody named means everybody, also where an empty list was sent.
            audience.add(corp.members.values().filter(|member| member.can_publish()));
        }
        for user in &users {
            let user = user.as_str().unwrap_or_default();
            match corp.member(user).filter(|member| member.can_publish()) {
                Some(member) => audience.add([member]),
                None => audience.invalid_users.push(user.to_owned()),
            }
        }
        for department in departments.iter().filter_map(Value::as_i64) {
            let in_it = |member: &&MemberSpec| {
                member.can_publish() && member.departments.iter().any(|id| i64::from(*id) == department)
            };
            let members: Vec<&MemberSpec> = corp.members.values().filter(in_it).collect();
            if members.is_empty() {
                audience.invalid_departments.push(department);
            }
            audience.add(members);
        }
        if audience.publishers.is_empty() { Err(81_013.into()) } else { Ok(audience) }
    }

    fn add<'a>(&mut self, members: impl IntoIterator<Item = &'a MemberSpec>) {
        self.publishers.extend(members.into_iter().map(|member| (member.userid.clone(), None)));
    }
}

/// A list that is there and empty asks for everybody, which is rarely what was meant.
pub(crate) fn violations(body: &Map<String, Value>) -> Vec<String> {
    let senders = body.get("visible_range").and_then(|range| range.get("sender_list"));
    let lists: Vec<&Value> = senders.and_then(Value::as_object).into_iter().flat_map(Map::values).collect();
    let is_empty = |list: &&Value| list.as_array().is_none_or(Vec::is_empty);
    let mut found = Vec::new();
    if senders.is_some() && lists.iter().all(is_empty) {
        found.push("an empty list of senders, which asks everybody to publish".to_owned());
    }
    let users = senders.and_then(|senders| senders.get("user_list")).and_then(Value::as_array);
    if users.is_some_and(|users| users.iter().collect::<HashSet<_>>().len() < users.len()) {
        found.push("a sender named twice".to_owned());
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::seed::Seed;
    use crate::wecom::CorpSpec;

    fn read(range: &Value) -> Result<Audience, i64> {
        let corp = Corp::new(CorpSpec::new("a"), Seed::new(1));
        let body = json!({"visible_range": range});
        Audience::read(&corp, body.as_object().unwrap()).map_err(|refusal| refusal.code)
    }

    fn publishers(range: &Value) -> Vec<String> {
        read(range).unwrap().publishers.into_keys().collect()
    }

    #[test]
    fn audience_follows_the_table_of_visible_range() {
        let all = ["lisi", "wangwu", "zhangsan"];
        assert_eq!(publishers(&json!(null)), all);
        assert_eq!(publishers(&json!({"sender_list": {"user_list": []}})), all, "the trap");
        assert_eq!(publishers(&json!({"sender_list": {"user_list": ["ZhangSan"]}})), ["zhangsan"]);
        assert_eq!(publishers(&json!({"sender_list": {"department_list": [2]}})), ["wangwu"]);
        assert_eq!(publishers(&json!({"external_contact_list": {"tag_list": ["etAAAA-vip"]}})), all);
        let some =
            read(&json!({"sender_list": {"user_list": ["lisi", "zhaoliu", "sunqi", "nobody"], "department_list": [7]},
                                "external_contact_list": {"tag_list": ["etAAAA-vip", "etXXXX"]}}))
            .unwrap();
        assert_eq!(some.publishers.into_keys().collect::<Vec<_>>(), ["lisi"]);
        assert_eq!(some.invalid_users, ["zhaoliu", "sunqi", "nobody"]);
        assert_eq!((some.invalid_departments, some.invalid_tags), (vec![7], vec!["etXXXX".to_owned()]));
        assert!(some.is_partial);
        assert_eq!(read(&json!({"sender_list": {"user_list": ["nobody"]}})).unwrap_err(), 81_013);
        assert_eq!(read(&json!({"external_contact_list": {"tag_list": ["etXXXX"]}})).unwrap_err(), 40_068);
    }

    #[test]
    fn audience_records_requests_wider_than_meant() {
        let noted = |range: Value| violations(json!({"visible_range": range}).as_object().unwrap()).len();
        assert_eq!(noted(json!({"sender_list": {"user_list": []}})), 1);
        assert_eq!(noted(json!({"sender_list": {"user_list": ["a", "a"]}})), 1);
        assert_eq!(noted(json!({"sender_list": {"user_list": ["a"], "department_list": []}})), 0);
        assert_eq!(noted(json!({"external_contact_list": {"tag_list": ["et"]}})), 0);
    }
}
