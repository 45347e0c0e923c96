//! What is made up once per checkout and stays: a token or a consent of yesterday still fits the stack of today.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;

use anyhow::{Context, Result, anyhow};
use serde::{Deserialize, Serialize};

use crate::paths;

/// The secrets of the local stack. Worth nothing elsewhere, and still not printed by accident.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Identity {
    pub(crate) jwt_secret: String,
    /// Secret part of the address the sandbox's gateway calls.
    pub(crate) gateway_webhook_secret: String,
    /// Our app at the sandbox's Douyin.
    pub(crate) douyin_client_key: String,
    pub(crate) douyin_client_secret: String,
}

impl Identity {
    /// The one of this checkout, made up at first use.
    pub(crate) fn load() -> Result<Self> {
        let path = paths::local("identity.json");
        // One that cannot be read is of an older version of this program.
        if let Some(identity) = fs::read(&path).ok().and_then(|json| serde_json::from_slice(&json).ok()) {
            return Ok(identity);
        }
        let identity = Self {
            jwt_secret: random()?,
            gateway_webhook_secret: random()?,
            douyin_client_key: format!("aw{}", random()?.get(..16).unwrap_or_default()),
            douyin_client_secret: random()?,
        };
        fs::create_dir_all(paths::local("")).context("cannot create target/local")?;
        let mut file = fs::OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&path)?;
        file.write_all(&serde_json::to_vec_pretty(&identity)?).context("cannot write target/local/identity.json")?;
        Ok(identity)
    }
}

fn random() -> Result<String> {
    let mut bytes = [0; 32];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| anyhow!("this machine has no source of random numbers"))?;
    Ok(hex::encode(bytes))
}
