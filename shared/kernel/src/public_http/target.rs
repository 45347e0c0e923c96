//! Which addresses may be asked at all. A literal IP address is judged here, because a connection to one asks no
//! resolver; names are judged when they are resolved.

use std::net::IpAddr;

use url::{Host, Origin, Url};

use super::address::is_public;

/// Bytes of an address. Signed addresses of object stores reach about 1,500; servers refuse from some 8,000 on.
pub const MAX_URL_LENGTH: usize = 2_048;

const HTTPS_PORT: u16 = 443;

/// What is wrong with an address. The text is for logs and never quotes the address, which may be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressProblem {
    /// Not an absolute address as a person or program would write it.
    #[error("not an absolute URL")]
    NotAUrl,
    /// A blank or a line break within the address.
    #[error("blank in the URL")]
    BlankInUrl,
    /// Longer than [`MAX_URL_LENGTH`].
    #[error("URL too long")]
    UrlTooLong,
    /// Another scheme, there or after a redirect.
    #[error("not https")]
    NotHttps,
    /// A user name or password in the address.
    #[error("credentials in the URL")]
    Credentials,
    /// Another port than that of https.
    #[error("forbidden port {0}")]
    ForbiddenPort(u16),
    /// The host is, or resolves to, something that is not public.
    #[error("address is not public")]
    NotPublic,
}

/// An address that may be asked.
#[derive(Debug)]
pub struct Target {
    /// The address itself.
    pub url: Url,
    /// Its origin is exempt from the rule of public addresses.
    pub trusted: bool,
}

/// The judge of addresses.
#[derive(Debug, Default)]
pub struct Judge {
    trusted: Vec<Origin>,
}

impl Judge {
    /// Exempts these origins from the rule of https and public addresses.
    #[must_use]
    pub const fn trusting(trusted: Vec<Origin>) -> Self {
        Self { trusted }
    }

    /// Judges an address as the user wrote it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn written(&self, text: &str) -> Result<Target, AddressProblem> {
        if text.len() > MAX_URL_LENGTH {
            return Err(AddressProblem::UrlTooLong);
        }
        if text.contains(char::is_whitespace) {
            return Err(AddressProblem::BlankInUrl);
        }
        // What a lenient parser repairs, another one reads differently, and the gateway reads this text for itself.
        if text.contains(|c: char| c.is_control() || c == '\\') || !text.contains("://") {
            return Err(AddressProblem::NotAUrl);
        }
        self.parsed(Url::parse(text).map_err(|_| AddressProblem::NotAUrl)?)
    }

    /// Judges an address that a redirect led to.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parsed(&self, url: Url) -> Result<Target, AddressProblem> {
        if !url.username().is_empty() || url.password().is_some() {
            return Err(AddressProblem::Credentials);
        }
        if self.trusted.contains(&url.origin()) {
            return Ok(Target { url, trusted: true });
        }
        if url.scheme() != "https" {
            return Err(AddressProblem::NotHttps);
        }
        match url.port_or_known_default() {
            Some(HTTPS_PORT) => {}
            port => return Err(AddressProblem::ForbiddenPort(port.unwrap_or_default())),
        }
        let acceptable = match url.host() {
            None => return Err(AddressProblem::NotAUrl),
            Some(Host::Ipv4(address)) => is_public(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => is_public(IpAddr::V6(address)),
            Some(Host::Domain(name)) => is_public_name(name),
        };
        if acceptable { Ok(Target { url, trusted: false }) } else { Err(AddressProblem::NotPublic) }
    }
}

/// Names without a dot are of the local network, and `localhost` is so by definition. Only a courtesy that spares the
/// look-up and tells the user early: what counts is what a name resolves to.
#[must_use]
pub fn is_public_name(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    name.contains('.') && !name.ends_with(".localhost")
}

/// An origin to trust, as it is configured.
///
/// # Errors
/// Says what is wrong with the text.
pub fn trusted_origin(text: &str) -> Result<Origin, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    let mut bare = url.clone();
    bare.set_path("/");
    bare.set_query(None);
    bare.set_fragment(None);
    // Nobody shall believe that a path, a user or a pattern could be trusted.
    let exact = bare == url && url.username().is_empty() && url.password().is_none() && !text.contains('*');
    if !exact || !matches!(url.scheme(), "http" | "https") {
        return Err("must be origins, scheme://host[:port]".to_owned());
    }
    Ok(url.origin())
}

#[cfg(test)]
mod tests;
