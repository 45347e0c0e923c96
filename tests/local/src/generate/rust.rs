//! Rust as rustfmt writes it.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// The text as rustfmt writes it with the settings of the checkout.
pub(super) fn formatted(root: &Path, text: &str) -> Result<String> {
    let mut rustfmt = Command::new("rustfmt")
        .args(["--edition", "2024"])
        .current_dir(root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("rustfmt was not found")?;
    // It reads all before it writes anything, so neither side waits for the other.
    rustfmt.stdin.take().context("rustfmt takes no input")?.write_all(text.as_bytes())?;
    let output = rustfmt.wait_with_output()?;
    ensure!(output.status.success(), "rustfmt says: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).context("rustfmt answered something else than text")
}
