//! Which browser asked for an authorisation link. A link can be sent to somebody else; what the browser keeps cannot.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::crypto::{random, sha256_hex};

/// The random number a browser keeps in its cookie. It has no `Debug`: whoever knows it can pass for the browser.
#[derive(Clone)]
pub struct BrowserKey([u8; 32]);

impl BrowserKey {
    pub fn generate() -> Self {
        Self(random())
    }

    /// The one a cookie holds; `None` when it holds anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// As the cookie holds it.
    pub fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// As tables hold it: from this nobody can make the cookie.
    pub fn hash(&self) -> String {
        sha256_hex(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browser_key_is_read_from_exactly_what_was_written() {
        let key = BrowserKey::generate();
        let text = key.text();
        assert_eq!(text.len(), 43);
        assert_eq!(BrowserKey::parse(&text).unwrap().hash(), key.hash());
        for other in ["", "x", &text[1..], &format!("{text}="), &format!("{text}A"), &format!("{}+", &text[..42])] {
            assert!(BrowserKey::parse(other).is_none(), "{other}");
        }
    }
}
