//! The emulated AWS: MiniStack on loopback.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_cloudformation::config::{Credentials, SharedCredentialsProvider};

use crate::leash::Leash;
use crate::python::{self, Venv};
use crate::{paths, port};

/// The region everything is deployed to.
pub const REGION: &str = "us-east-1";

/// Access key id of the account `cargo dev` uses. MiniStack puts every key that is not 12 digits there too, so a plain
/// `aws --endpoint-url …` with any credentials sees the same tables.
pub const ACCOUNT: &str = "000000000000";

/// MiniStack accepts any.
pub const SECRET_ACCESS_KEY: &str = "local";

/// What the template needs; the other services of MiniStack are not served.
const SERVICES: &str =
    "apigateway,cloudformation,dynamodb,iam,kms,lambda,logs,monitoring,s3,scheduler,secretsmanager,sqs,sts";

/// How long MiniStack may take to answer for the first time. It takes 0.3 s on an idle machine.
const START: Duration = Duration::from_secs(60);

/// How to run MiniStack.
#[derive(Debug, Default, Clone)]
pub struct Options {
    /// Where tables, queues, keys and secrets are saved when it stops, and read when it starts. Nothing is kept without.
    pub state: Option<PathBuf>,
    /// Functions that are served elsewhere: name and address for the invocations made by queues and schedules.
    pub functions: Vec<(String, String)>,
    /// Where its output is added; to `target/local/ministack/ministack.log` without.
    pub log: Option<PathBuf>,
}

/// A running MiniStack. It ends with this value, and with the process that holds it.
#[derive(Debug)]
pub struct MiniStack {
    url: String,
    leash: Leash,
    accounts: AtomicU64,
}

impl MiniStack {
    /// Starts MiniStack on 127.0.0.1 and waits until it answers. Port 0 chooses a free one.
    pub async fn start(port: u16, options: Options) -> Result<Self> {
        let venv = python::ensure().await?;
        if port != 0 {
            return Self::start_on(port, &venv, &options).await;
        }
        // Between our looking for a free port and MiniStack's taking it, another program may be quicker.
        let mut last = None;
        for _ in 0..3 {
            match Self::start_on(port::free()?, &venv, &options).await {
                Ok(started) => return Ok(started),
                Err(error) => last = Some(error),
            }
        }
        Err(last.context("MiniStack was never started")?)
    }

    async fn start_on(port: u16, venv: &Venv, options: &Options) -> Result<Self> {
        let dir = paths::local("ministack");
        fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
        let log = options.log.clone().unwrap_or_else(|| dir.join("ministack.log"));
        let mut command = Command::new(venv.python());
        command
            .args(["-I", "-m", "ministack"])
            .current_dir(&dir)
            .env("BIND_HOST", "127.0.0.1")
            // The host in queue URLs.
            .env("MINISTACK_HOST", "127.0.0.1")
            .env("GATEWAY_PORT", port.to_string())
            .env("MINISTACK_REGION", REGION)
            .env("SERVICES", SERVICES)
            .env("IOT_MTLS_ENABLED", "0")
            .env("SFTP_ENABLED", "0")
            .env("LOG_LEVEL", "WARNING")
            // Its process id files and stored objects.
            .env("TMPDIR", &dir)
            .env("S3_DATA_DIR", dir.join("s3"))
            .env_remove("AUTH");
        for (function, url) in &options.functions {
            command.env(format!("MINISTACK_LAMBDA_PROXY_{function}"), url);
        }
        match &options.state {
            Some(state) => command.env("PERSIST_STATE", "1").env("STATE_DIR", state),
            None => command.env_remove("PERSIST_STATE"),
        };
        let leash = Leash::start("the emulated AWS", venv, &log, &command)?;
        let url = format!("http://127.0.0.1:{port}");
        let mut started = Self { url, leash, accounts: AtomicU64::new(100_000_000_000) };
        started.wait_until_ready().await.with_context(|| {
            format!("The emulated AWS did not start on port {port}; its last words are in {}", log.display())
        })?;
        Ok(started)
    }

    async fn wait_until_ready(&mut self) -> Result<()> {
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(2)).build()?;
        let ready = format!("{}/_ministack/ready", self.url);
        let deadline = Instant::now() + START;
        while Instant::now() < deadline {
            if let Some(status) = self.leash.ended() {
                bail!("it ended at once ({status})");
            }
            if http.get(&ready).send().await.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        bail!("no answer within {} s", START.as_secs())
    }

    /// Its address, for `AWS_ENDPOINT_URL`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Access key id of an account nobody else uses: in MiniStack each 12-digit key id is an account of its own.
    #[must_use]
    pub fn new_account(&self) -> String {
        self.accounts.fetch_add(1, Ordering::Relaxed).to_string()
    }

    /// SDK configuration for an account.
    #[must_use]
    pub fn config(&self, access_key_id: &str) -> SdkConfig {
        config(&self.url, access_key_id)
    }

    /// Whether it has ended by itself.
    pub(crate) fn ended(&mut self) -> bool {
        self.leash.ended().is_some()
    }

    /// Stops it and waits until it has saved its state.
    pub async fn stop(self) -> Result<()> {
        self.leash.stop().await
    }
}

/// SDK configuration for an account of the emulated AWS at `url`. Plain HTTP only, so no certificates are loaded.
#[must_use]
pub fn config(url: &str, access_key_id: &str) -> SdkConfig {
    let credentials = Credentials::new(access_key_id, SECRET_ACCESS_KEY, None, None, "local");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new(REGION))
        .endpoint_url(url)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build()
}
