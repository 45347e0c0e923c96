//! `target/local/stack.json`: what runs and where, for `cargo dev token`, `cargo dev demo` and any other tool.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::paths;

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// The HTTP API.
    pub api_url: String,
    /// Where the functions are invoked, as by Lambda's own API.
    pub functions_url: String,
    pub aws_url: String,
    pub region: String,
    pub access_key_id: String,
    pub secret_access_key: String,
    pub sandbox_url: String,
    /// The page with the API reference and the levers of the platforms.
    pub page_url: String,
    /// Signs user tokens (HS256).
    pub jwt_secret: String,
    pub stack_name: String,
    /// Names of the tables, by logical id.
    pub tables: BTreeMap<String, String>,
    /// Addresses of the queues, by logical id.
    pub queues: BTreeMap<String, String>,
    /// Outputs of the stack.
    pub outputs: BTreeMap<String, String>,
    /// Names of the functions, by binary.
    pub functions: BTreeMap<String, String>,
    /// The running `cargo dev`.
    pub process_id: u32,
}

impl Record {
    /// The stack that runs in this checkout, if one does and is ready.
    pub fn running() -> Result<Option<Self>> {
        let lock = lock_file()?;
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) => {
                // No record yet: it is still starting.
                let Ok(json) = fs::read(path()) else { return Ok(None) };
                Ok(Some(serde_json::from_slice(&json).context("target/local/stack.json is not readable")?))
            }
            // Whoever wrote a record is gone.
            Ok(()) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error).context("cannot lock target/local/run.lock"),
        }
    }
}

/// The right to run the stack of this checkout, given back when dropped, however the process ends.
#[derive(Debug)]
pub(crate) struct Turn {
    _lock: File,
}

impl Turn {
    /// Takes it, or says who has it.
    pub(crate) fn take() -> Result<Self> {
        let lock = lock_file()?;
        match lock.try_lock() {
            Ok(()) => {
                let turn = Self { _lock: lock };
                turn.withdraw();
                Ok(turn)
            }
            Err(TryLockError::WouldBlock) => {
                bail!(
                    "`cargo dev` is already running in this checkout: use that one, or stop it (Ctrl-C in its terminal) \
                     and start again."
                )
            }
            Err(TryLockError::Error(error)) => Err(error).context("cannot lock target/local/run.lock"),
        }
    }

    /// Announces that the stack is ready.
    pub(crate) fn announce(&self, record: &Record) -> Result<()> {
        paths::write(&path(), &serde_json::to_vec_pretty(record)?).context("cannot write target/local/stack.json")
    }

    /// Takes the announcement back: from now on nobody should begin to use the stack.
    pub(crate) fn withdraw(&self) {
        let _ = fs::remove_file(path());
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.withdraw();
    }
}

fn path() -> std::path::PathBuf {
    paths::local("stack.json")
}

fn lock_file() -> Result<File> {
    fs::create_dir_all(paths::local("")).context("cannot create target/local")?;
    File::create(paths::local("run.lock")).context("cannot create target/local/run.lock")
}
