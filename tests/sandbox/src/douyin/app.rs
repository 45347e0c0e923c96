//! Client apps as the developer console knows them.

use std::collections::BTreeSet;

use url::Url;

/// The app-level permission to rotate refresh tokens; not a scope a user can grant.
pub const RENEW_REFRESH_TOKEN: &str = "renew_refresh_token";

#[derive(Clone)]
pub struct AppSpec {
    pub client_key: String,
    /// Signs webhooks and exchanges codes.
    pub client_secret: String,
    /// Callback addresses registered in the console, compared exactly up to `#`.
    pub redirect_uris: BTreeSet<String>,
    /// Scopes the platform granted the app, [`RENEW_REFRESH_TOKEN`] among them.
    pub scopes: BTreeSet<String>,
}

impl AppSpec {
    /// An app that may do everything this project needs, with credentials nobody could mistake for real ones.
    #[must_use]
    pub fn fake() -> Self {
        Self {
            client_key: format!("awsandbox{:08x}", rand::random::<u32>()),
            client_secret: format!("sandbox-secret-{:032x}", rand::random::<u128>()),
            redirect_uris: BTreeSet::new(),
            scopes: ["user_info", "fans.list", "fans.check", RENEW_REFRESH_TOKEN].map(str::to_owned).into(),
        }
    }
}

#[derive(Clone)]
pub(crate) struct App {
    pub(crate) spec: AppSpec,
    pub(crate) webhook: Option<Url>,
}

impl App {
    pub(crate) const fn new(spec: AppSpec) -> Self {
        Self { spec, webhook: None }
    }

    pub(crate) fn has(&self, scope: &str) -> bool {
        self.spec.scopes.contains(scope)
    }

    /// Whether a consent may return to this address: registered, https unless loopback, and without a query, because
    /// the platform does not support parameters of one's own there.
    pub(crate) fn accepts_redirect(&self, uri: &str) -> Option<Url> {
        let registered = |uri: &str| uri.split('#').next().unwrap_or_default().to_owned();
        let parsed = Url::parse(uri).ok()?;
        let secure = match parsed.scheme() {
            "https" => true,
            "http" => is_loopback(&parsed),
            _ => false,
        };
        let known = self.spec.redirect_uris.iter().any(|known| registered(known) == registered(uri));
        (secure && known && parsed.query().is_none()).then_some(parsed)
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn douyin_app_redirect_is_compared_without_its_fragment() {
        let uris = [
            "https://a.example/cb",
            "http://127.0.0.1:9000/cb",
            "http://b.example/cb",
            "https://a.example/with?query=1",
        ];
        let app = App::new(AppSpec { redirect_uris: uris.map(str::to_owned).into(), ..AppSpec::fake() });
        for good in ["https://a.example/cb", "https://a.example/cb#/page", "http://127.0.0.1:9000/cb"] {
            assert!(app.accepts_redirect(good).is_some(), "{good}");
        }
        for bad in [
            "https://a.example/cb/",
            "https://a.example/cb?x=1",
            "https://a.example/with?query=1",
            "http://a.example/cb",
            "http://b.example/cb",
            "http://127.0.0.1:9001/cb",
            "https://a.example.evil.example/cb",
            "//a.example/cb",
            "javascript:alert(1)",
            "",
        ] {
            assert!(app.accepts_redirect(bad).is_none(), "{bad}");
        }
    }
}
