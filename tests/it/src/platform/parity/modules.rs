//! Every source file is in the module tree of its crate. One that is not is never compiled: its tests neither run nor fail.

use std::fs;
use std::path::{Path, PathBuf};

use super::project::root;

const CRATES: [&str; 9] = [
    "functions",
    "shared/kernel",
    "shared/leads",
    "shared/moments",
    "shared/webhooks",
    "tests/bench",
    "tests/it",
    "tests/local",
    "tests/sandbox",
];

pub(super) fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The files that may declare the module in `file`.
fn parents(file: &Path) -> Vec<PathBuf> {
    let module = if file.ends_with("mod.rs") { file.parent().unwrap() } else { file };
    let folder = module.parent().unwrap();
    let mut parents = vec![folder.with_extension("rs"), folder.join("mod.rs")];
    parents.extend(["lib.rs", "main.rs"].map(|name| folder.join(name)));
    parents
}

#[test]
fn source_file_is_declared_by_a_module_of_its_crate() {
    let mut undeclared = Vec::new();
    for name in CRATES {
        let source = root().join(name).join("src");
        let mut files = Vec::new();
        sources(&source, &mut files);
        assert!(files.len() > 3, "{name} has sources");
        let is_entry = |file: &Path| {
            file.parent() == Some(&source.join("bin"))
                || (file.parent() == Some(&source) && (file.ends_with("lib.rs") || file.ends_with("main.rs")))
        };
        for file in files.iter().filter(|file| !is_entry(file)) {
            let module = if file.ends_with("mod.rs") { file.parent().unwrap() } else { file };
            let stem = module.file_stem().unwrap().to_str().unwrap();
            let contains = |path: &PathBuf, line: &str| fs::read_to_string(path).is_ok_and(|text| text.contains(line));
            let is_named = parents(file).iter().any(|parent| contains(parent, &format!("mod {stem};")));
            let mut beside = fs::read_dir(file.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
            if !is_named && !beside.any(|path| contains(&path, &format!("#[path = \"{stem}.rs\"]"))) {
                undeclared.push(file.strip_prefix(root()).unwrap().to_owned());
            }
        }
    }
    assert!(undeclared.is_empty(), "no module declares {undeclared:?}");
}
