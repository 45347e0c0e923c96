//! What the platforms saw, in the order in which they decided it. Tests read it as the referee: how often something was
//! really asked, with what result, and what was sent in a way the platform would frown upon. It holds no token, code,
//! secret or nickname, so that a test may print it.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::Serialize;

use crate::publication::Publication;

/// A soak run must not grow without end: beyond this the oldest entries go, and `seq` shows the gap.
const KEPT: usize = 200_000;

/// One request a platform received, or one message it sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Position in the journal, counted from 1.
    pub seq: u64,
    pub at: Timestamp,
    /// `douyin`, ….
    pub platform: &'static str,
    /// The endpoint's short name, e.g. `fans/list` or `webhook/unauthorize`.
    pub endpoint: String,
    /// What the platform decided, 0 for success; absent when an injected fault kept it from deciding anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<i64>,
    /// The injected fault that met this request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// Name of the sandbox account concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The cursor that was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<i64>,
    /// Which page of its pass was asked for, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// Anything else worth knowing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What went out into the world because of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub publication: Option<Box<Publication>>,
    /// What was wrong with the request even where the platform lets it pass.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub violations: Vec<String>,
}

/// The shared record of a sandbox; clones write into and read from the same one.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    last: u64,
    entries: VecDeque<Entry>,
    /// All of them, however old: a referee does not forget.
    publications: Vec<Publication>,
}

impl Journal {
    /// Appends an entry and gives it its number.
    pub fn record(&self, mut entry: Entry) -> u64 {
        let mut state = self.lock();
        state.last += 1;
        entry.seq = state.last;
        if let Some(publication) = entry.publication.as_deref_mut() {
            (publication.seq, publication.at) = (entry.seq, entry.at);
            state.publications.push(publication.clone());
        }
        if state.entries.len() == KEPT {
            state.entries.pop_front();
        }
        state.entries.push_back(entry);
        state.last
    }

    /// The number of the newest entry; pass it to [`Journal::since`] to see only what comes after now.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.lock().last
    }

    /// The entries numbered above `seq`, oldest first.
    #[must_use]
    pub fn since(&self, seq: u64) -> Vec<Entry> {
        let state = self.lock();
        let first = state.entries.partition_point(|entry| entry.seq <= seq);
        state.entries.iter().skip(first).cloned().collect()
    }

    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        self.since(0)
    }

    /// The entries of one endpoint.
    #[must_use]
    pub fn of(&self, endpoint: &str) -> Vec<Entry> {
        self.lock().entries.iter().filter(|entry| entry.endpoint == endpoint).cloned().collect()
    }

    /// The entries about one account at one endpoint.
    #[must_use]
    pub fn of_account(&self, endpoint: &str, account: &str) -> Vec<Entry> {
        let mut entries = self.of(endpoint);
        entries.retain(|entry| entry.account.as_deref() == Some(account));
        entries
    }

    /// The entries with violations: a well-behaved client leaves none.
    #[must_use]
    pub fn violations(&self) -> Vec<Entry> {
        self.lock().entries.iter().filter(|entry| !entry.violations.is_empty()).cloned().collect()
    }

    /// Everything that ever went out, oldest first, whatever was answered.
    #[must_use]
    pub fn publications(&self) -> Vec<Publication> {
        self.lock().publications.clone()
    }

    /// What went out from one account: a corp, `corp/member` or a device, by its sandbox name.
    #[must_use]
    pub fn publications_of(&self, account: &str) -> Vec<Publication> {
        self.lock().publications.iter().filter(|publication| publication.account == account).cloned().collect()
    }

    /// The publications that repeat an earlier one of the same account: text and number of media are equal. "Never
    /// twice" holds when there is none, provided that the test gives every post a text of its own.
    #[must_use]
    pub fn published_twice(&self) -> Vec<Publication> {
        let mut seen = HashSet::new();
        let mut is_new =
            |one: &Publication| seen.insert((one.kind, one.account.clone(), one.text_hash.clone(), one.media));
        self.lock().publications.iter().filter(|one| !is_new(one)).cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publication::PublicationKind;

    fn entry(endpoint: &str, account: &str) -> Entry {
        Entry { endpoint: endpoint.into(), account: Some(account.into()), ..Entry::default() }
    }

    #[test]
    fn journal_numbers_its_entries_and_is_read_from_a_number() {
        let journal = Journal::default();
        journal.record(entry("fans/list", "a"));
        let mark = journal.last();
        journal.record(entry("fans/list", "b"));
        journal.record(Entry { violations: vec!["x".into()], ..entry("oauth/userinfo", "b") });
        let seqs: Vec<u64> = journal.since(mark).iter().map(|entry| entry.seq).collect();
        assert_eq!(seqs, [2, 3]);
        assert_eq!(journal.of_account("fans/list", "b").len(), 1);
        assert_eq!(journal.violations().len(), 1);
    }

    #[test]
    fn journal_distinguishes_a_repetition_from_another_post() {
        let journal = Journal::default();
        let post = |account: &str, text: &str, media: usize| {
            let kind = PublicationKind::GatewayPost;
            let publication = Publication::new(kind, account.to_owned(), "1".to_owned(), text, media);
            journal.record(Entry { publication: Some(Box::new(publication)), ..entry("sns/sendTextSns", account) })
        };
        let posts = [("a", "x", 0), ("a", "y", 0), ("b", "x", 0), ("a", "x", 1)];
        for (account, text, media) in posts {
            post(account, text, media);
        }
        assert!(journal.published_twice().is_empty());
        let again = post("a", "x", 0);
        let seqs: Vec<u64> = journal.published_twice().iter().map(|twice| twice.seq).collect();
        assert_eq!((seqs, again), (vec![5], 5));
        assert_eq!((journal.publications().len(), journal.publications_of("b").len()), (5, 1));
    }

    #[test]
    fn journal_drops_the_oldest_beyond_its_limit() {
        let journal = Journal::default();
        for _ in 0..KEPT + 2 {
            journal.record(Entry::default());
        }
        assert_eq!(journal.entries().len(), KEPT);
        assert_eq!(journal.since(0).first().map(|entry| entry.seq), Some(3));
        assert!(journal.since(journal.last()).is_empty());
    }
}
