//! A media origin: the place `mediaUrls` point to. It serves real pictures and videos of any size, and every kind of
//! misbehaviour a downloader must survive.

mod control;
mod exhibit;
mod file;
mod serve;
mod sniff;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;

use crate::host::Host;

pub use exhibit::{Delivery, SampleMedium};
pub use file::MediaFile;
pub(crate) use sniff::{Sniffed, sniff};

/// The running origin; clones are handles to the same one.
#[derive(Clone)]
pub struct Media {
    inner: Arc<Inner>,
}

struct Inner {
    host: Host,
    base_url: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    exhibits: BTreeMap<String, SampleMedium>,
    hits: BTreeMap<String, u64>,
}

impl Media {
    pub(crate) fn new(host: Host, base_url: String) -> Self {
        Self { inner: Arc::new(Inner { host, base_url, state: Mutex::default() }) }
    }

    /// The origin's paths, below its prefix.
    pub(crate) fn platform(&self) -> Router {
        serve::routes().with_state(self.clone())
    }

    /// The paths by which other processes steer it.
    pub(crate) fn control(&self) -> Router {
        control::routes().with_state(self.clone())
    }

    /// The address of a path, whether or not something stands there. Paths ending in `.jpg`, `.png` or `.mp4` always
    /// serve a file, of the measures `?width&height&bytes&milliseconds` say.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.inner.base_url)
    }

    /// Puts something at a path and returns its address.
    pub fn put(&self, path: &str, exhibit: SampleMedium) -> String {
        self.state().exhibits.insert(path.to_owned(), exhibit);
        self.url(path)
    }

    /// Puts an honestly served file at a path and returns its address.
    pub fn put_file(&self, path: &str, file: MediaFile) -> String {
        self.put(path, SampleMedium::new(file))
    }

    /// Takes away what stands at a path; false when nothing does.
    pub fn remove(&self, path: &str) -> bool {
        self.state().exhibits.remove(path).is_some()
    }

    /// How often a path was asked for.
    #[must_use]
    pub fn hits(&self, path: &str) -> u64 {
        self.state().hits.get(path).copied().unwrap_or_default()
    }

    /// Every path that was asked for, with how often.
    #[must_use]
    pub fn all_hits(&self) -> BTreeMap<String, u64> {
        self.state().hits.clone()
    }

    /// Everything put here, by path.
    #[must_use]
    pub fn exhibits(&self) -> BTreeMap<String, SampleMedium> {
        self.state().exhibits.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn host(&self) -> &Host {
        &self.inner.host
    }
}
