//! The browsable reference: Scalar, installed by npm below `target/page`. Without it the page has everything else.

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::process::Command;

use crate::console::Step;
use crate::dev::log_dir;
use crate::paths;

/// What is installed, and its pinned versions.
const FILES: [(&str, &str); 2] = [
    ("package.json", include_str!("../../page/package.json")),
    ("package-lock.json", include_str!("../../page/package-lock.json")),
];

/// The one file of the package that a browser loads; it has all it needs in it.
const SCRIPT: &str = "node_modules/@scalar/api-reference/dist/browser/standalone.js";

/// It takes some five seconds. Without a network npm would try for minutes, and nobody should wait for that.
const PATIENCE: Duration = Duration::from_secs(120);

/// Whether the reference can be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reference {
    Installed,
    /// There is no npm on this machine.
    NoNpm,
    /// npm could not install it.
    Failed,
}

impl Reference {
    /// What to do about it, for the terminal.
    pub(crate) const fn remedy(self) -> Option<&'static str> {
        match self {
            Self::Installed => None,
            Self::NoNpm => {
                Some("without the API reference, because npm was not found: install Node 20 and start again")
            }
            Self::Failed => Some(
                "without the API reference, because npm could not install it: target/local/log/page.log says why; start again",
            ),
        }
    }

    /// The same for the page.
    pub(super) const fn problem(self) -> Option<&'static str> {
        match self {
            Self::Installed => None,
            Self::NoNpm => Some("没有找到 npm，接口文档未安装。请安装 Node 20 后重新运行 cargo dev。"),
            Self::Failed => {
                Some("npm 未能安装接口文档，原因见 target/local/log/page.log。处理后请重新运行 cargo dev。")
            }
        }
    }
}

/// Where the script is.
pub(super) fn script() -> PathBuf {
    directory().join(SCRIPT)
}

fn directory() -> PathBuf {
    paths::workspace().join("target/page")
}

/// Installs it, unless these versions are there already. No failure of it keeps anything else from starting.
pub(crate) async fn install() -> Result<Reference> {
    let marker = directory().join("installed");
    let wanted: String = FILES.iter().map(|(_, text)| *text).collect();
    if fs::read_to_string(&marker).is_ok_and(|installed| installed == wanted) {
        return Ok(Reference::Installed);
    }
    let step = Step::start("installing the API reference into target/page (once)");
    for (name, text) in FILES {
        paths::write(&directory().join(name), text.as_bytes()).context("cannot write to target/page")?;
    }
    let log = File::create(log_dir().join("page.log")).context("cannot write target/local/log/page.log")?;
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1"]).current_dir(directory());
    npm.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).kill_on_drop(true);
    let reference = match tokio::time::timeout(PATIENCE, npm.status()).await {
        Ok(Ok(status)) if status.success() => Reference::Installed,
        Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => Reference::NoNpm,
        _ => Reference::Failed,
    };
    if reference == Reference::Installed {
        // Written last, so that a broken installation is not mistaken for a good one.
        paths::write(&marker, wanted.as_bytes()).context("cannot write to target/page")?;
        step.done("API reference installed in target/page");
    }
    Ok(reference)
}
