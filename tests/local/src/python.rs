//! The private Python environment with the emulated AWS, the SAM translator and `cargo lambda`.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::console::Step;
use crate::paths;

const REQUIREMENTS: &str = include_str!("../python/requirements.txt");

/// Oldest Python that both MiniStack and the SAM translator accept.
const OLDEST: (u32, u32) = (3, 10);

#[derive(Debug, Clone)]
pub struct Venv {
    dir: PathBuf,
}

impl Venv {
    /// A program of the environment.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        self.dir.join("bin").join(name)
    }

    #[must_use]
    pub fn python(&self) -> PathBuf {
        self.program("python")
    }

    /// The file that says the environment is complete, and of which packages.
    fn marker(&self) -> PathBuf {
        self.dir.join("installed.txt")
    }

    fn is_current(&self) -> bool {
        // `exists` follows the link to the system's Python, which an upgrade of that system may have broken.
        self.python().exists() && fs::read_to_string(self.marker()).is_ok_and(|installed| installed == REQUIREMENTS)
    }
}

/// The environment, installed first if it is not there or not of the pinned versions. Processes that ask at the same
/// time wait for one of them to do it.
pub async fn ensure() -> Result<Venv> {
    tokio::task::spawn_blocking(ensure_blocking).await.context("installing the Python environment was interrupted")?
}

fn ensure_blocking() -> Result<Venv> {
    let venv = Venv { dir: paths::local("venv") };
    if venv.is_current() {
        return Ok(venv);
    }
    let lock = paths::local("venv.lock");
    fs::create_dir_all(paths::local("")).with_context(|| format!("cannot write to {}", paths::local("").display()))?;
    let lock = File::create(lock).context("cannot create the lock of the Python environment")?;
    lock.lock().context("cannot lock the Python environment")?;
    if !venv.is_current() {
        install(&venv)?;
    }
    Ok(venv)
}

fn install(venv: &Venv) -> Result<()> {
    let step = Step::start("installing the emulated AWS and cargo-lambda into target/local/venv (once)");
    let system = system_python()?;
    step.detail("creating the environment");
    // Whatever an interrupted installation left is of no use.
    if venv.dir.exists() {
        fs::remove_dir_all(&venv.dir).context("cannot remove the incomplete target/local/venv")?;
    }
    let created = Command::new(&system).args(["-m", "venv"]).arg(&venv.dir).stdin(Stdio::null()).output();
    ensure!(
        created.is_ok_and(|output| output.status.success()),
        "{system} cannot create virtual environments: install its venv module (Debian and Ubuntu: apt install \
         python3-venv) and start again."
    );
    pip_install(venv, &step)?;
    paths::write(&venv.marker(), REQUIREMENTS.as_bytes()).context("cannot mark the Python environment as complete")?;
    step.done("Python environment installed in target/local/venv");
    Ok(())
}

/// The interpreter to start from: `$PYTHON`, else `python3`.
fn system_python() -> Result<String> {
    let python = std::env::var("PYTHON").ok().filter(|name| !name.is_empty()).unwrap_or_else(|| "python3".to_owned());
    let remedy = format!(
        "cargo dev runs the emulated AWS in a private Python environment: install Python {}.{} or newer with its venv \
         module (Debian and Ubuntu: apt install python3 python3-venv, macOS: brew install python), or name one by \
         PYTHON=/path/to/python3, and start again.",
        OLDEST.0, OLDEST.1
    );
    let program = "import sys; print(*sys.version_info[:2])";
    let output = Command::new(&python).args(["-c", program]).stdin(Stdio::null()).output();
    let Ok(output) = output else { bail!("{python} was not found. {remedy}") };
    let version = String::from_utf8_lossy(&output.stdout);
    let numbers: Vec<u32> = version.split_whitespace().filter_map(|number| number.parse().ok()).collect();
    let &[major, minor] = numbers.as_slice() else { bail!("{python} does not start. {remedy}") };
    ensure!((major, minor) >= OLDEST, "{python} is Python {major}.{minor}, which is too old. {remedy}");
    Ok(python)
}

fn pip_install(venv: &Venv, step: &Step) -> Result<()> {
    let log_path = paths::local("pip.log");
    let mut log = File::create(&log_path).context("cannot write target/local/pip.log")?;
    let mut pip = Command::new(venv.python())
        .args(["-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--progress-bar", "off", "-r"])
        .arg(paths::script("requirements.txt"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log.try_clone()?)
        .spawn()
        .context("cannot start pip")?;
    if let Some(output) = pip.stdout.take() {
        for said in BufReader::new(output).lines().map_while(Result::ok) {
            writeln!(log, "{said}")?;
            // "Collecting ministack==1.5.33 (from -r …)": the rest of the line is of no interest.
            let shown = said.split(" (from").next().unwrap_or_default().trim();
            if ["Collecting", "Downloading", "Installing"].iter().any(|verb| shown.starts_with(verb)) {
                step.detail(shown);
            }
        }
    }
    if pip.wait().context("pip was lost")?.success() {
        return Ok(());
    }
    let reason = last_error(&log_path).unwrap_or_else(|| "pip gave no reason".to_owned());
    bail!(
        "The Python packages could not be installed: {reason}. Check the network (another package index can be named \
         by PIP_INDEX_URL) and start again; all that pip said is in target/local/pip.log."
    )
}

/// The last line by which pip says what went wrong.
fn last_error(log: &Path) -> Option<String> {
    let mut text = String::new();
    File::open(log).ok()?.read_to_string(&mut text).ok()?;
    let error = text.lines().rev().find_map(|line| line.strip_prefix("ERROR: "))?;
    Some(error.trim_end_matches('.').to_owned())
}
