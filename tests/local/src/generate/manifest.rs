//! The binaries in `functions/Cargo.toml`. With `test = false` the test build does not link an empty harness for each.

use super::declaration::Declaration;
use super::part::Part;

pub(super) fn part(declaration: &Declaration) -> Part {
    let bins = declaration.functions.iter().map(|function| {
        format!("[[bin]]\nname = \"{}\"\ntest = false\ndoctest = false\nbench = false\n", function.bin)
    });
    Part::region("functions/Cargo.toml", bins.collect::<Vec<_>>().join("\n"))
}
