//! MiniStack: SQS, KMS, EventBridge Scheduler, Secrets Manager, S3 and CloudFormation, as a process of its own.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::{Options, REGION};
use crate::parent_watch::ParentWatch;
use crate::python::{self, Venv};
use crate::{paths, port};

/// What the template needs; the other services of MiniStack are not served.
const SERVICES: &str =
    "apigateway,cloudformation,dynamodb,iam,kms,lambda,logs,monitoring,s3,scheduler,secretsmanager,sqs,sts";

/// How long MiniStack may take to answer for the first time. It takes 0.3 s on an idle machine.
const START: Duration = Duration::from_secs(60);

/// A running MiniStack. It ends with this value, and with the process that holds it.
#[derive(Debug)]
pub(super) struct MiniStack {
    url: String,
    watch: ParentWatch,
}

impl MiniStack {
    /// Starts MiniStack on a free port of 127.0.0.1 and waits until it answers.
    pub(super) async fn start(options: &Options) -> Result<Self> {
        let venv = python::ensure().await?;
        // Between our looking for a free port and MiniStack's taking it, another program may be quicker.
        let mut last = None;
        for _ in 0..3 {
            match Self::start_on(port::free()?, &venv, options).await {
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
        let watch = ParentWatch::start("the emulated AWS", venv, &log, &command)?;
        let url = format!("http://127.0.0.1:{port}");
        let mut started = Self { url, watch };
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
            if let Some(status) = self.watch.ended() {
                bail!("it ended at once ({status})");
            }
            if http.get(&ready).send().await.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        bail!("no answer within {} s", START.as_secs())
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Whether it has ended by itself.
    pub(super) fn ended(&mut self) -> bool {
        self.watch.ended().is_some()
    }

    /// Stops it and waits until it has saved its state.
    pub(super) async fn stop(self) -> Result<()> {
        self.watch.stop().await
    }
}
