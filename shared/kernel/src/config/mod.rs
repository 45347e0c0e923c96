//! Configuration: read once at init from the environment, typed, with errors that name the variable. What may be set
//! is declared in [`Section`]s.

mod section;
mod sections;

pub use section::{Absent, Section, Setting, Values};
pub use sections::{
    AUDIT, AWS, CREDENTIALS, EVENTS, FUNCTION, IDENTITY, LOGS, SCHEDULES, SECTIONS, function_timeout, queue_visibility,
};

use std::collections::BTreeMap;
use std::time::Duration;

/// A configuration mistake. It stops the function at init, loudly, and not at the ten-thousandth request.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ConfigError {
    /// The variable is not set or empty.
    #[error("environment variable {0} is missing")]
    Missing(String),
    /// The variable does not parse.
    #[error("environment variable {name} is not valid: {problem}")]
    Invalid {
        /// The environment variable that sets it.
        name: String,
        /// What is wrong with its value.
        problem: String,
    },
    /// A variable is read that its section does not have.
    #[error("{name} is not declared in the section {section}")]
    Undeclared {
        /// The environment variable that sets it.
        name: String,
        /// The section that was asked for it.
        section: &'static str,
    },
    /// Two variables contradict each other.
    #[error("{0}")]
    Contradiction(String),
}

/// A snapshot of environment variables.
#[derive(Debug, Clone, Default)]
pub struct Env(BTreeMap<String, String>);

impl Env {
    /// The variables of this process.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn from_process() -> Self {
        Self(std::env::vars().collect())
    }

    /// The variable unless absent or empty.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        self.0.get(name).filter(|value| !value.is_empty()).cloned()
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Env {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

/// The relations between time limits that keep work from being done twice: a platform call must end before the
/// function does, and a message may reappear only long after the function that took it is certainly dead
/// (AWS asks for six times the function's timeout).
pub fn check_time_limits(
    platform_timeout: Duration,
    function_timeout: Duration,
    queue_visibility: Option<Duration>,
) -> Result<(), ConfigError> {
    if platform_timeout >= function_timeout {
        return Err(ConfigError::Contradiction(format!(
            "the platform timeout ({} s) must be shorter than FUNCTION_TIMEOUT_SECONDS ({} s)",
            platform_timeout.as_secs(),
            function_timeout.as_secs()
        )));
    }
    match queue_visibility {
        Some(visibility) if visibility < function_timeout * 6 => Err(ConfigError::Contradiction(format!(
            "QUEUE_VISIBILITY_SECONDS ({} s) must be at least six times FUNCTION_TIMEOUT_SECONDS ({} s)",
            visibility.as_secs(),
            function_timeout.as_secs()
        ))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn config_with_time_limits_that_contradict_is_refused() {
        let s = Duration::from_secs;
        for (platform, function, visibility, good) in [
            (8, 300, Some(1800), true),
            (8, 300, Some(1799), false),
            (8, 15, None, true),
            (15, 15, None, false),
            (20, 15, None, false),
        ] {
            let result = check_time_limits(s(platform), s(function), visibility.map(s));
            assert_eq!(result.is_ok(), good, "{platform} {function} {visibility:?}: {result:?}");
        }
    }
}
