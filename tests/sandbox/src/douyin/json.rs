//! Writes the platform's answers. By hand, because the same number must sometimes be a string, and because a page of
//! fans has to cost next to nothing: it is measured against.

use crate::seed::Seed;

use super::endpoint::Endpoint;
use super::settings::Numbers;

/// The inside of a JSON object under construction.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields(String);

impl Fields {
    fn key(&mut self, key: &str) {
        if !self.0.is_empty() {
            self.0.push(',');
        }
        self.0.push('"');
        self.0.push_str(key);
        self.0.push_str("\":");
    }

    pub(crate) fn text(&mut self, key: &str, value: &str) -> &mut Self {
        self.key(key);
        self.0.push_str(&quoted(value));
        self
    }

    pub(crate) fn number(&mut self, typing: &mut Typing, key: &str, value: i64) -> &mut Self {
        self.key(key);
        typing.write(&mut self.0, key, value);
        self
    }

    pub(crate) fn flag(&mut self, key: &str, value: bool) -> &mut Self {
        self.key(key);
        self.0.push_str(if value { "true" } else { "false" });
        self
    }

    /// A value that is JSON already.
    pub(crate) fn raw(&mut self, key: &str, json: &str) -> &mut Self {
        self.key(key);
        self.0.push_str(json);
        self
    }

    pub(crate) fn object(&mut self, key: &str, fields: &Self) -> &mut Self {
        self.key(key);
        self.0.push('{');
        self.0.push_str(&fields.0);
        self.0.push('}');
        self
    }

    pub(crate) fn inner(&self) -> &str {
        &self.0
    }

    pub(crate) fn finish(&self) -> String {
        format!("{{{}}}", self.0)
    }
}

/// Text as a JSON string.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Decides for each number of one answer whether it is a number or a string there.
#[derive(Clone, Debug)]
pub(crate) struct Typing {
    mode: Numbers,
    endpoint: Endpoint,
    draw: crate::seed::Stream,
}

impl Typing {
    /// `answer` counts the platform's answers: the choice differs from one to the next, and repeats with the seed.
    pub(crate) fn new(mode: Numbers, endpoint: Endpoint, seed: Seed, answer: u64) -> Self {
        Self { mode, endpoint, draw: seed.with_text("typing").with(answer).stream() }
    }

    pub(crate) fn write(&mut self, out: &mut String, key: &str, value: i64) {
        let as_text = match self.mode {
            Numbers::Documented => documented_as_text(self.endpoint, key) && self.draw.below(3) == 0,
            Numbers::Strict => false,
            Numbers::Lenient => true,
            Numbers::Mixed => self.draw.below(3) == 0,
        };
        let quote = if as_text { "\"" } else { "" };
        out.push_str(quote);
        out.push_str(&value.to_string());
        out.push_str(quote);
    }

    /// Whether this answer departs from the documented form in one of the ways the samples do.
    pub(crate) fn departs(&mut self) -> bool {
        self.mode == Numbers::Mixed && self.draw.below(4) == 0
    }
}

/// Whether an official sample shows this number as a string. For `client_token` none does.
fn documented_as_text(endpoint: Endpoint, key: &str) -> bool {
    let user_tokens = [Endpoint::AccessToken, Endpoint::RefreshToken, Endpoint::RenewRefreshToken].contains(&endpoint);
    match key {
        "error_code" | "expires_in" | "refresh_expires_in" => user_tokens,
        "now" | "follow_time" => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn written(mode: Numbers) -> Value {
        let mut typing = Typing::new(mode, Endpoint::FansList, Seed::new(1), 1);
        let mut fields = Fields::default();
        fields.text("name", "\"老\\王\"\u{301}").number(&mut typing, "n", -5).flag("ok", true).raw("list", "[1]");
        let mut outer = Fields::default();
        outer.object("data", &fields).text("x", "");
        serde_json::from_str(&outer.finish()).unwrap()
    }

    #[test]
    fn douyin_json_has_numbers_in_the_chosen_form() {
        let expected = json!({"data": {"name": "\"老\\王\"\u{301}", "n": -5, "ok": true, "list": [1]}, "x": ""});
        assert_eq!(written(Numbers::Strict), expected);
        assert_eq!(written(Numbers::Lenient).pointer("/data/n"), Some(&json!("-5")));
    }

    #[test]
    fn douyin_json_when_mixed_is_repeatable() {
        let draw = |answer| {
            let mut typing = Typing::new(Numbers::Mixed, Endpoint::FansList, Seed::new(3), answer);
            let mut out = String::new();
            (0..100).for_each(|_| typing.write(&mut out, "total", 7));
            out
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        assert!((10..60).contains(&draw(1).matches("\"7\"").count()));
    }

    #[test]
    fn douyin_json_numbers_are_strings_only_where_samples_show_both() {
        let strings = |endpoint, key: &str| {
            (0..100)
                .filter(|answer| {
                    let mut out = String::new();
                    Typing::new(Numbers::Documented, endpoint, Seed::new(3), *answer).write(&mut out, key, 7);
                    out == "\"7\""
                })
                .count()
        };
        for key in ["total", "cursor", "gender", "error_code", "err_no", "sub_error_code"] {
            assert_eq!(strings(Endpoint::FansList, key), 0, "{key}");
        }
        assert_eq!(strings(Endpoint::ClientToken, "error_code") + strings(Endpoint::ClientToken, "expires_in"), 0);
        for key in ["error_code", "expires_in", "refresh_expires_in"] {
            assert!((10..60).contains(&strings(Endpoint::RefreshToken, key)), "{key}");
        }
        assert!((10..60).contains(&strings(Endpoint::FansList, "now")));
    }
}
