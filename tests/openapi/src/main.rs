//! Prints the OpenAPI document of the checkout that this was built in, for `cargo dev generate`.

use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let written = openapi::document(&openapi::workspace())
        .and_then(|document| Ok(std::io::stdout().write_all(document.as_bytes())?));
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            _ = writeln!(std::io::stderr(), "{problem:#}");
            ExitCode::FAILURE
        }
    }
}
