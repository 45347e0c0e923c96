//! The platform credentials, kept in Secrets Manager and read once at init.

use aws_sdk_secretsmanager::Client;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::config::{ConfigError, Env};

/// What the secret named by `PLATFORM_SECRET_ID` holds.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlatformSecret {
    /// Our app's id at Douyin. Public, but kept beside its secret so that the two are changed together.
    pub douyin_client_key: String,
    /// Our app's secret at Douyin.
    pub douyin_client_secret: SecretString,
    /// The shared JWT secret; empty when the keys come from a JWKS URL.
    #[serde(default)]
    pub jwt_secret: SecretString,
    /// The secret part of the address the personal-account gateway calls; empty when there is none.
    #[serde(default)]
    pub gateway_webhook_secret: SecretString,
}

impl PlatformSecret {
    /// Reads and parses the secret.
    ///
    /// # Errors
    /// A [`ConfigError`] naming the variable; never the secret's text.
    pub async fn load(client: &Client, env: &Env) -> Result<Self, ConfigError> {
        const NAME: &str = "PLATFORM_SECRET_ID";
        let invalid = |problem: &str| ConfigError::Invalid { name: NAME.to_owned(), problem: problem.to_owned() };
        let answer = client
            .get_secret_value()
            .secret_id(env.required(NAME)?)
            .send()
            .await
            .map_err(|error| invalid(&crate::Error::aws("secretsmanager:GetSecretValue")(error).to_string()))?;
        let text = answer.secret_string.ok_or_else(|| invalid("the secret holds no text"))?;
        let secret: Self = serde_json::from_str(&text)
            .map_err(|_| invalid("the secret must be JSON with douyinClientKey, douyinClientSecret and jwtSecret"))?;
        if secret.douyin_client_key.is_empty() || secret.douyin_client_secret.expose_secret().is_empty() {
            return Err(invalid("douyinClientKey and douyinClientSecret must not be empty"));
        }
        Ok(secret)
    }

    /// The secret part of the gateway's address, unless it is empty.
    pub fn gateway_webhook_secret(&self) -> Option<&SecretString> {
        (!self.gateway_webhook_secret.expose_secret().is_empty()).then_some(&self.gateway_webhook_secret)
    }

    /// The shared JWT secret, unless it is empty.
    pub fn jwt_secret(&self) -> Option<&SecretString> {
        (!self.jwt_secret.expose_secret().is_empty()).then_some(&self.jwt_secret)
    }
}
