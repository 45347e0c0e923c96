//! Following the log files, all of them, in one stream of readable lines.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::{format, log_dir};
use crate::console;

/// How far every file has been read.
#[derive(Debug)]
pub(crate) struct Follower {
    read: BTreeMap<String, u64>,
    verbose: bool,
}

impl Follower {
    /// Follows from here on. Functions log at DEBUG; only with `verbose` are those lines shown too.
    pub(crate) fn new(verbose: bool) -> Self {
        let mut follower = Self { read: BTreeMap::new(), verbose };
        for (name, path) in files() {
            follower.read.insert(name, fs::metadata(path).map_or(0, |file| file.len()));
        }
        follower
    }

    /// Prints what was written since the last call.
    pub(crate) fn show(&mut self) {
        for (name, path) in files() {
            let position = self.read.entry(name.clone()).or_default();
            let text = complete_lines(&path, *position).unwrap_or_default();
            *position += text.len() as u64;
            for line in String::from_utf8_lossy(&text).lines() {
                if let Some(shown) = format::line(&name, line, self.verbose) {
                    console::line(&shown);
                }
            }
        }
    }
}

/// The log files with the names of who writes them.
fn files() -> Vec<(String, std::path::PathBuf)> {
    let entries = fs::read_dir(log_dir()).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.filter_map(|path| Some((path.file_stem()?.to_str()?.to_owned(), path))).collect()
}

fn complete_lines(path: &Path, from: u64) -> std::io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    if file.metadata()?.len() <= from {
        return Ok(Vec::new());
    }
    file.seek(SeekFrom::Start(from))?;
    let mut text = Vec::new();
    file.read_to_end(&mut text)?;
    // The rest of a line that is still being written is read the next time.
    text.truncate(text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1));
    Ok(text)
}
