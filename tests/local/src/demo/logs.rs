//! The last step of every play: nothing secret is in anybody's log.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result, bail, ensure};
use reqwest::Method;
use sandbox::Secrets;
use serde::Deserialize;

use super::scenario::Scenario;
use crate::dev;

#[derive(Deserialize)]
struct HandedOut {
    keys: BTreeSet<String>,
    codes: BTreeSet<String>,
    tokens: BTreeSet<String>,
    nicknames: BTreeSet<String>,
}

/// Searches every log file of the running stack for every secret of the platforms and of this play.
pub(super) async fn check(stage: &Scenario<'_>) -> Result<()> {
    stage.chapter("The logs");
    let HandedOut { mut keys, codes, mut tokens, nicknames } =
        serde_json::from_value(stage.sandbox(Method::GET, "secrets", None).await?)?;
    keys.insert(stage.record.jwt_secret.clone());
    keys.extend(stage.secrets());
    tokens.extend(stage.tokens());
    let counted = keys.len() + codes.len() + tokens.len() + nicknames.len();
    let secrets = Secrets { keys, codes, tokens, nicknames };
    let (mut files, mut lines) = (0_usize, 0_usize);
    for entry in fs::read_dir(dev::log_dir()).context("there are no logs in target/local/log")? {
        let path = entry?.path();
        let text = String::from_utf8_lossy(&fs::read(&path)?).into_owned();
        // Which one it is stays unsaid: this is a log, too.
        if let Some((kind, _)) = secrets.found_in(&text).first() {
            bail!("{} contains a {kind}", path.display());
        }
        files += 1;
        lines += text.lines().count();
    }
    ensure!(lines > 0, "the functions have not logged anything, so nothing was checked");
    stage.tell(&format!(
        "{lines} lines in {files} log files, functions at DEBUG: none of {counted} tokens, codes, secrets and nicknames"
    ));
    Ok(())
}
