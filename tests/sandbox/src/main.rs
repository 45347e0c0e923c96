//! Runs a sandbox on its own until Ctrl-C or a termination signal. Its one line of output is its address.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use sandbox::{Sandbox, SandboxConfig};
use tokio::signal::unix::{SignalKind, signal};

/// The outside world on loopback: simulated platforms for development and tests.
///
/// Environment: SANDBOX_SEED, SANDBOX_DOUYIN_CLIENT_KEY, SANDBOX_DOUYIN_CLIENT_SECRET, SANDBOX_DOUYIN_REDIRECT_URIS
/// (comma list).
#[derive(Parser)]
struct Options {
    /// Port on 127.0.0.1; 0 takes any free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            // One sentence with its cause, whatever RUST_BACKTRACE says; if stderr is gone, nobody reads it anyway.
            let _unread = writeln!(std::io::stderr(), "sandbox: {problem:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> anyhow::Result<()> {
    let options = Options::parse();
    let mut terminated = signal(SignalKind::terminate()).context("cannot listen for the termination signal")?;
    let sandbox = Sandbox::start(SandboxConfig { port: options.port, ..SandboxConfig::from_env()? }).await?;
    writeln!(std::io::stdout(), "{}", sandbox.url()).context("cannot write the address")?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted.context("cannot listen for Ctrl-C")?,
        _ = terminated.recv() => {}
    }
    sandbox.shutdown().await;
    Ok(())
}
