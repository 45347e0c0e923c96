//! What everything of a function is built from.

use crate::aws::Aws;
use crate::clock::Clock;
use crate::config::{ConfigError, Env, FUNCTION};

/// The configuration, the AWS clients and the clock. Building it opens no connection.
#[derive(Debug, Clone)]
pub struct Context {
    /// The environment, read once at the start.
    pub env: Env,
    /// The clients of AWS, shared by all stores.
    pub aws: Aws,
    /// The source of time.
    pub clock: Clock,
}

impl Context {
    /// For a function that runs for real.
    ///
    /// # Errors
    /// Names the variable that is missing or wrong.
    pub fn load(env: &Env) -> Result<Self, ConfigError> {
        Ok(Self { env: env.clone(), aws: Aws::from_env(env)?, clock: Clock::System })
    }

    /// The full name of a table of the specification (`t_douyin_lead`).
    ///
    /// # Errors
    /// When the prefix of the tables is missing.
    pub fn table(&self, name: &str) -> Result<String, ConfigError> {
        Ok(format!("{}{name}", FUNCTION.of(&self.env).text("TABLE_PREFIX")?))
    }
}
