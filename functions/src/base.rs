//! What functions are built from at init.

use kernel::Clock;
use kernel::aws::Aws;
use kernel::config::{ConfigError, Env};
use kernel::jwt::Authenticator;
use kernel::platform_secret::PlatformSecret;
use leads::douyin::Douyin;

/// The environment, the AWS clients and the clock: what every function's setup starts from.
#[derive(Debug, Clone)]
pub struct Base {
    /// The configuration.
    pub env: Env,
    /// The clients.
    pub aws: Aws,
    /// Time.
    pub clock: Clock,
}

impl Base {
    /// For a function that runs for real.
    pub async fn load(env: &Env) -> Result<Self, ConfigError> {
        Ok(Self { env: env.clone(), aws: Aws::from_env(env).await?, clock: Clock::System })
    }

    /// The platform credentials: one call, for the functions that need them.
    pub async fn secret(&self) -> Result<PlatformSecret, ConfigError> {
        PlatformSecret::load(&self.aws.secrets, &self.env).await
    }

    /// What recognises callers. The secret is read only when there is no key server.
    pub async fn authenticator(&self) -> Result<Authenticator, ConfigError> {
        if self.env.optional("JWT_JWKS_URL").is_some() {
            return Authenticator::new(&self.env, self.clock.clone(), None);
        }
        self.authenticator_with(&self.secret().await?)
    }

    /// The same for a function that has read the secret already.
    pub fn authenticator_with(&self, secret: &PlatformSecret) -> Result<Authenticator, ConfigError> {
        Authenticator::new(&self.env, self.clock.clone(), secret.jwt_secret())
    }

    /// The platform client.
    pub fn douyin(&self, secret: &PlatformSecret) -> Result<Douyin, ConfigError> {
        leads::config::douyin(&self.env, secret)
    }
}
