//! One log line as a person likes to read it.

use serde_json::{Map, Value};

use crate::console;

/// What the watcher and MiniStack say all the time, and that means nothing.
const NOISE: [&str; 7] = [
    " INFO ",
    "    Finished",
    "     Running ",
    "   Compiling ",
    "waiting for file lock on",
    "command killed code=ForceStop",
    "cryptography package not installed",
];

/// Fields that are shown in a place of their own, or that a person has no use for.
const NOT_LISTED: [&str; 6] = ["level", "message", "spans", "target", "threadId", "timestamp"];

/// Colours of names, as ANSI codes; never red, which is for errors.
const COLOURS: [u8; 5] = [32, 33, 34, 35, 36];

/// The line as shown, or nothing when it is not worth showing.
pub(super) fn line(source: &str, text: &str, verbose: bool) -> Option<String> {
    let text = text.trim_end();
    let name = name(source);
    let Some(fields) = text.starts_with('{').then(|| serde_json::from_str::<Map<String, Value>>(text).ok()).flatten()
    else {
        let is_noise = text.is_empty() || NOISE.iter().any(|noise| text.contains(noise));
        return (verbose || !is_noise).then(|| format!("{name} {text}"));
    };
    // A number for CloudWatch, many a minute.
    if !verbose && fields.contains_key("_aws") {
        return None;
    }
    let text_of = |field: &str| fields.get(field).and_then(Value::as_str).unwrap_or_default();
    let level = text_of("level");
    if !verbose && matches!(level, "DEBUG" | "TRACE") {
        return None;
    }
    let time = text_of("timestamp").get(11..19).unwrap_or_default();
    let level = match level {
        "ERROR" => console::paint(31, "ERROR"),
        "WARN" => console::paint(33, "WARN "),
        other => format!("{other:5}"),
    };
    let listed = fields.iter().filter(|(field, _)| !NOT_LISTED.contains(&field.as_str()));
    let listed: String = listed.map(|(field, value)| format!(" {field}={}", plain(value))).collect();
    Some(format!("{name} {time} {level} {}{}", text_of("message"), console::paint(2, &listed)))
}

fn name(source: &str) -> String {
    let sum: usize = source.bytes().map(usize::from).sum();
    let colour = COLOURS.get(sum % COLOURS.len()).copied().unwrap_or(36);
    console::paint(colour, &format!("{source:24}"))
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_lines_become_one_line_with_their_fields() {
        let text = r#"{"timestamp":"2026-11-20T20:38:54.1Z","level":"INFO","message":"synced","task.id":7,"kind":"FULL","target":"leads"}"#;
        let shown = line("douyin-fan-sync-worker", text, false).unwrap();
        assert_eq!(shown, "douyin-fan-sync-worker   20:38:54 INFO  synced kind=FULL task.id=7");
    }

    #[test]
    fn debug_lines_and_noise_are_shown_on_demand_only() {
        for text in [
            r#"{"level":"DEBUG","message":"x"}"#,
            r#"{"_aws":{},"RowsSwept":0}"#,
            "    Finished `dev` profile [unoptimized]",
            "",
        ] {
            assert_eq!(line("watch", text, false), None, "{text}");
            assert!(line("watch", text, true).is_some(), "{text}");
        }
        assert!(line("watch", "error[E0308]: mismatched types", false).unwrap().contains("E0308"));
        assert!(line("watch", "{not json", false).unwrap().contains("{not json"));
    }
}
