//! The platform credentials, kept in Secrets Manager. A function reads them at init, again after five minutes, and at
//! once when something was refused that they should have opened: so a rotated secret needs no deployment.

use std::fmt;
use std::sync::Arc;

use aws_sdk_secretsmanager::Client;
use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::clock::Clock;
use crate::config::{ConfigError, IDENTITY};
use crate::context::Context;

const NAME: &str = "PLATFORM_SECRET_ID";

/// How long what was read counts as fresh.
const MAX_AGE: SignedDuration = SignedDuration::from_mins(5);

/// The least time between two readings, whatever is refused: a forged token must not cost a call each.
const MIN_REFETCH_INTERVAL: SignedDuration = SignedDuration::from_secs(30);

/// RFC 7518 §3.2: an HS256 key has at least the 256 bits of the hash, or it can be guessed offline from one token.
const MIN_JWT_SECRET: usize = 32;

/// What the secret named by `PLATFORM_SECRET_ID` holds.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlatformSecret {
    /// Our app's id at Douyin. Public, but kept beside its secret so that the two are changed together.
    pub douyin_client_key: String,
    /// Our app's secret at Douyin.
    pub douyin_client_secret: SecretString,
    #[serde(default)]
    douyin_webhook_secret: SecretString,
    #[serde(default)]
    jwt_secret: SecretString,
    #[serde(default)]
    jwt_previous_secret: SecretString,
    #[serde(default)]
    gateway_webhook_secret: SecretString,
    #[serde(default)]
    text_check_token: SecretString,
}

impl PlatformSecret {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let secret: Self = serde_json::from_str(text)
            .map_err(|_| "the secret must be JSON with douyinClientKey, douyinClientSecret and jwtSecret")?;
        if secret.douyin_client_key.is_empty() || secret.douyin_client_secret.expose_secret().is_empty() {
            return Err("douyinClientKey and douyinClientSecret must not be empty");
        }
        if secret.jwt_secrets().any(|secret| secret.expose_secret().len() < MIN_JWT_SECRET) {
            return Err("jwtSecret and jwtPreviousSecret must have at least 32 bytes, or be empty");
        }
        Ok(secret)
    }

    /// The secret Douyin signs its events with: the one of its own, or else our app's.
    pub fn douyin_webhook_secret(&self) -> &SecretString {
        let own = &self.douyin_webhook_secret;
        if own.expose_secret().is_empty() { &self.douyin_client_secret } else { own }
    }

    /// The shared secrets tokens may be signed with: the current one, then the one before it while it is still
    /// honoured. None when the keys come from a JWKS URL.
    pub fn jwt_secrets(&self) -> impl Iterator<Item = &SecretString> {
        [&self.jwt_secret, &self.jwt_previous_secret].into_iter().filter(|secret| !secret.expose_secret().is_empty())
    }

    /// The secret part of the address the personal-account gateway calls, unless there is none.
    pub fn gateway_webhook_secret(&self) -> Option<&SecretString> {
        (!self.gateway_webhook_secret.expose_secret().is_empty()).then_some(&self.gateway_webhook_secret)
    }

    /// The bearer token of the service that judges texts, unless it takes none.
    pub fn text_check_token(&self) -> Option<&SecretString> {
        (!self.text_check_token.expose_secret().is_empty()).then_some(&self.text_check_token)
    }
}

/// How the secret is read; an error is for the log and never has the secret's text.
pub type Read = Box<dyn Fn() -> BoxFuture<'static, Result<Version, String>> + Send + Sync>;

/// The platform credentials as they are now. Clones share what was read.
#[derive(Clone)]
pub struct Secrets(Arc<Shared>);

struct Shared {
    read: Read,
    clock: Clock,
    state: Mutex<State>,
}

struct State {
    newest: Version,
    /// When it was last read, or tried to be.
    attempted_at: Timestamp,
}

