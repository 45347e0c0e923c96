//! Who calls, and what they may do.

use crate::error::{Error, Result};
use crate::ids::UserId;

/// An authenticated user of 存客宝.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The tenant every read and write of this request is scoped to.
    pub user_id: UserId,
    permissions: Vec<String>,
}

impl Caller {
    /// A caller with the permissions their token lists.
    pub fn new(user_id: UserId, permissions: Vec<String>) -> Self {
        Self { user_id, permissions }
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
    use super::covers;

    #[test]
    fn wildcards_cover_whole_segments_only() {
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
