//! Who calls, for whom, and what they may do.
//!
//! A caller is two things: the tenant, which every read and write is scoped to, and the actor, which is only ever
//! recorded. Several people of one tenant have the same user id, so a history that stored the user id would not tell
//! who of them it was.

use std::fmt;

use crate::error::{Error, Result};
use crate::ids::UserId;

/// An authenticated user of 存客宝.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The tenant every read and write of this request is scoped to.
    pub user_id: UserId,
    /// Who of the tenant it is.
    pub actor: Actor,
    permissions: Vec<String>,
}

/// A person or program of a tenant, as the token's issuer names it.
#[derive(Clone, PartialEq, Eq)]
pub struct Actor {
    /// The token's `sub`, or the tenant's user id in digits when there is none.
    pub id: String,
    /// The token's `name`, if it has one.
    pub name: Option<String>,
}

/// The longest `sub` that OpenID Connect allows. What is longer is cut, for it is stored with every change.
const MAX_ID: usize = 255;
/// Characters of a name that are stored.
const MAX_NAME: usize = 100;

impl Actor {
    /// The actor of these claims. Both are optional, and a blank one is none.
    pub fn new(user_id: UserId, subject: Option<&str>, name: Option<&str>) -> Self {
        let text = |claim: Option<&str>, most: usize| {
            let claim = claim.map(str::trim).filter(|claim| !claim.is_empty());
            claim.map(|claim| claim.chars().take(most).collect::<String>())
        };
        Self { id: text(subject, MAX_ID).unwrap_or_else(|| user_id.to_string()), name: text(name, MAX_NAME) }
    }
}

/// Without the name, which must not get into a log.
impl fmt::Debug for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Actor").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Caller {
    /// A caller with the permissions their token lists.
    pub fn new(user_id: UserId, actor: Actor, permissions: Vec<String>) -> Self {
        Self { user_id, actor, permissions }
    }

    /// Refuses unless a permission of the caller covers `needed`.
    ///
    /// # Errors
    /// [`Error::PermissionDenied`] naming the permission.
    pub fn require(&self, needed: &'static str) -> Result<()> {
        if self.permissions.iter().any(|held| covers(held, needed)) {
            Ok(())
        } else {
            Err(Error::PermissionDenied(needed))
        }
    }
}

/// `held` covers `needed` when equal, when it is `*`, or when it ends in `:*` and is a prefix at a segment border.
fn covers(held: &str, needed: &str) -> bool {
    match held.strip_suffix('*') {
        Some("") => true,
        Some(prefix) => prefix.ends_with(':') && needed.starts_with(prefix),
        None => held == needed,
    }
}

#[cfg(test)]
mod tests {
    use super::{Actor, covers};
    use crate::ids::UserId;

    #[test]
    fn caller_actor_is_the_subject_or_else_the_user_and_named_if_the_token_names_it() {
        let user = UserId::new(1001).unwrap();
        let long = "名".repeat(300);
        for (subject, name, id, expected) in [
            (Some("staff-17"), Some("王小明"), "staff-17", Some("王小明")),
            (Some(" staff-17 "), None, "staff-17", None),
            (None, Some(" "), "1001", None),
            (Some(""), Some(""), "1001", None),
            (Some(&long[..]), Some(&long[..]), &long[..3 * 255], Some(&long[..3 * 100])),
        ] {
            let actor = Actor::new(user, subject, name);
            assert_eq!((actor.id.as_str(), actor.name.as_deref()), (id, expected));
        }
        assert!(!format!("{:?}", Actor::new(user, None, Some("王小明"))).contains("王小明"));
    }

    #[test]
    fn permission_wildcard_covers_whole_segments_only() {
        for (held, needed, expected) in [
            ("lead:douyin:leads:view", "lead:douyin:leads:view", true),
            ("lead:douyin:*", "lead:douyin:leads:view", true),
            ("*", "lead:douyin:leads:view", true),
            ("lead:douyin:leads:*", "lead:douyin:leads:view", true),
            ("lead:douyin:lea*", "lead:douyin:leads:view", false),
            ("lead:douyin", "lead:douyin:leads:view", false),
            ("lead:*:leads:view", "lead:douyin:leads:view", false),
            ("workbench:*", "lead:douyin:leads:view", false),
            ("", "lead:douyin:leads:view", false),
        ] {
            assert_eq!(covers(held, needed), expected, "{held} for {needed}");
        }
    }
}