/// One version of the secret, to tell it from a newer one.
#[derive(Debug, Clone)]
pub struct Version {
    /// What Secrets Manager calls it.
    id: String,
    secret: Arc<PlatformSecret>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}

impl Version {
    /// From the secret's text.
    ///
    /// # Errors
    /// What is wrong with it, without it.
    pub fn parse(id: &str, text: &str) -> Result<Self, String> {
        Ok(Self { id: id.to_owned(), secret: Arc::new(PlatformSecret::parse(text)?) })
    }

    /// The credentials, as they were read.
    pub fn secret(&self) -> &PlatformSecret {
        &self.secret
    }
}

impl Secrets {
    /// Reads the secret of Secrets Manager for the first time.
    ///
    /// # Errors
    /// A [`ConfigError`] naming the variable; never the secret's text.
    pub async fn load(cx: &Context) -> Result<Self, ConfigError> {
        let id = IDENTITY.of(&cx.env).text(NAME)?;
        let client = cx.aws.secrets.clone();
        Self::read_by(Box::new(move || from_secrets_manager(client.clone(), id.clone()).boxed()), cx.clock.clone())
            .await
    }

    /// The same, read in another way.
    ///
    /// # Errors
    /// As [`Secrets::load`].
    pub async fn read_by(read: Read, clock: Clock) -> Result<Self, ConfigError> {
        let newest = read().await.map_err(|problem| ConfigError::Invalid { name: NAME.to_owned(), problem })?;
        let state = Mutex::new(State { newest, attempted_at: clock.now() });
        Ok(Self(Arc::new(Shared { read, clock, state })))
    }

    /// The secret, at most five minutes old. While it cannot be read the last one serves.
    pub async fn current(&self) -> Version {
        self.0.read_if(|state, now| now.duration_since(state.attempted_at) >= MAX_AGE).await
    }

    /// A newer version than one with which something was refused; none when that is still the newest, as far as it may
    /// be asked: every 30 seconds.
    pub async fn newer_than(&self, refused: &Version) -> Option<Version> {
        let is_due = |state: &State, now: Timestamp| {
            state.newest.id == refused.id && now.duration_since(state.attempted_at) >= MIN_REFETCH_INTERVAL
        };
        let newest = self.0.read_if(is_due).await;
        (newest.id != refused.id).then_some(newest)
    }

    /// What `of` makes of the secret, or, when it makes nothing of it, of a newer version.
    pub async fn find<T>(&self, of: impl Fn(&PlatformSecret) -> Option<T>) -> Option<T> {
        let current = self.current().await;
        match of(&current.secret) {
            Some(found) => Some(found),
            None => of(&self.newer_than(&current).await?.secret),
        }
    }
}

impl Shared {
    async fn read_if(&self, is_due: impl FnOnce(&State, Timestamp) -> bool) -> Version {
        // The lock is kept during the reading: whoever comes meanwhile waits for the answer and does not ask as well.
        let mut state = self.state.lock().await;
        let now = self.clock.now();
        if is_due(&state, now) {
            state.attempted_at = now;
            match (self.read)().await {
                Ok(read) => {
                    if read.id != state.newest.id {
                        tracing::info!(secret.version = read.id, "the platform secret has a new version");
                    }
                    state.newest = read;
                }
                Err(problem) => {
                    tracing::error!(problem, "the platform secret cannot be read again; the last one serves");
                }
            }
        }
        state.newest.clone()
    }
}

async fn from_secrets_manager(client: Client, id: String) -> Result<Version, String> {
    let answer = client
        .get_secret_value()
        .secret_id(id)
        .send()
        .await
        .map_err(|error| crate::Error::aws("secretsmanager:GetSecretValue")(error).to_string())?;
    let text = answer.secret_string.ok_or("the secret holds no text")?;
    Version::parse(&answer.version_id.ok_or("the secret has no version")?, &text)
}

#[cfg(test)]
pub(crate) mod tests;
