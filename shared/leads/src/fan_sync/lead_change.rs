//! What a sync changes of a lead it meets, or misses. Pure.

use crate::douyin::Fan;
use crate::ids::OpenId;
use crate::store::lead::{Lead, Refresh};
use crate::store::lead_index::Counter;
use crate::store::lead_index::segment::NameEntry;
use crate::store::sync_task::{SyncStrategy, SyncTask};

/// Longer nicknames are cut: Douyin allows 20 characters, so this only bounds what a broken answer can store.
const NICKNAME_CHARACTERS: usize = 200;

/// What a sync changes of a known lead.
pub(super) struct LeadChange {
    nickname: String,
    avatar_url: String,
    follows: bool,
}

impl LeadChange {
    /// The change a fan means for the lead it is, if any. An absent nickname or avatar says nothing, and another address
    /// of the same image is no change; it is taken over when something else changes. Of several fans who are one lead by now
    /// only the lead's own names it.
    pub fn of_seen(lead: &Lead, fan: &Fan, task: &SyncTask) -> Option<Self> {
        let full = task.strategy == SyncStrategy::Full && fan.open_id == lead.fan_open_id;
        let account = &task.account_open_id;
        let take = |new: &str, old: &str| if full && !new.is_empty() { new.to_owned() } else { old.to_owned() };
        let change = Self {
            nickname: take(&truncated(&fan.nickname), &lead.nickname),
            avatar_url: take(&fan.avatar_url, &lead.avatar_url),
            follows: true,
        };
        let follows_anew = !lead.sources.contains(account) || lead.unfollowed.contains(account);
        let differs = change.nickname != lead.nickname || image(&change.avatar_url) != image(&lead.avatar_url);
        (follows_anew || differs).then_some(change)
    }

    /// The change of a lead that does not follow the account any more.
    pub fn of_unseen(lead: &Lead) -> Self {
        Self { nickname: lead.nickname.clone(), avatar_url: lead.avatar_url.clone(), follows: false }
    }

    /// What a search is to see of the lead from now on, unless that is what it sees already.
    pub fn entry(&self, lead: &Lead, account: &OpenId, counter: &mut Counter) -> Option<NameEntry> {
        let before = counter.name_of(lead);
        let mut accounts = before.accounts.clone();
        let ordinal = counter.ordinal(account);
        accounts.retain(|(of, _)| *of != ordinal);
        accounts.push((ordinal, self.follows));
        accounts.sort_unstable();
        let after = NameEntry::new(accounts, &self.nickname);
        (after != before).then_some(after)
    }

    /// The change of the lead's row.
    pub fn refresh<'a>(self, lead: &Lead, account: &'a OpenId) -> Refresh<'a> {
        let elsewhere = lead.sources.iter().any(|source| source != account && !lead.unfollowed.contains(source));
        Refresh {
            nickname: self.nickname,
            avatar_url: self.avatar_url,
            source: account,
            follows_source: self.follows,
            follows_any: self.follows || elsewhere,
        }
    }
}

/// A nickname as it is stored.
pub(super) fn truncated(nickname: &str) -> String {
    nickname.chars().take(NICKNAME_CHARACTERS).collect()
}

/// What of an avatar's address names the image. Douyin serves one image from several hosts and under signatures that
/// change with every answer, so only the path does. An address without one is compared as it is.
fn image(address: &str) -> &str {
    let after_scheme = address.split_once("://").map_or(address, |(_, rest)| rest);
    let path = after_scheme.find('/').and_then(|start| after_scheme.get(start..)).unwrap_or_default();
    let path = path.split(['?', '#']).next().unwrap_or_default();
    if path.len() > 1 { path } else { address }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn avatar_is_compared_by_the_path_of_its_address() {
        const ADDRESS: &str = "https://p3.example.com/aweme/100x100/7.jpeg?from=1";
        for (other, same) in [
            (ADDRESS, true),
            ("https://p26-sign.example.com/aweme/100x100/7.jpeg?x-expires=9&x-signature=a%2Fb", true),
            ("http://p3.example.com/aweme/100x100/7.jpeg", true),
            ("https://p3.example.com/aweme/100x100/7.jpeg#top", true),
            ("https://p3.example.com/aweme/100x100/8.jpeg?from=1", false),
            ("https://p3.example.com/", false),
            ("", false),
        ] {
            assert_eq!(image(ADDRESS) == image(other), same, "{other}");
        }
        assert_ne!(image("https://a.example.com/?id=1"), image("https://a.example.com/?id=2"), "no path to go by");
    }
}
