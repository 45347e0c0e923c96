//! The settings of this domain: declared in sections, read once at init into types, and checked there against each
//! other.

mod creation;
mod media;
mod personal;
mod providers;
mod publishing;
mod sections;
mod text_check;

pub use creation::CreationSettings;
pub(crate) use media::media_bucket;
pub use media::{GatewayMedia, MediaSettings};
pub use providers::{ANSWERS_WITHIN, Clients, GatewayFactory, PROVIDERS};
pub use publishing::{PublishSettings, TIME_TO_WRITE, is_enabled};
pub use sections::{CONTENT, MEDIA, PERSONAL, PUBLISHING, QUEUE, RULES, SECTIONS};
pub use text_check::{ServiceSettings, TEXT_CHECK, TRIES as TEXT_CHECK_TRIES, WordSettings};

use kernel::Context;
use kernel::config::ConfigError;
use kernel::queue::Queue;

/// The queue of publishing.
///
/// # Errors
/// Names the variable that is missing.
pub(crate) fn publish_queue(cx: &Context) -> Result<Queue, ConfigError> {
    Ok(Queue::new(cx.aws.sqs.clone(), QUEUE.of(&cx.env).text("PUBLISH_QUEUE_URL")?))
}

fn invalid(name: &str, problem: impl std::fmt::Display) -> ConfigError {
    ConfigError::Invalid { name: name.to_owned(), problem: problem.to_string() }
}
