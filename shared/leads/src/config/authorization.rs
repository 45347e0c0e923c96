//! How accounts are authorised.

use kernel::Context;
use kernel::config::{ConfigError, Env};
use kernel::crypto::Signer;
use url::Url;

use super::{AUTHORIZATION, lists_fans};

/// What a link to Douyin's consent page is made of.
#[derive(Debug, Clone)]
pub struct AuthorizationSettings {
    /// Where Douyin sends the user back to, to the letter.
    pub redirect_uri: String,
    /// What is asked of the user.
    pub scopes: Vec<String>,
    /// Where the user may be sent after that.
    pub origins: RedirectOrigins,
}

impl AuthorizationSettings {
    /// The settings in `env`.
    ///
    /// # Errors
    /// Names the variable that is missing or wrong.
    pub fn new(env: &Env) -> Result<Self, ConfigError> {
        let values = AUTHORIZATION.of(env);
        let mut scopes = values.list("DOUYIN_SCOPES")?;
        if !lists_fans(env)? {
            // Douyin's consent page refuses to ask for what the app itself has not got.
            scopes.retain(|scope| scope != "fans.list");
        }
        Ok(Self {
            redirect_uri: values.text(REDIRECT_URI)?,
            scopes,
            origins: RedirectOrigins::new(&values.list("REDIRECT_ORIGINS")?)?,
        })
    }
}

const REDIRECT_URI: &str = "DOUYIN_REDIRECT_URI";

/// Where Douyin sends the user back to, which is where browsers reach the API.
///
/// # Errors
/// When it is missing or no address.
pub fn redirect_uri(cx: &Context) -> Result<Url, ConfigError> {
    AUTHORIZATION.of(&cx.env).url(REDIRECT_URI)
}

/// What signs the states of authorisations.
///
/// # Errors
/// Names the variable that is missing.
pub(crate) fn state_signer(cx: &Context) -> Result<Signer, ConfigError> {
    Ok(Signer::new(cx.aws.kms.clone(), AUTHORIZATION.of(&cx.env).text("STATE_KEY_ID")?))
}

/// The pages a user may be sent back to.
#[derive(Debug, Clone)]
pub struct RedirectOrigins(Vec<url::Origin>);

impl RedirectOrigins {
    fn new(texts: &[String]) -> Result<Self, ConfigError> {
        let invalid = |problem: String| ConfigError::Invalid { name: "REDIRECT_ORIGINS".to_owned(), problem };
        let origins = texts.iter().map(|text| {
            let url = Url::parse(text).map_err(|error| invalid(format!("{text}: {error}")))?;
            let origin = url.origin();
            if origin.is_tuple() { Ok(origin) } else { Err(invalid(format!("{text} is not an origin"))) }
        });
        origins.collect::<Result<_, _>>().map(Self)
    }

    /// The URL as it will be used, when its origin is on the list. Parsed as a browser parses it, so `//evil`,
    /// user info, look-alike hosts and backslashes are judged by where they would really lead.
    pub fn allow(&self, text: &str) -> Option<Url> {
        let url = Url::parse(text).ok()?;
        let plain = url.username().is_empty() && url.password().is_none() && text.len() <= 2_048;
        (plain && matches!(url.scheme(), "https" | "http") && self.0.contains(&url.origin())).then_some(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACK: &str = "https://api.example.com/back";

    fn settings(origins: &str) -> Result<AuthorizationSettings, ConfigError> {
        let variables = [("DOUYIN_REDIRECT_URI", BACK), ("REDIRECT_ORIGINS", origins), ("DOUYIN_FANS_LIST", "1")];
        AuthorizationSettings::new(&variables.into_iter().collect())
    }

    #[test]
    fn redirect_origin_that_is_not_listed_is_refused() {
        let origins = settings("https://app.example.com, http://127.0.0.1:3000").unwrap().origins;
        for (url, allowed) in [
            ("https://app.example.com", true),
            ("https://app.example.com/leads?tab=1#x", true),
            ("https://APP.example.com:443/", true),
            ("http://127.0.0.1:3000/back", true),
            ("http://app.example.com/", false),
            ("https://app.example.com:8443/", false),
            ("//app.example.com/", false),
            ("//evil.com", false),
            ("/leads", false),
            ("https://app.example.com.evil.com/", false),
            ("https://evil-app.example.com/", false),
            ("https://sub.app.example.com/", false),
            ("https://app.example.com@evil.com/", false),
            ("https://evil.com@app.example.com/", false),
            ("https://user:pw@app.example.com/", false),
            ("https://evil.com\\@app.example.com/", false),
            ("https://аpp.example.com/", false),
            ("javascript:alert(1)//https://app.example.com", false),
            ("https://127.0.0.1:3000/", false),
            ("data:text/html,x", false),
            ("", false),
        ] {
            assert_eq!(origins.allow(url).is_some(), allowed, "{url}");
        }
    }

    #[test]
    fn redirect_origin_that_is_malformed_stops_the_function() {
        for text in ["app.example.com", "data:x", "https://"] {
            assert!(settings(text).unwrap_err().to_string().contains("REDIRECT_ORIGINS"), "{text}");
        }
    }

    #[test]
    fn scopes_are_those_the_sync_needs_unless_others_are_named() {
        let named = |has_capability: &'static str| {
            let scopes = ("DOUYIN_SCOPES", "user_info, fans.list ,data");
            let variables = [("DOUYIN_REDIRECT_URI", BACK), scopes, ("DOUYIN_FANS_LIST", has_capability)];
            AuthorizationSettings::new(&variables.into_iter().collect()).unwrap().scopes
        };
        assert_eq!(named("1"), ["user_info", "fans.list", "data"]);
        assert_eq!(named("0"), ["user_info", "data"]);
        assert_eq!(settings("").unwrap().scopes, ["user_info", "fans.list"]);
    }
}
