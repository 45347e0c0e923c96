//! Which function a request is for.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use percent_encoding::percent_decode_str;

/// One route of the API.
#[derive(Debug, Clone)]
pub(super) struct Route {
    pub(super) method: String,
    /// With its parameters in braces.
    pub(super) path: String,
    pub(super) bin: String,
}

impl Route {
    pub(super) fn new(method: &str, path: &str, bin: &str) -> Result<Self> {
        let is_plain = method != "X-AMAZON-APIGATEWAY-ANY-METHOD" && !path.contains('$') && !path.contains("+}");
        ensure!(
            is_plain,
            "{method} {path}: routes for every method or for whatever is below a path are not served here"
        );
        Ok(Self { method: method.to_owned(), path: path.to_owned(), bin: bin.to_owned() })
    }

    /// As an event and the access log name it.
    pub(super) fn key(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// The path parameters of a request, decoded, if it is for this route.
    fn parameters(&self, method: &str, path: &str) -> Option<BTreeMap<String, String>> {
        if self.method != method || self.path.split('/').count() != path.split('/').count() {
            return None;
        }
        let mut parameters = BTreeMap::new();
        for (wanted, given) in self.path.split('/').zip(path.split('/')) {
            match wanted.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
                Some(_) if given.is_empty() => return None,
                Some(name) => _ = parameters.insert(name.to_owned(), decoded(given)),
                None if wanted == decoded(given) => {}
                None => return None,
            }
        }
        Some(parameters)
    }

    fn parameter_count(&self) -> usize {
        self.path.matches('{').count()
    }
}

/// Percent-decoded. What is not UTF-8 then becomes the replacement character: an event is JSON.
pub(super) fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// All routes, those with the fewest parameters first: API Gateway prefers a full match.
#[derive(Debug, Clone)]
pub(super) struct Routes(Vec<Route>);

impl Routes {
    pub(super) fn new(mut routes: Vec<Route>) -> Self {
        routes.sort_by_key(Route::parameter_count);
        Self(routes)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Route> {
        self.0.iter()
    }

    /// The route of a request, with its place in the list and the decoded path parameters.
    pub(super) fn find(&self, method: &str, path: &str) -> Option<(usize, &Route, BTreeMap<String, String>)> {
        let mut routes = self.0.iter().enumerate();
        routes.find_map(|(place, route)| Some((place, route, route.parameters(method, path)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn route_is_found_by_method_and_whole_segments_and_a_fixed_one_is_preferred() {
        let routes =
            [("GET", "/leads/{leadId}", "lead"), ("GET", "/leads/export", "export"), ("POST", "/leads", "new")];
        let routes = Routes::new(routes.map(|(method, path, bin)| Route::new(method, path, bin).unwrap()).into());
        let found = |method: &str, path: &str| {
            let (_, route, parameters) = routes.find(method, path)?;
            Some((route.bin.clone(), parameters.into_values().collect::<Vec<_>>()))
        };
        let bin = |bin: &str, parameters: &[&str]| {
            Some((bin.to_owned(), parameters.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>()))
        };
        assert_eq!(found("GET", "/leads/export"), bin("export", &[]));
        assert_eq!(found("GET", "/leads/7"), bin("lead", &["7"]));
        assert_eq!(found("GET", "/leads/a%2Fb%20c"), bin("lead", &["a/b c"]));
        assert_eq!(found("GET", "/l%65ads/7"), bin("lead", &["7"]));
        for (method, path) in
            [("GET", "/leads"), ("POST", "/leads/"), ("GET", "/leads/"), ("GET", "/leads/7/x"), ("HEAD", "/leads/7")]
        {
            assert_eq!(found(method, path), None, "{method} {path}");
        }
        for path in ["/{proxy+}", "$default"] {
            assert!(Route::new("GET", path, "all").is_err(), "{path}");
        }
    }
}
