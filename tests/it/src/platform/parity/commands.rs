//! Whoever copies a command out of the documents has to get what they say. So each stands in something that the checks run, or
//! in the list with the reason why it cannot be run there.

use std::collections::BTreeSet;

use super::project::read;

const DOCUMENTS: [&str; 2] = ["README.md", "docs/operations.md"];
/// Command, file that runs it, text of that file; or `not here`, and why.
const LIST: &str = include_str!("commands.txt");
/// What a command begins with.
const PROGRAMS: [&str; 11] = [
    "aws",
    "cargo",
    "cd",
    "curl",
    "env",
    "git",
    "install",
    "pip",
    "scripts/deploy",
    "scripts/replay-events",
    "scripts/verify",
];

/// The commands of a document: the lines of its blocks, and what is in backticks and has arguments. Blocks with a language are
/// something else, or scripts that are run as a whole.
fn commands(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut add = |command: &str| {
        let program = command.split_whitespace().next().unwrap_or_default();
        let command: Vec<&str> = command.split_whitespace().collect();
        if PROGRAMS.contains(&program) && command.len() > 1 {
            found.insert(command.join(" "));
        }
    };
    let mut prose = String::new();
    for (index, part) in text.split("\n```").enumerate() {
        // What follows a fence begins with the block's language.
        let (language, rest) = part.split_once('\n').unwrap_or((part, ""));
        if index % 2 == 0 {
            prose.push_str(if index == 0 { part } else { rest });
            prose.push('\n');
        } else if language.is_empty() {
            rest.replace("\\\n", " ").lines().for_each(|line| add(line.split("  #").next().unwrap_or_default()));
        }
    }
    prose.split('`').skip(1).step_by(2).for_each(add);
    found
}

#[test]
fn command_of_the_documents_is_run_by_the_checks_or_cannot_be() {
    let list: Vec<[&str; 3]> = LIST
        .lines()
        .map(|line| line.splitn(3, " | ").collect::<Vec<_>>().try_into().unwrap_or_else(|_| panic!("{line}")))
        .collect();
    let mut used = BTreeSet::new();
    for document in DOCUMENTS {
        for command in commands(&read(document)) {
            // The longest that it begins with.
            let entry =
                list.iter().filter(|[known, ..]| command.starts_with(known)).max_by_key(|[known, ..]| known.len());
            let Some([known, ..]) = entry else { panic!("{document}: `{command}` is not in commands.txt") };
            used.insert(*known);
        }
    }
    let known: BTreeSet<&str> = list.iter().map(|[command, ..]| *command).collect();
    assert_eq!(used, known, "commands of the documents (left), commands.txt (right)");
    // What stands in blocks of bash.
    assert!(read(".ci/no-watch").contains(".ci/readme") && read(".ci/readme").contains("```bash"));
    for [command, place, text] in list.iter().filter(|[_, place, _]| *place != "not here") {
        assert!(read(place).contains(text), "{place} does not run `{command}`: it has no {text}");
    }
}

#[test]
fn block_of_commands_is_read_line_by_line_without_comments() {
    let text = "Run `cargo x  --y`, not `cargo`.\n\n```\ncargo dev a    # b\ncd x && \\\n  env y\n```\n\n```bash\ncurl z\n```\n";
    assert_eq!(commands(text), ["cargo dev a", "cargo x --y", "cd x && env y"].map(str::to_owned).into());
}
