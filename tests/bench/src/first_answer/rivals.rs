//! The same work in Node and Python, installed below `target/bench` with their SDKs in the versions named here.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use tokio::process::Command;

use crate::process::Program;

/// A program in another language.
pub(super) struct Rival {
    /// For the table: the language with its version.
    pub name: String,
    pub program: Program,
}

/// Node with the AWS SDK v3.
pub(super) async fn node() -> Result<Rival> {
    let directory = prepared("node", "package.json", async |directory| {
        run("npm", ["install", "--no-audit", "--no-fund", "--loglevel", "error"], directory).await.map(drop)
    })
    .await?;
    let version = run("node", ["--version"], &directory).await?;
    let path = run("node", ["--print", "process.execPath"], &directory).await?.into();
    let program = Program { path, arguments: vec![directory.join("main.js")] };
    Ok(Rival { name: format!("Node {}, AWS SDK v3", version.trim_start_matches('v')), program })
}

/// Python with boto3.
pub(super) async fn python() -> Result<Rival> {
    let directory = prepared("python", "requirements.txt", async |directory| {
        run("python3", ["-m", "venv", "venv"], directory).await?;
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", "requirements.txt"];
        run("venv/bin/python", pip, directory).await.map(drop)
    })
    .await?;
    let path = directory.join("venv/bin/python");
    let version = run(&path, ["-c", "import platform; print(platform.python_version())"], &directory).await?;
    let program = Program { path, arguments: vec![directory.join("main.py")] };
    Ok(Rival { name: format!("Python {version}, boto3"), program })
}

/// The directory of a language with its program and its packages. They are installed when the list of them changed.
async fn prepared(language: &str, list: &str, install: impl AsyncFnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let source = local::paths::workspace().join("tests/bench/rivals").join(language);
    let directory = local::paths::workspace().join("target/bench").join(language);
    let marker = directory.join("installed.txt");
    let wanted = fs::read(source.join(list))?;
    if fs::read(&marker).ok().as_ref() != Some(&wanted) {
        if directory.exists() {
            fs::remove_dir_all(&directory)?;
        }
        fs::create_dir_all(&directory)?;
        fs::write(directory.join(list), &wanted)?;
        install(&directory).await.with_context(|| format!("the packages for {language} cannot be installed"))?;
        fs::write(&marker, &wanted)?;
    }
    for entry in fs::read_dir(&source)? {
        let entry = entry?;
        fs::copy(entry.path(), directory.join(entry.file_name()))?;
    }
    Ok(directory)
}

/// What a program prints.
async fn run<const N: usize>(program: impl AsRef<OsStr>, arguments: [&str; N], directory: &Path) -> Result<String> {
    let name = program.as_ref().to_string_lossy().into_owned();
    let output = Command::new(program).args(arguments).current_dir(directory).output().await;
    let output = output.with_context(|| format!("{name} was not found"))?;
    ensure!(output.status.success(), "{name} failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
