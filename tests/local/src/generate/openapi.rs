//! `docs/openapi.json`. It is made of the functions' own types, so another binary writes it, which this runs: `cargo dev
//! generate` itself has to work while a function is declared and not yet written.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::part::Part;

/// The document that the functions of the checkout in `root` have.
///
/// # Errors
/// When they do not compile, or when something in the document has no words; cargo and the binary say what.
pub(super) fn part(root: &Path) -> Result<Part> {
    // Selected as `cargo dev` and the tests select what they build, so that nothing is built twice.
    let output = Command::new("cargo")
        .args(["run", "--quiet", "--bin", "openapi"])
        .current_dir(root)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("cargo was not found")?;
    ensure!(
        output.status.success(),
        "docs/openapi.json stays as it is until that is mended; run `cargo dev generate` again then."
    );
    Ok(Part::file("docs/openapi.json", String::from_utf8(output.stdout).context("the document is no text")?))
}
