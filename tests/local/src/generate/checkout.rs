//! The files of a checkout that hold generated parts, as they are, against what they should be.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display, Formatter};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result};

use super::bins;
use super::part::Part;

/// Their texts by path below the root.
#[derive(Debug, Clone)]
pub(super) struct Checkout {
    pub(super) files: BTreeMap<String, String>,
}

impl Checkout {
    /// Reads them, and whatever else is in the folder of the binaries: all of it is generated.
    pub(super) fn read(root: &Path, parts: &[Part]) -> Result<Self> {
        let mut paths: BTreeSet<String> = parts.iter().map(|part| part.path.clone()).collect();
        for entry in fs::read_dir(root.join(bins::FOLDER)).into_iter().flatten() {
            let name = entry?.file_name();
            paths.insert(format!("{}/{}", bins::FOLDER, name.to_string_lossy()));
        }
        let mut files = BTreeMap::new();
        for path in paths {
            match fs::read_to_string(root.join(&path)) {
                Ok(text) => _ = files.insert(path, text),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error).with_context(|| format!("cannot read {path}")),
            }
        }
        Ok(Self { files })
    }

    /// What is not as it should be.
    pub(super) fn differences(&self, parts: &[Part]) -> Result<Vec<Difference>> {
        let mut differences = Vec::new();
        for part in parts {
            let found = self.files.get(&part.path);
            let wanted = part.wanted(found.map(String::as_str))?;
            if found != Some(&wanted) {
                differences.push(Difference { path: part.path.clone(), found: found.cloned(), wanted: Some(wanted) });
            }
        }
        let known: BTreeSet<&String> = parts.iter().map(|part| &part.path).collect();
        let stray = self.files.iter().filter(|(path, _)| !known.contains(path));
        differences.extend(stray.map(|(path, text)| Difference {
            path: path.clone(),
            found: Some(text.clone()),
            wanted: None,
        }));
        Ok(differences)
    }
}

/// A file that is not as it should be.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) path: String,
    found: Option<String>,
    /// Nothing where no such file should be.
    pub(super) wanted: Option<String>,
}

impl Difference {
    pub(super) fn new(path: String, found: Option<String>, wanted: Option<String>) -> Self {
        Self { path, found, wanted }
    }
}

/// Names the file and the first line that differs.
impl Display for Difference {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let path = &self.path;
        let (found, wanted) = match (&self.found, &self.wanted) {
            (Some(found), Some(wanted)) => (found, wanted),
            (None, _) => return write!(out, "{path} is missing"),
            (_, None) => return write!(out, "{path} belongs to no function of template.yaml"),
        };
        let mut lines = 1..;
        let (mut found, mut wanted) = (found.split('\n'), wanted.split('\n'));
        loop {
            let (number, found, wanted) = (lines.next().unwrap_or_default(), found.next(), wanted.next());
            if found != wanted || found.is_none() {
                let (found, wanted) = (found.unwrap_or_default(), wanted.unwrap_or_default());
                return write!(out, "{path}:{number}\n  is         {found}\n  should be  {wanted}");
            }
        }
    }
}
