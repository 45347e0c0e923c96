//! The table of what is watched, in docs/operations.md: that every name in it exists, and that it has every alarm.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::project::{Template, read, root};
use crate::platform::alarms::alarms;

/// A row: numbers, alarms, sections, tests.
type Row = [BTreeSet<String>; 4];

/// What is between two signs in a cell.
fn between(cell: &str, (open, close): (&str, &str)) -> BTreeSet<String> {
    cell.split(open).skip(1).filter_map(|rest| Some(rest.split_once(close)?.0.to_owned())).collect()
}

fn quoted(cell: &str) -> BTreeSet<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn rows() -> Vec<Row> {
    let operations = read("docs/operations.md");
    let section = operations.split_once("\n## What is watched\n").unwrap().1.split_once("\n## ").unwrap().0;
    let rows = section.lines().filter(|line| line.starts_with("| ")).skip(1).map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").collect();
        let [_, numbers, alarms, sections, tests] = cells[..] else { panic!("{line}") };
        let row = [quoted(numbers), quoted(alarms), between(sections, ("(#", ")")), quoted(tests)];
        assert!(row.iter().all(|names| !names.is_empty()), "{line}");
        row
    });
    rows.collect()
}

/// The names of all functions of the tests below a folder.
fn functions(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            functions(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            names.extend(between(&text, ("fn ", "(")));
        }
    }
}

#[test]
fn table_of_what_is_watched_names_what_there_is_and_has_every_alarm() {
    let template = Template::read();
    let declared = alarms(&template).unwrap();
    let numbers: BTreeMap<&str, BTreeSet<String>> = declared
        .iter()
        .map(|alarm| (alarm.name.as_str(), alarm.sources().map(|source| source.name.clone()).collect()))
        .collect();
    let runbooks: BTreeMap<&str, &str> = template
        .of_type("AWS::CloudWatch::Alarm")
        .map(|(name, alarm)| (name, alarm["AlarmDescription"].as_str().unwrap().rsplit_once('#').unwrap().1))
        .collect();
    let mut tests = BTreeSet::new();
    functions(&root().join("tests/it/src"), &mut tests);
    let mut tabled = BTreeSet::new();
    for [watched, alarms, sections, played] in rows() {
        let of_alarms: BTreeSet<String> = alarms.iter().flat_map(|alarm| numbers[alarm.as_str()].clone()).collect();
        assert_eq!(watched, of_alarms, "numbers of {alarms:?}");
        let of_alarms: BTreeSet<String> = alarms.iter().map(|alarm| runbooks[alarm.as_str()].to_owned()).collect();
        assert_eq!(sections, of_alarms, "sections of {alarms:?}");
        assert!(played.is_subset(&tests), "no test is called {:?}", played.difference(&tests).collect::<Vec<_>>());
        for alarm in alarms {
            assert!(tabled.insert(alarm.clone()), "{alarm} is in two rows");
        }
    }
    assert_eq!(
        tabled,
        numbers.into_keys().map(str::to_owned).collect(),
        "in the table (left), in the template (right)"
    );
}
