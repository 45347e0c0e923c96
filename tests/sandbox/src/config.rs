//! What a sandbox starts with.

use std::env;

use anyhow::Context;

use crate::clock::Clock;
use crate::content::ContentConfig;
use crate::douyin::DouyinConfig;
use crate::gewe::GeweConfig;
use crate::wecom::WecomConfig;

/// The start values of a sandbox. The default is a complete one on a free port.
#[derive(Clone, Default)]
pub struct SandboxConfig {
    /// 0 takes any free port.
    pub port: u16,
    /// Makes people, ids and orders repeatable; random unless given, so that parallel tests never share an open_id.
    pub seed: Option<u64>,
    /// The time; a clone kept by the caller moves it.
    pub clock: Clock,
    pub douyin: DouyinConfig,
    pub wecom: WecomConfig,
    /// The gateway to personal WeChat accounts.
    pub gewe: GeweConfig,
    pub content: ContentConfig,
}

impl SandboxConfig {
    /// The defaults, overridden by `SANDBOX_SEED`, `SANDBOX_DOUYIN_CLIENT_KEY`, `SANDBOX_DOUYIN_CLIENT_SECRET` and
    /// `SANDBOX_DOUYIN_REDIRECT_URIS` (a comma list).
    ///
    /// # Errors
    /// Names the variable whose value cannot be used.
    pub fn from_env() -> anyhow::Result<Self> {
        Self::from_variables(|name| env::var(name).ok())
    }

    fn from_variables(read: impl Fn(&str) -> Option<String>) -> anyhow::Result<Self> {
        let read = |name| read(name).filter(|value| !value.is_empty());
        let mut config = Self::default();
        if let Some(seed) = read("SANDBOX_SEED") {
            config.seed = Some(seed.parse().context("SANDBOX_SEED must be a number from 0 to 2^64-1")?);
        }
        let app = &mut config.douyin.app;
        if let Some(client_key) = read("SANDBOX_DOUYIN_CLIENT_KEY") {
            app.client_key = client_key;
        }
        if let Some(client_secret) = read("SANDBOX_DOUYIN_CLIENT_SECRET") {
            app.client_secret = client_secret;
        }
        for uri in read("SANDBOX_DOUYIN_REDIRECT_URIS").iter().flat_map(|uris| uris.split(',')).map(str::trim) {
            url::Url::parse(uri).with_context(|| format!("SANDBOX_DOUYIN_REDIRECT_URIS: {uri:?} is not an address"))?;
            app.redirect_uris.insert(uri.to_owned());
        }
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sandbox_config_is_overridden_by_the_environment_and_errors_name_the_variable() {
        let config = SandboxConfig::from_variables(|name| match name {
            "SANDBOX_SEED" => Some("7".to_owned()),
            "SANDBOX_DOUYIN_CLIENT_KEY" => Some("key".to_owned()),
            "SANDBOX_DOUYIN_REDIRECT_URIS" => Some("https://a.example/cb, http://127.0.0.1:9000/cb".to_owned()),
            _ => Some(String::new()),
        })
        .unwrap();
        assert_eq!((config.seed, config.douyin.app.client_key.as_str()), (Some(7), "key"));
        assert_eq!(config.douyin.app.redirect_uris.len(), 2);
        assert!(config.douyin.app.client_secret.starts_with("sandbox-secret-"), "made up when absent");
        for (name, value) in [("SANDBOX_SEED", "x"), ("SANDBOX_DOUYIN_REDIRECT_URIS", "no address")] {
            let error = SandboxConfig::from_variables(|asked| (asked == name).then(|| value.to_owned())).err().unwrap();
            assert!(error.to_string().contains(name), "{error}");
        }
    }
}
