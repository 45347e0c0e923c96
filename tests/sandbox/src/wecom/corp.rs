//! The corps of the sandbox, their apps and their members.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::seed::Seed;

const SECRET_ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const SECRET_LENGTH: usize = 43;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AppSpec {
    /// Its id in the corp.
    pub agent_id: u32,
    /// Its secret; made up when absent.
    #[serde(default)]
    pub secret: Option<String>,
    /// Disabled ones get no token (50003).
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Whether it stands in 客户联系 → 可调用接口的应用 (otherwise 48002).
    #[serde(default = "yes")]
    pub contacts_permitted: bool,
    /// Its 企业可信 IP; absent for one from before they were wanted, which takes calls from everywhere.
    #[serde(default)]
    pub trusted_ips: Option<BTreeSet<IpAddr>>,
}

const fn yes() -> bool {
    true
}

impl AppSpec {
    /// An app with all it needs.
    #[must_use]
    pub const fn new(agent_id: u32) -> Self {
        Self { agent_id, secret: None, enabled: true, contacts_permitted: true, trusted_ips: None }
    }
}

/// A member of a corp.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MemberSpec {
    /// Its id in the corp.
    pub userid: String,
    pub name: String,
    #[serde(default = "root")]
    pub departments: Vec<u32>,
    /// 1 active, 2 disabled, 4 not activated, 5 left.
    #[serde(default = "active")]
    pub status: u8,
    /// Whether it is configured for 客户联系 and the moments that belong to it.
    #[serde(default = "yes")]
    pub has_contacts: bool,
    /// Whether apps see it.
    #[serde(default = "yes")]
    pub in_range: bool,
}

fn root() -> Vec<u32> {
    vec![1]
}

const fn active() -> u8 {
    1
}

impl MemberSpec {
    /// A member who can publish.
    #[must_use]
    pub fn new(userid: impl Into<String>, name: impl Into<String>) -> Self {
        let (userid, name) = (userid.into(), name.into());
        Self { userid, name, departments: root(), status: active(), has_contacts: true, in_range: true }
    }

    /// Whether a moment can be given to it.
    pub(crate) const fn can_publish(&self) -> bool {
        self.has_contacts && self.in_range && self.status == active()
    }
}

/// A corp to create.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CorpSpec {
    /// The name tests know it by.
    pub name: String,
    /// `ww…`; made up when absent.
    #[serde(default)]
    pub corp_id: Option<String>,
    pub apps: Vec<AppSpec>,
    pub members: Vec<MemberSpec>,
    /// Ids of its customer tags, `et…`.
    #[serde(default)]
    pub tags: BTreeSet<String>,
}

impl CorpSpec {
    /// A corp with one app (1000002) and three members who can publish, one without customers, one out of range.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        let mut members: Vec<MemberSpec> = [
            ("zhangsan", "张三（华东）"),
            ("lisi", "李四（华南）"),
            ("wangwu", "王五（华北）"),
            ("zhaoliu", "赵六（财务）"),
            ("sunqi", "孙七（外协）"),
        ]
        .map(|(userid, name)| MemberSpec::new(userid, name))
        .into();
        for member in &mut members {
            member.has_contacts = member.userid != "zhaoliu";
            member.in_range = member.userid != "sunqi";
            member.departments = if member.userid == "wangwu" { vec![1, 2] } else { root() };
        }
        let tags = ["etAAAA-vip".to_owned(), "etAAAA-new".to_owned()].into();
        Self { name: name.into(), corp_id: None, apps: vec![AppSpec::new(1_000_002)], members, tags }
    }
}

/// What a sandbox says about one of its corps. It holds secrets: no `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CorpView {
    /// Its name in the sandbox.
    pub name: String,
    pub corp_id: String,
    /// Its apps, with their secrets.
    pub apps: Vec<AppSpec>,
    pub members: Vec<MemberSpec>,
}

impl CorpView {
    /// Secret of its first app.
    #[must_use]
    pub fn secret(&self) -> &str {
        self.apps.first().and_then(|app| app.secret.as_deref()).unwrap_or_default()
    }

    /// Id of its first app.
    #[must_use]
    pub fn agent_id(&self) -> u32 {
        self.apps.first().map_or(0, |app| app.agent_id)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Corp {
    pub(crate) name: String,
    pub(crate) corp_id: String,
    pub(crate) apps: Vec<AppSpec>,
    /// By user id in lower case: ids are not case-sensitive.
    pub(crate) members: BTreeMap<String, MemberSpec>,
    pub(crate) tags: BTreeSet<String>,
}

impl Corp {
    pub(crate) fn new(spec: CorpSpec, sandbox: Seed) -> Self {
        let seed = sandbox.with_text("corp").with_text(&spec.name);
        let mut apps = spec.apps;
        for app in &mut apps {
            let made_up = || seed.with(app.agent_id.into()).stream().text(SECRET_ALPHABET, SECRET_LENGTH);
            app.secret = Some(app.secret.take().unwrap_or_else(made_up));
        }
        let corp_id = spec.corp_id.unwrap_or_else(|| format!("ww{:016x}", seed.value()));
        let mut corp = Self { name: spec.name, corp_id, apps, members: BTreeMap::new(), tags: spec.tags };
        spec.members.into_iter().for_each(|member| corp.add_member(member));
        corp
    }

    pub(crate) fn add_member(&mut self, member: MemberSpec) {
        self.members.insert(member.userid.to_lowercase(), member);
    }

    pub(crate) fn member(&self, userid: &str) -> Option<&MemberSpec> {
        self.members.get(&userid.to_lowercase())
    }

    pub(crate) fn app(&self, agent_id: u32) -> Option<&AppSpec> {
        self.apps.iter().find(|app| app.agent_id == agent_id)
    }

    pub(crate) fn view(&self) -> CorpView {
        CorpView {
            name: self.name.clone(),
            corp_id: self.corp_id.clone(),
            apps: self.apps.clone(),
            members: self.members.values().cloned().collect(),
        }
    }
}
