//! Processes that end with us, whatever our end: see `python/leash.py`. A destructor alone would not do, because
//! nothing runs after SIGKILL, nor for a `static` that the tests of one binary share.

use std::fs::{File, OpenOptions};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::paths;
use crate::python::Venv;

/// How long a process may take to end by itself, in seconds. MiniStack saves its state in this time.
const GRACE: &str = "10";

/// A running process that ends when this value, or the program that holds it, is gone.
#[derive(Debug)]
pub(crate) struct Leash {
    name: &'static str,
    child: Child,
    /// The end that the process watches.
    hold: Option<ChildStdin>,
}

impl Leash {
    /// Starts `program`, both outputs appended to `log`.
    pub(crate) fn start(name: &'static str, venv: &Venv, log: &Path, program: &Command) -> Result<Self> {
        let log = append(log)?;
        let mut command = Command::new(venv.python());
        command.arg("-I").arg(paths::script("leash.py")).arg(GRACE).arg(program.get_program()).args(program.get_args());
        for (key, value) in program.get_envs() {
            match value {
                Some(value) => command.env(key, value),
                None => command.env_remove(key),
            };
        }
        if let Some(dir) = program.get_current_dir() {
            command.current_dir(dir);
        }
        // A group of its own: Ctrl-C in the terminal reaches us alone, and we stop things in their order.
        let mut child = command
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        let hold = child.stdin.take();
        Ok(Self { name, child, hold })
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Lets go and waits for the end, which the leash guarantees.
    pub(crate) async fn stop(mut self) -> Result<()> {
        drop(self.hold.take());
        while self.child.try_wait().with_context(|| format!("{} was lost", self.name))?.is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }
}

impl Drop for Leash {
    /// Waits too: whoever starts the same thing next finds its port free.
    fn drop(&mut self) {
        drop(self.hold.take());
        let _ = self.child.wait();
    }
}

/// Opens a log file to write at its end.
pub(crate) fn append(path: &Path) -> Result<File> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
    }
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .with_context(|| format!("cannot write to {}", path.display()))
}
