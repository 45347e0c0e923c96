//! The Douyin users of the sandbox: those who authorize the app and whose fans are listed.

use serde::{Deserialize, Serialize};

use super::fan::FanSet;
use super::nickname;
use super::pass::Passes;
use super::profile;
use crate::seed::Seed;

/// A user to create.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccountSpec {
    /// The name tests and the consent page know it by; not what the platform shows.
    pub name: String,
    /// Fans it begins with.
    pub fans: u32,
    /// Its nickname; an everyday one is made up when absent.
    #[serde(default)]
    pub nickname: Option<String>,
    /// Gives it an open_id with `@ + / =` in it, which must be percent-encoded in queries and paths.
    #[serde(default)]
    pub awkward_id: bool,
}

impl AccountSpec {
    /// An ordinary user with this many fans.
    #[must_use]
    pub fn new(name: impl Into<String>, fans: u32) -> Self {
        Self { name: name.into(), fans, nickname: None, awkward_id: false }
    }

    /// The users every sandbox begins with: none, one, a page and a bit, exactly the cap, beyond the cap.
    #[must_use]
    pub fn defaults() -> Vec<Self> {
        [0, 1, 37, 5_000, 12_000].map(|fans| Self::new(format!("fans-{fans}"), fans)).into()
    }
}

/// What a sandbox says about one of its users.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountView {
    /// Its name in the sandbox.
    pub name: String,
    /// Its id for the app.
    pub open_id: String,
    /// How many fans it has.
    pub fans: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) open_id: String,
    pub(crate) union_id: String,
    pub(crate) nickname: String,
    pub(crate) avatar: String,
    pub(crate) fans: FanSet,
    pub(crate) passes: Passes,
}

impl Account {
    pub(crate) fn new(spec: AccountSpec, sandbox: Seed) -> Self {
        let person = sandbox.with_text("account").with_text(&spec.name);
        let open_id = if spec.awkward_id {
            format!("@9{}+/a==", profile::open_id(person, false))
        } else {
            profile::open_id(person, false)
        };
        Self {
            open_id,
            union_id: profile::uuid(&mut person.with_text("union").stream()),
            nickname: spec.nickname.unwrap_or_else(|| nickname::plain(&mut person.with_text("nickname").stream())),
            avatar: profile::avatar(person),
            fans: FanSet::new(person.with_text("fans"), spec.fans),
            passes: Passes::default(),
            name: spec.name,
        }
    }

    pub(crate) fn view(&self) -> AccountView {
        AccountView { name: self.name.clone(), open_id: self.open_id.clone(), fans: self.fans.len() }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::fan::{FanChange, FanView};
    use super::*;

    fn account(fans: u32) -> Account {
        Account::new(AccountSpec::new("ann", fans), Seed::new(1))
    }

    #[test]
    fn douyin_account_ids_follow_name_and_seed() {
        let of = |name: &str, seed| Account::new(AccountSpec::new(name, 0), Seed::new(seed)).open_id;
        assert_eq!(of("ann", 1), of("ann", 1));
        assert_ne!(of("ann", 1), of("ann", 2));
        assert_ne!(of("ann", 1), of("bob", 1));
        let awkward =
            Account::new(AccountSpec { awkward_id: true, ..AccountSpec::new("ann", 0) }, Seed::new(1)).open_id;
        assert!("@+/=".chars().all(|c| awkward.contains(c)) && awkward.len() <= 128, "{awkward}");
    }

    #[test]
    fn douyin_fans_of_a_large_account_are_distinct_with_every_kind_of_nickname() {
        let views = account(12_000).fans.views();
        assert_eq!(views.iter().map(|fan| &fan.open_id).collect::<BTreeSet<_>>().len(), 12_000);
        assert!(views.iter().all(|fan| fan.open_id.len() <= 128));
        assert_eq!(views.iter().filter(|fan| fan.retrievable).count(), 5_000);
        let names = |found: fn(&str) -> bool| views.iter().filter_map(|fan| fan.nickname.as_deref()).any(found);
        assert!(names(str::is_empty));
        assert!(names(|name| name.chars().count() == nickname::LONGEST));
        assert!(names(|name| name.contains("<script>")));
        assert!(names(|name| name.contains('\u{200d}')), "an emoji joined of several");
        assert!(names(|name| name.contains('а')), "a Cyrillic look-alike");
        assert!(names(|name| name.starts_with("  ")));
        for missing in [
            views.iter().any(|fan| fan.union_id.is_none()),
            views.iter().any(|fan| fan.nickname.is_none()),
            views.iter().any(|fan| fan.avatar.is_none()),
        ] {
            assert!(missing, "every optional field is missing somewhere");
        }
    }

    #[test]
    fn douyin_fans_of_a_small_account_have_every_kind_of_nickname() {
        let views = account(37).fans.views();
        assert!(views.iter().take(14).all(|fan| fan.nickname.is_some()));
        assert!(views.iter().any(|fan| fan.nickname.as_deref() == Some("")));
    }

    #[test]
    fn douyin_fan_change_names_the_fans_it_changed() {
        let mut fans = account(100).fans;
        let before = fans.views();
        let changed = fans.change(FanChange { add: 3, unfollow: 10, refollow: 5, rename: 4 });
        assert_eq!((changed.added.len(), changed.unfollowed.len(), changed.renamed.len()), (3, 10, 4));
        assert!(changed.refollowed.is_empty(), "nobody had left before");
        let after = fans.views();
        assert_eq!(after.len(), 93);
        let now: BTreeSet<&str> = after.iter().map(|fan| fan.open_id.as_str()).collect();
        assert!(changed.added.iter().all(|id| now.contains(id.as_str())));
        assert!(changed.unfollowed.iter().all(|id| !now.contains(id.as_str())));
        for id in &changed.renamed {
            let name = |views: &[FanView]| views.iter().find(|fan| fan.open_id == *id).map(|fan| fan.nickname.clone());
            assert_ne!(name(&before), name(&after));
        }
        let back = fans.change(FanChange { refollow: 20, ..FanChange::default() });
        assert_eq!(back.refollowed.iter().collect::<BTreeSet<_>>(), changed.unfollowed.iter().collect());
        assert_eq!(fans.len(), 103);
    }
}
