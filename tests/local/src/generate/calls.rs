//! The names by which `tests/it` calls the functions behind the API.

use super::declaration::Declaration;
use super::part::Part;

pub(super) fn part(declaration: &Declaration) -> Part {
    let arms =
        declaration.routes().map(|(function, _)| format!("        {:?} => {},\n", function.bin, function.module()));
    Part::region("tests/it/src/call.rs", arms.collect())
}
