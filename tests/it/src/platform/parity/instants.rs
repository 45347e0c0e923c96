//! Instants are `Timestamp`s. In a number nobody sees whether it counts seconds or milliseconds, so numbers are where rows
//! and platforms have them, and nowhere else.

use std::fs;
use std::path::Path;

use super::modules::sources;
use super::project::root;

/// How names of instants end, or the whole name.
const ENDINGS: [&str; 6] = ["_at", "_time", "_until", "_since", "_due", "_end"];
const NAMES: [&str; 7] = ["at", "due", "instant", "now", "since", "time", "until"];

/// What is read from platforms and written to them, in their own units; and the model of publishing, which counts in its
/// own.
const IN_NUMBERS: [&str; 5] = [
    "leads/src/douyin/",
    "moments/src/gateway/",
    "moments/src/wecom/",
    "moments/src/publish/channel/gateway/read_back",
    "moments/src/publish/machine/model/",
];

fn is_instant(name: &str) -> bool {
    NAMES.contains(&name) || ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// The names of instants that a line declares as a number.
fn numbers(line: &str) -> Vec<&str> {
    let types = [": i64", ": u64", ": Option<i64>", ": Option<u64>"];
    let places = types.iter().flat_map(|of| line.match_indices(of).map(|(place, _)| place));
    let names = places.map(|place| {
        let before = &line[..place];
        let start = before.rfind(|one: char| !one.is_ascii_alphanumeric() && one != '_').map_or(0, |at| at + 1);
        &before[start..]
    });
    names.filter(|name| is_instant(name)).collect()
}

fn text_of(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    // Tests may count as they like.
    text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned()
}

#[test]
fn instants_are_numbers_only_in_rows_and_on_wires() {
    assert_eq!(numbers("    pub fn end(now: i64, created_at: Option<u64>) -> i64 {"), ["now", "created_at"]);
    assert!(numbers("    pub cursor: i64, pages: u64, pub expires_at: Timestamp,").is_empty());
    let mut found = Vec::new();
    for name in ["functions", "shared/kernel", "shared/leads", "shared/moments", "shared/webhooks"] {
        let mut files = Vec::new();
        sources(&root().join(name).join("src"), &mut files);
        for file in files {
            let shown = file.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
            let is_test = shown.ends_with("/tests.rs") || shown.contains("/tests/");
            if is_test || IN_NUMBERS.iter().any(|part| shown.contains(part)) {
                continue;
            }
            let text = text_of(&file);
            found.extend(text.lines().flat_map(numbers).map(|name| format!("{shown}: {name}")));
        }
    }
    assert!(found.is_empty(), "instants in bare integers: {found:#?}");
}
