//! A company's own proxy, as it is given by its user. WeCom takes calls of a company's own app only from addresses that
//! the company lists, and refuses to have a provider's address listed.
//!
//! Whoever gives a proxy decides where we connect to, so the rules are those of users' media: a public address, and the
//! address that was judged is the address that is connected to.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use kernel::platform_http::ForwardProxy;
use kernel::public_http::{PublicOnly, is_public, is_public_name, system};
use secrecy::{ExposeSecret, SecretString};
use url::{Host, Origin, Url};

/// Bytes of a proxy's address: several times those there are, and little enough to be encrypted by KMS in one call.
pub const MAX_PROXY_LENGTH: usize = 512;

/// Below them are the ports of mail, remote shells and other services that are no proxies.
const FIRST_FREE_PORT: u16 = 1_024;
const WEB_PORTS: [u16; 2] = [80, 443];

const FORM: &str = "代理地址的格式应为 http(s)://[用户名:密码@]主机:端口，请检查";
const PORT: &str = "代理端口须为 80、443 或 1024 以上，请检查";
const NOT_PUBLIC: &str = "代理须可从公网访问，不能使用内网、本机或保留地址，请更换";

/// A proxy that a company's calls to WeCom may go through.
#[derive(Clone, PartialEq, Eq)]
pub struct EgressProxy {
    address: Url,
    is_trusted: bool,
}

impl fmt::Debug for EgressProxy {
    // The address may hold a password, and says whose server it is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EgressProxy").field("is_trusted", &self.is_trusted).finish_non_exhaustive()
    }
}

/// Origins that proxies may have although they are not public: the sandbox's, locally.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(Vec<Origin>);

impl TrustedProxies {
    /// These origins.
    pub const fn new(origins: Vec<Origin>) -> Self {
        Self(origins)
    }

    /// The proxy of this address.
    ///
    /// # Errors
    /// What is wrong with it, in Chinese.
    pub fn judge(&self, text: &SecretString) -> Result<EgressProxy, &'static str> {
        let text = text.expose_secret();
        // What a lenient parser repairs may have been meant otherwise.
        let is_plain = |c: char| c.is_ascii_graphic() && c != '\\';
        if text.len() > MAX_PROXY_LENGTH || !text.chars().all(is_plain) || !text.contains("://") {
            return Err(FORM);
        }
        let address = Url::parse(text).map_err(|_| FORM)?;
        let has_more = address.path() != "/" || address.query().is_some() || address.fragment().is_some();
        let has_half_a_login = address.username().is_empty() && address.password().is_some();
        if !matches!(address.scheme(), "http" | "https") || has_more || has_half_a_login {
            return Err(FORM);
        }
        if self.0.contains(&address.origin()) {
            return Ok(EgressProxy { address, is_trusted: true });
        }
        let port = address.port_or_known_default().ok_or(FORM)?;
        if port < FIRST_FREE_PORT && !WEB_PORTS.contains(&port) {
            return Err(PORT);
        }
        let is_acceptable = match address.host().ok_or(FORM)? {
            Host::Ipv4(ip) => is_public(IpAddr::V4(ip)),
            Host::Ipv6(ip) => is_public(IpAddr::V6(ip)),
            // Only a courtesy: what counts is what the name resolves to at each connection.
            Host::Domain(name) => is_public_name(name),
        };
        if is_acceptable { Ok(EgressProxy { address, is_trusted: false }) } else { Err(NOT_PUBLIC) }
    }
}

impl EgressProxy {
    /// The installation's own, which its operator has chosen and may have inside the network.
    pub const fn of_operator(address: Url) -> Self {
        Self { address, is_trusted: true }
    }

    /// Its whole address. Only for the vault.
    pub fn address(&self) -> SecretString {
        SecretString::from(self.address.as_str())
    }

    /// What carries calls through it.
    pub(crate) fn forward(&self) -> ForwardProxy {
        let resolver = (!self.is_trusted).then(|| Arc::new(PublicOnly::new(system())) as _);
        ForwardProxy::new(self.address.clone(), resolver)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::public_http::trusted_origin;

    fn judge(text: &str) -> Result<EgressProxy, &'static str> {
        TrustedProxies::default().judge(&SecretString::from(text))
    }

    #[test]
    fn proxy_with_a_public_address_is_taken_with_or_without_a_login() {
        for text in [
            "http://proxy.example.com:3128",
            "https://user:p%40ss@proxy.example.com:8443",
            "http://user@8.8.8.8:80/",
            "http://[2606:4700::1]:1080",
            "https://proxy.example.com",
        ] {
            let proxy = judge(text).unwrap();
            assert!(!proxy.is_trusted, "{text}");
            assert_eq!(judge(proxy.address().expose_secret()), Ok(proxy.clone()), "{text} as it is stored");
            let shown = format!("{proxy:?}");
            assert!(!shown.contains("example") && !shown.contains("p%40ss") && !shown.contains("8.8"), "{shown}");
        }
    }

    #[test]
    fn proxy_that_reaches_into_a_network_is_refused() {
        for text in [
            "http://127.0.0.1:3128",
            "http://localhost:3128",
            "http://proxy:3128",
            "http://10.0.0.1:3128",
            "http://169.254.169.254:80",
            "http://0x7f000001:3128",
            "http://[::1]:3128",
            "http://[::ffff:10.0.0.1]:3128",
        ] {
            assert_eq!(judge(text), Err(NOT_PUBLIC), "{text}");
        }
    }

    #[test]
    fn proxy_of_another_form_is_refused() {
        for text in [
            "",
            "proxy.example.com:3128",
            "socks5://proxy.example.com:1080",
            "ftp://proxy.example.com:2121",
            "http://proxy.example.com:3128/path",
            "http://proxy.example.com:3128?x=1",
            "http://proxy.example.com:3128#x",
            "http://:password@proxy.example.com:3128",
            "http://proxy.example.com:3128 ",
            "http://proxy.example.com:31\n28",
            "http:\\\\proxy.example.com:3128",
            "http://代理.example.com:3128",
            "http://proxy.example.com:99999",
            &format!("http://{}.example.com:3128", "x".repeat(600)),
        ] {
            assert_eq!(judge(text), Err(FORM), "{text}");
        }
        for port in [22, 25, 443, 1_023] {
            let judged = judge(&format!("http://proxy.example.com:{port}"));
            assert_eq!(judged.err(), (port != 443).then_some(PORT), "{port}");
        }
    }

    #[test]
    fn proxy_of_a_trusted_origin_may_be_on_this_machine() {
        let trusted = TrustedProxies::new(vec![trusted_origin("http://127.0.0.1:9400").unwrap()]);
        let judge = |text: &str| trusted.judge(&SecretString::from(text));
        assert!(judge("http://user:pass@127.0.0.1:9400").unwrap().is_trusted);
        assert_eq!(judge("http://127.0.0.1:9401"), Err(NOT_PUBLIC));
        assert_eq!(judge("https://127.0.0.1:9400"), Err(NOT_PUBLIC));
    }
}
