//! Bad input and faults, as the issue lists them: each is answered with its status and a Chinese text that tells the
//! user what to do, and nothing at all is written.

use anyhow::Result;

use crate::{Event, World};

/// The user of these tests.
pub(crate) const USER: u64 = 1001;

impl World {
    /// A sample event as `user`, with every permission.
    pub(crate) fn sample_as(&self, user: u64, function: &str) -> Result<Event> {
        Ok(Event::sample(function)?.bearer(&self.token(user, &["*"])?))
    }
}
