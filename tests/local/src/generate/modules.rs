//! `functions/src/routes/mod.rs` and `functions/src/workers/mod.rs`: one module for each handler, of its function's name.

use super::BANNER;
use super::declaration::{Declaration, Function};
use super::part::Part;

pub(super) fn parts(declaration: &Declaration) -> [Part; 2] {
    [
        part("routes", "The functions behind the API", declaration.routes().map(|(function, _)| function)),
        part("workers", "The functions that nobody waits for", declaration.workers()),
    ]
}

fn part<'a>(folder: &str, what: &str, functions: impl Iterator<Item = &'a Function>) -> Part {
    let modules: String = functions.map(|function| format!("pub mod {};\n", function.module())).collect();
    let text = format!(
        "//! {BANNER}
//!
//! {what}, one per file. Each has an `App` with what its events share, and a `handle`.

{modules}"
    );
    Part::file(format!("functions/src/{folder}/mod.rs"), text)
}
