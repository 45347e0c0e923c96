//! `cargo dev`.

use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    match local::cli::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
