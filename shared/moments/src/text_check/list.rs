//! The operator's list of words: an object of the bucket, read again every five minutes.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use kernel::Clock;
use kernel::bucket::Bucket;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use super::NotJudged;
use crate::rules::SensitiveWords;

/// How long what was read counts as fresh.
const MAX_AGE: SignedDuration = SignedDuration::from_mins(5);
/// How long a list serves that cannot be read again. Longer, and a word that was added for a reason might never hold.
const SERVES: SignedDuration = SignedDuration::from_hours(1);
/// How soon a list is asked for again that could not be read: whoever waits for the same answer would wait in line.
const RETRY_AFTER: SignedDuration = SignedDuration::from_secs(10);
/// The longest list, in bytes: 100,000 words of six Chinese characters each. What its matcher takes to build grows with them.
const LONGEST: usize = 2 << 20;

/// One version of the list.
#[derive(Debug, Clone)]
pub(super) struct List {
    pub words: SensitiveWords,
    pub version: String,
}

/// The list. Clones share what was read.
#[derive(Debug, Clone)]
pub(super) struct WordList(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    bucket: Bucket,
    key: String,
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The newest version, and when it was last found to be that.
    newest: Option<(List, Timestamp)>,
    failed_at: Option<Timestamp>,
}

impl WordList {
    pub(super) fn new(bucket: Bucket, key: String, clock: Clock) -> Self {
        Self(Arc::new(Shared { bucket, key, clock, state: Mutex::default() }))
    }

    /// The list as it is now, or was within five minutes. One that cannot be read again serves for an hour.
    pub(super) async fn current(&self) -> Result<List, NotJudged> {
        let Shared { clock, state, .. } = &*self.0;
        let mut state = state.lock().await;
        let now = clock.now();
        let younger_than = |age: SignedDuration, since: Timestamp| now.duration_since(since) < age;
        if let Some((list, read_at)) = &state.newest
            && younger_than(MAX_AGE, *read_at)
        {
            return Ok(list.clone());
        }
        if !state.failed_at.is_some_and(|failed_at| younger_than(RETRY_AFTER, failed_at)) {
            match self.read(state.newest.as_ref().map(|(list, _)| list)).await {
                Ok(list) => *state = State { newest: Some((list, now)), failed_at: None },
                Err(problem) => {
                    tracing::error!(key = self.0.key, "the list of sensitive words cannot be read: {problem}");
                    state.failed_at = Some(now);
                }
            }
        }
        let serving = state.newest.as_ref().filter(|(_, read_at)| younger_than(SERVES, *read_at));
        serving.map(|(list, _)| list.clone()).ok_or(NotJudged("list of words"))
    }

    /// The newest version; `known` itself if that is still the newest.
    async fn read(&self, known: Option<&List>) -> Result<List, String> {
        let Shared { bucket, key, .. } = &*self.0;
        let read = bucket.get(key, known.map(|list| list.version.as_str()), LONGEST).await;
        let Some(object) = read.map_err(|error| error.to_string())? else {
            return known.cloned().ok_or_else(|| "it has not changed since it was never read".to_owned());
        };
        let text = String::from_utf8(object.body).map_err(|_| "it is not UTF-8")?;
        let built = spawn_blocking(move || SensitiveWords::of_lines(&text)).await.map_err(|error| error.to_string())?;
        let words = built.map_err(|problem| problem.to_string())?;
        tracing::info!(words.version = object.etag, memory = words.memory(), "the list of sensitive words was read");
        Ok(List { words, version: object.etag })
    }
}
