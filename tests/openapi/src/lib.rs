//! The OpenAPI document of the API: written from the functions' types, and held against what is asked and answered.
#![expect(clippy::indexing_slicing, reason = "JSON answers null for what it lacks")]

mod check;
mod schema;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use functions::openapi::Samples;
use serde_json::Value;

pub use check::Api;

/// The document in the checkout.
pub const DOCUMENT: &str = "docs/openapi.json";

/// Answers to the sample events, one file for each function, which `tests/it` records.
pub const ANSWERS: &str = "tests/openapi/answers";

/// The checkout that this was built in.
#[must_use]
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// The document as the types say it, with the checkout's samples as its examples.
///
/// # Errors
/// Names a sample that is no JSON, and what has no words.
pub fn document(root: &Path) -> Result<String> {
    let samples = Samples { events: folder(&root.join("events"))?, answers: folder(&root.join(ANSWERS))? };
    functions::openapi::document(&samples).map_err(|problem| anyhow!(problem))
}

/// The JSON files of a folder by name.
fn folder(folder: &Path) -> Result<BTreeMap<String, Value>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).with_context(|| format!("no folder {}", folder.display()))? {
        let path = entry?.path();
        let name = path.file_stem().and_then(|stem| stem.to_str()).context("a file without a name")?.to_owned();
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        files.insert(name, serde_json::from_str(&text).with_context(|| format!("{} is no JSON", path.display()))?);
    }
    Ok(files)
}

#[cfg(test)]
mod tests;
