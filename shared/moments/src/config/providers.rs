//! The clients of the providers.

use std::time::Duration;

use kernel::config::{ConfigError, Env, Section, Setting, function_timeout};
use secrecy::SecretString;

use super::invalid;
use crate::accounts::WecomRoutes;
use crate::gateway::Gateway;
use crate::wecom::{EgressProxy, TrustedProxies};
use kernel::public_http::trusted_origin;

/// The longest wait for one answer where no medium is uploaded: connecting makes three calls, one after the other, within
/// the 30 seconds of API Gateway, and an online check that takes longer tells nothing more.
pub const ANSWERS_WITHIN: Duration = Duration::from_secs(8);
/// How many calls follow one another when a company is connected: token, members who may, names.
const CALLS_TO_CONNECT: u32 = 3;

/// Where the providers are.
pub static PROVIDERS: Section = Section {
    title: "WeCom and the gateway",
    settings: &[
        Setting::with_default("WECOM_BASE_URL", "https://qyapi.weixin.qq.com", "Root of WeCom's API."),
        Setting::optional(
            "EGRESS_PROXY_URL",
            "A proxy for calls to WeCom of companies that have given none of their own: scheme, host and port, without a \
             login. For installations of a single company. Nothing else goes through it, and HTTPS_PROXY is not read.",
        ),
        Setting::optional(
            "TRUSTED_PROXY_ORIGINS",
            "Origins that a company's proxy may have although it is no public address, comma separated. For development; \
             none in production.",
        ),
        Setting::with_default(
            "GATEWAY_BASE_URL",
            "https://www.geweapi.com",
            "Root of the gateway that drives personal accounts. The token and all posts go there, so plain HTTP is for \
             one that is in your own network.",
        ),
        Setting::optional(
            "GATEWAY_VIDEO_COVER_URL",
            "The image shown before videos of personal accounts, which the gateway wants as one of its own. Without it \
             they post no videos.",
        ),
    ],
};

/// The clients of all providers. Holding one that is not used opens nothing.
#[derive(Debug, Clone)]
pub struct Clients {
    pub wecom: WecomRoutes,
    /// The gateway, for whichever token.
    pub gateways: GatewayFactory,
}

impl Clients {
    /// For whoever connects accounts.
    ///
    /// # Errors
    /// Names the variable that is wrong, or that the calls could outlast the function.
    pub fn to_connect(env: &Env) -> Result<Self, ConfigError> {
        let (calls, function) = (ANSWERS_WITHIN * CALLS_TO_CONNECT, function_timeout(env)?);
        if calls >= function {
            return Err(ConfigError::Contradiction(format!(
                "FUNCTION_TIMEOUT_SECONDS ({} s) must be longer than {CALLS_TO_CONNECT} calls ({} s)",
                function.as_secs(),
                calls.as_secs()
            )));
        }
        Self::with_timeout(env, ANSWERS_WITHIN)
    }

    /// For calls of which each may take `timeout`.
    ///
    /// # Errors
    /// Names the variable that is wrong.
    pub fn with_timeout(env: &Env, timeout: Duration) -> Result<Self, ConfigError> {
        let at = |name: &str| PROVIDERS.of(env).url(name);
        Ok(Self {
            wecom: WecomRoutes::new(at("WECOM_BASE_URL")?, timeout, usual_proxy(env)?, trusted_proxies(env)?),
            gateways: GatewayFactory {
                unauthenticated: Gateway::new(at("GATEWAY_BASE_URL")?, SecretString::default(), timeout),
            },
        })
    }
}

/// The installation's own proxy. Without a login, because whoever may read the function's settings would read that too.
fn usual_proxy(env: &Env) -> Result<Option<EgressProxy>, ConfigError> {
    const NAME: &str = "EGRESS_PROXY_URL";
    let values = PROVIDERS.of(env);
    if values.optional(NAME)?.is_none() {
        return Ok(None);
    }
    let address = values.url(NAME)?;
    // As an origin is written: nothing but scheme, host and port.
    trusted_origin(address.as_str()).map_err(|_| invalid(NAME, "must be scheme://host:port"))?;
    Ok(Some(EgressProxy::of_operator(address)))
}

fn trusted_proxies(env: &Env) -> Result<TrustedProxies, ConfigError> {
    const NAME: &str = "TRUSTED_PROXY_ORIGINS";
    let texts = PROVIDERS.of(env).list(NAME)?;
    let origins = texts.iter().map(|text| trusted_origin(text).map_err(|problem| invalid(NAME, problem)));
    Ok(TrustedProxies::new(origins.collect::<Result<_, _>>()?))
}

/// Makes clients of the gateway: its token is each user's own, its connections are everybody's.
#[derive(Debug, Clone)]
pub struct GatewayFactory {
    unauthenticated: Gateway,
}

impl GatewayFactory {
    /// A client with this token.
    pub fn with(&self, token: SecretString) -> Gateway {
        self.unauthenticated.with_token(token)
    }
}

/// The cover of personal accounts' videos; without one they cannot post videos.
pub(super) fn video_cover(env: &Env) -> Result<Option<String>, ConfigError> {
    PROVIDERS.of(env).optional("GATEWAY_VIDEO_COVER_URL")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_are_reached_by_https_unless_another_root_is_set() {
        let root = |name: &str, env: &Env| PROVIDERS.of(env).url(name).unwrap().to_string();
        for name in ["WECOM_BASE_URL", "GATEWAY_BASE_URL"] {
            assert!(root(name, &Env::default()).starts_with("https://"), "{name}");
        }
        let own = [("GATEWAY_BASE_URL", "http://10.0.0.7:2531")].into_iter().collect();
        assert!(root("GATEWAY_BASE_URL", &own).starts_with("http://10.0.0.7:2531"));
    }

    #[test]
    fn provider_proxy_with_a_login_or_a_path_is_refused_by_name() {
        let clients = |name: &'static str, value: &str| {
            Clients::with_timeout(&[(name, value)].into_iter().collect(), ANSWERS_WITHIN)
        };
        assert!(clients("EGRESS_PROXY_URL", "http://10.0.0.7:3128").is_ok(), "an operator's may be in the network");
        for value in ["http://user:pass@10.0.0.7:3128", "http://10.0.0.7:3128/x", "socks5://10.0.0.7:1080", "10.0.0.7"]
        {
            let refused = clients("EGRESS_PROXY_URL", value).unwrap_err().to_string();
            assert!(refused.contains("EGRESS_PROXY_URL") && !refused.contains("pass"), "{refused}");
        }
        assert!(clients("TRUSTED_PROXY_ORIGINS", "http://127.0.0.1:9400").is_ok());
        assert!(clients("TRUSTED_PROXY_ORIGINS", "*").unwrap_err().to_string().contains("TRUSTED_PROXY_ORIGINS"));
    }

    #[test]
    fn provider_settings_that_could_outlast_the_function_are_refused() {
        let connect =
            |seconds: &str| Clients::to_connect(&[("FUNCTION_TIMEOUT_SECONDS", seconds)].into_iter().collect());
        assert!(connect("25").is_ok());
        assert!(connect("24").unwrap_err().to_string().contains("FUNCTION_TIMEOUT_SECONDS"));
    }
}
