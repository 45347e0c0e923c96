//! The operator's list of words and the service that judges texts: when a task is made, and again before it is sent.

mod creation;
mod sending;

use anyhow::{Result, ensure};

use crate::World;

/// Where these tests keep the list.
const KEY: &str = "words/list.txt";

impl World {
    /// Puts the list of words where functions that start from now on look for it.
    ///
    /// # Errors
    /// When the emulator refuses.
    pub(crate) async fn put_words(&mut self, list: &str) -> Result<()> {
        self.set("SENSITIVE_WORDS_KEY", KEY);
        let put = self.object_request(reqwest::Method::PUT, KEY)?.body(list.to_owned()).send().await?;
        ensure!(put.status().is_success(), "the list was not put: {}", put.status());
        Ok(())
    }

    /// Takes the list away, and with it the operator's word on what may be posted.
    ///
    /// # Errors
    /// When the emulator refuses.
    async fn remove_words(&self) -> Result<()> {
        let removed = self.object_request(reqwest::Method::DELETE, KEY)?.send().await?;
        ensure!(removed.status().is_success(), "the list was not removed: {}", removed.status());
        Ok(())
    }

    /// Has the functions that start from now on ask the sandbox's service.
    pub(crate) fn ask_service(&mut self) {
        let url = self.sandbox.text_check().url();
        self.set("TEXT_CHECK_URL", &url);
        self.set("TEXT_CHECK_TIMEOUT_SECONDS", "1");
    }
}
