//! The page on which a frontend developer tries the API: its reference, the levers of the sandbox platforms, and what those saw.
//!
//! It has an origin of its own, as a frontend has, which is one of the configured frontends: what it asks of the API passes the
//! CORS settings of template.yaml. Of the sandbox it asks through its own server, which also signs tokens, so that the secret
//! does not reach the browser.

mod forward;
mod guard;
mod reference;
mod serve;
#[cfg(test)]
mod tests;

pub(crate) use reference::{Reference, install};
pub(crate) use serve::{Page, Sources};

use crate::stack::Parameters;

/// The template's parameter of the frontends' origins.
const ORIGINS: &str = "FrontendOrigins";

/// The addresses under which a browser on this machine shows the page.
pub(crate) fn origins(port: u16) -> [String; 2] {
    ["127.0.0.1", "localhost"].map(|host| format!("http://{host}:{port}"))
}

/// Makes the page one of the frontends, beside those that are set. Where none is wanted, there is none.
pub(crate) fn allow(parameters: &mut Parameters, port: u16) {
    if let Some(allowed) = parameters.get_mut(ORIGINS).filter(|allowed| !allowed.is_empty()) {
        for origin in origins(port) {
            allowed.push(',');
            allowed.push_str(&origin);
        }
    }
}
