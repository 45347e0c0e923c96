//! Where things are. Everything `cargo dev` writes is below `target/local`: git and the watcher that reloads the
//! functions ignore it, and `cargo clean` removes it.

use std::path::{Path, PathBuf};
use std::{fs, io};

/// Root of the checkout this program was built from.
#[must_use]
pub fn workspace() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.ancestors().nth(2).unwrap_or(package).to_path_buf()
}

/// A file or directory below `target/local`.
#[must_use]
pub fn local(name: &str) -> PathBuf {
    workspace().join("target/local").join(name)
}

/// A file of this package's `python` directory.
pub(crate) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("python").join(name)
}

/// Writes a file whole or not at all: other processes read these files at any moment.
pub(crate) fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{}", std::process::id()));
    fs::write(&draft, content)?;
    fs::rename(&draft, path)
}
