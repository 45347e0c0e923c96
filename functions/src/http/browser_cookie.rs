//! The cookie by which a browser shows that it asked for an authorisation link.

use http::HeaderValue;
use kernel::Error;
use leads::browser::BrowserKey;
use url::Url;

use super::{ApiRequest, Problem};

/// As long as a user may take from one link to the way back, several times over: every link sets it anew.
const MAX_AGE_SECONDS: u32 = 3_600;

/// How the cookie is called and protected.
#[derive(Debug, Clone, Copy)]
pub struct BrowserCookie {
    secure: bool,
}

impl BrowserCookie {
    /// By the scheme under which browsers reach the API. Over https the name's prefix has the browser refuse the cookie
    /// to every other host, so that no page elsewhere can plant one. Over http, which only a development machine uses,
    /// browsers would drop such a cookie.
    pub fn new(public_address: &Url) -> Self {
        Self { secure: public_address.scheme() != "http" }
    }

    fn name(self) -> &'static str {
        if self.secure { "__Host-cunkebao_auth" } else { "cunkebao_auth" }
    }

    /// The browser's key. Other cookies, and values that are none of ours, are passed over; two different keys prove
    /// nothing, for one of them may have been planted.
    pub fn read(self, request: &ApiRequest) -> Option<BrowserKey> {
        let mut keys = request.cookies(self.name()).filter_map(BrowserKey::parse);
        let key = keys.next()?;
        keys.all(|other| other.hash() == key.hash()).then_some(key)
    }

    /// What sets it, to be sent along when a link to Douyin is issued. `Lax`, because the way back is a visit that
    /// begins at Douyin's page.
    ///
    /// # Errors
    /// Never in practice: the text is ASCII.
    pub fn set(self, key: &BrowserKey) -> Result<HeaderValue, Problem> {
        let secure = if self.secure { "; Secure" } else { "" };
        let text = format!(
            "{}={}; Path=/; Max-Age={MAX_AGE_SECONDS}; HttpOnly{secure}; SameSite=Lax",
            self.name(),
            key.text()
        );
        Ok(HeaderValue::from_str(&text).map_err(|_| Error::Internal("cookie is no header value"))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browser_cookie_over_https_is_secure_and_over_http_is_not() {
        let key = BrowserKey::generate();
        let set = |url: &str| {
            let cookie = BrowserCookie::new(&url.parse().unwrap()).set(&key);
            cookie.unwrap().to_str().unwrap().to_owned()
        };
        let text = key.text();
        assert_eq!(
            set("https://api.example.com/back"),
            format!("__Host-cunkebao_auth={text}; Path=/; Max-Age=3600; HttpOnly; Secure; SameSite=Lax")
        );
        assert_eq!(
            set("http://127.0.0.1:9000/back"),
            format!("cunkebao_auth={text}; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax")
        );
    }
}
