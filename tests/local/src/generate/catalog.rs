//! `functions/src/catalog.rs`: the routes as constants, for the handlers and the tests.

use super::BANNER;
use super::declaration::{Access, Declaration};
use super::part::Part;

/// What does not depend on the template.
const TYPES: &str = r#"
/// A route whose callers show a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    pub name: &'static str,
    /// The HTTP method.
    pub method: &'static str,
    /// The path, with parameters in braces.
    pub path: &'static str,
    /// What the token has to grant.
    pub permission: &'static str,
}

/// A route that takes no token: a platform calls it, or a browser on its way back from one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenRoute {
    pub name: &'static str,
    /// The HTTP method.
    pub method: &'static str,
    /// The path, with parameters in braces.
    pub path: &'static str,
    /// What stands in place of a token.
    pub protected_by: &'static str,
}
"#;

pub(super) fn part(declaration: &Declaration) -> Part {
    let mut text = format!("//! {BANNER}\n//!\n//! The functions behind the API.\n{TYPES}");
    let (mut routes, mut open) = (Vec::new(), Vec::new());
    for (function, route) in declaration.routes() {
        let constant = function.module().to_uppercase();
        let (kind, field, access) = match &route.access {
            Access::Permission(permission) => ("Route", "permission", permission),
            Access::ProtectedBy(words) => ("OpenRoute", "protected_by", words),
        };
        text += &format!(
            "\n/// {}\npub const {constant}: {kind} = {kind} {{ name: {:?}, method: {:?}, path: {:?}, {field}: {access:?} }};\n",
            function.title(),
            function.bin,
            route.method,
            route.path,
        );
        if kind == "Route" { routes.push(constant) } else { open.push(constant) }
    }
    text += &format!(
        "\n/// Every route whose callers show a token.\npub const ROUTES: &[Route] = &[{}];\n",
        routes.join(", ")
    );
    text += &format!(
        "\n/// Every route that takes no token.\npub const OPEN_ROUTES: &[OpenRoute] = &[{}];\n",
        open.join(", ")
    );
    Part::file("functions/src/catalog.rs", text)
}
