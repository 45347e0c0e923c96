//! The command line: `cargo dev`, `cargo dev token`, `cargo dev demo`, `cargo dev generate`, `cargo dev check-leads`.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, Parser, Subcommand};
use jiff::SignedDuration;
use kernel::aws::Aws;
use kernel::config::Env;
use tokio::signal::unix::{SignalKind, signal};

use crate::console::{line, paint};
use crate::dev::{self, Follower, Running, Serving};
use crate::iam::Enforcer;
use crate::identity::Identity;
use crate::lead_check::{LeadTables, Repaired};
use crate::record::Record;
use crate::tenant_deletion::delete_tenant;
use crate::{demo, generate, paths, token, welcome};

/// How often the logs are looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(150);

/// The whole system on this machine: emulated AWS, simulated platforms, and the functions, reloaded as you edit them.
#[derive(Debug, Parser)]
#[command(name = "cargo dev", bin_name = "cargo dev", args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(flatten)]
    start: Start,
    /// Leave the functions to another shell: print the line that serves them, on standard output, and do the rest.
    #[arg(long)]
    no_watch: bool,
    /// Show what the functions log at DEBUG too; the files in target/local/log always have it.
    #[arg(long, short)]
    verbose: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print a user token (JWT).
    Token(Token),
    /// Play the stories against the running stack, or one started for it, and check every step.
    Demo(Demo),
    /// Write everything that is made from template.yaml: binaries, watch router, catalog of routes, documents.
    Generate {
        /// Write nothing; name what differs, and fail if anything does.
        #[arg(long)]
        check: bool,
    },
    /// Check that the tables of leads of a deployed stack agree with each other. Region and credentials are those of the
    /// environment (AWS_REGION, AWS_ACCESS_KEY_ID, …).
    CheckLeads(CheckLeads),
    /// Delete everything that a user of a deployed stack has of Douyin, whose accounts are disconnected: leads, notes, histories,
    /// syncs, and the hashes of erased people. Region and credentials are those of the environment.
    DeleteTenant(DeleteTenant),
    /// Become a function (for `cargo lambda watch`).
    #[command(hide = true)]
    Exec {
        binary: PathBuf,
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

#[derive(Debug, Args)]
struct Start {
    /// Port of the API.
    #[arg(long, default_value_t = 9000)]
    port: u16,
    /// Port at which the functions are invoked, behind the API.
    #[arg(long, default_value_t = 9001)]
    functions_port: u16,
    /// Port of the emulated AWS.
    #[arg(long, default_value_t = 4566)]
    aws_port: u16,
    /// Port of the simulated platforms.
    #[arg(long, default_value_t = 9100)]
    sandbox_port: u16,
    /// Port of the page with the API reference and the levers of the platforms.
    #[arg(long, default_value_t = 9200)]
    page_port: u16,
    /// Set a parameter of the template, or a variable of every function that has it; may be repeated. They are listed in
    /// docs/configuration.md.
    #[arg(long, value_name = "KEY=VALUE", value_parser = override_of)]
    set: Vec<(String, String)>,
    /// Keep tables, queues, keys and secrets for the next start with --keep. They are saved when this one stops. The
    /// simulated platforms forget: Douyin accounts have to be authorised again.
    #[arg(long)]
    keep: bool,
}

#[derive(Debug, Args)]
struct Demo {
    #[command(flatten)]
    start: Start,
    /// On functions that are deployed as zips with `bootstrap`, and that the emulated AWS runs as Lambda does. Between the stories
    /// the stack is updated to other code, and by an update that fails.
    #[arg(long)]
    deployed: bool,
}

#[derive(Debug, Args)]
struct CheckLeads {
    /// Name of the stack.
    #[arg(long)]
    stack: String,
    /// Only the leads of this user id.
    #[arg(long)]
    tenant: Option<u64>,
    /// Write anew what does not agree with the leads' rows.
    #[arg(long)]
    repair: bool,
}

#[derive(Debug, Args)]
struct DeleteTenant {
    /// Name of the stack.
    #[arg(long)]
    stack: String,
    /// User id.
    #[arg(long)]
    tenant: u64,
}

#[derive(Debug, Args)]
struct Token {
    /// User id.
    #[arg(long)]
    user: u64,
    /// Permissions, separated by commas; `lead:douyin:*` is all of Douyin, `workbench:wechat:*` all of WeChat.
    #[arg(long, value_delimiter = ',', default_value = "*")]
    permissions: Vec<String>,
    /// How long it is valid: 24h, 30m, 90s. Negative for one that has expired.
    #[arg(long, default_value = "24h", allow_hyphen_values = true)]
    expires_in: SignedDuration,
}

fn override_of(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

impl From<Start> for dev::Options {
    fn from(start: Start) -> Self {
        Self {
            port: start.port,
            functions_port: start.functions_port,
            aws_port: start.aws_port,
            sandbox_port: start.sandbox_port,
            page_port: start.page_port,
            overrides: start.set,
            keep: start.keep,
            serving: Serving::Reloading,
        }
    }
}

/// Runs the command line of this process.
pub fn run() -> Result<()> {
    let cli = Cli::parse();
    match cli.command {
        Some(Command::Exec { binary, arguments }) => dev::exec::run(&binary, &arguments),
        Some(Command::Token(asked)) => print_token(&asked),
        Some(Command::Generate { check: true }) => generate::check(&paths::workspace()),
        Some(Command::Generate { check: false }) => generate::write(&paths::workspace()),
        Some(Command::CheckLeads(asked)) => until_signal(check_leads(asked)),
        Some(Command::DeleteTenant(asked)) => until_signal(forget_tenant(asked)),
        Some(Command::Demo(asked)) => until_signal(demo(asked)),
        None => {
            let mut options = dev::Options::from(cli.start);
            if cli.no_watch {
                options.serving = Serving::Elsewhere;
            }
            until_signal(develop(options, cli.verbose))
        }
    }
}

async fn check_leads(asked: CheckLeads) -> Result<()> {
    let client = Aws::from_env(&Env::from_process())?.dynamodb;
    let prefix = format!("{}-", asked.stack);
    let read = async || -> Result<LeadTables> {
        let tables = LeadTables::read(&client, &prefix).await?;
        Ok(match asked.tenant {
            Some(tenant) => tables.of(tenant),
            None => tables,
        })
    };
    let mut tables = read().await?;
    if asked.repair {
        let Repaired { done, moved, damaged } = tables.repair(&client).await?;
        done.iter().for_each(|what| line(&format!("written anew: {what}")));
        moved.iter().for_each(|what| line(&format!("has changed meanwhile, left to the next run: {what}")));
        damaged.iter().for_each(|what| line(&format!("cannot be repaired, so its tenant is left alone: {what}")));
        tables = read().await?;
    }
    tables.check()?;
    line("the tables of leads agree");
    Ok(())
}

async fn forget_tenant(asked: DeleteTenant) -> Result<()> {
    let client = Aws::from_env(&Env::from_process())?.dynamodb;
    for (table, rows) in delete_tenant(&client, &format!("{}-", asked.stack), asked.tenant).await? {
        line(&format!("{rows} rows deleted from {table}"));
    }
    Ok(())
}

fn print_token(asked: &Token) -> Result<()> {
    let secret = match Record::running()? {
        Some(record) => record.jwt_secret,
        None => Identity::load()?.jwt_secret,
    };
    let token = token::issue(&secret, asked.user, &asked.permissions, asked.expires_in)?;
    writeln!(std::io::stdout(), "{token}").context("cannot print")
}

/// Runs a command to its end.
fn until_signal(command: impl Future<Output = Result<()>>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let outcome = runtime.block_on(command);
    // An installation that was interrupted need not be waited for.
    runtime.shutdown_background();
    outcome
}

/// Resolves when somebody wants us to end.
async fn told_to_stop() -> Result<()> {
    let mut terminated = signal(SignalKind::terminate())?;
    let mut hung_up = signal(SignalKind::hangup())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted.context("cannot listen for Ctrl-C"),
        _ = terminated.recv() => Ok(()),
        _ = hung_up.recv() => Ok(()),
    }
}

/// Starts everything, unless told to stop meanwhile.
async fn start(options: &dev::Options) -> Result<Option<Running>> {
    tokio::select! {
        running = Running::start(options) => running.map(Some),
        told = told_to_stop() => told.map(|()| None),
    }
}

async fn develop(options: dev::Options, verbose: bool) -> Result<()> {
    line(&paint(1, "Starting the local stack"));
    let Some(mut running) = start(&options).await? else { return Ok(()) };
    let is_served = options.serving != Serving::Elsewhere;
    welcome::print(&running.record, options.keep, is_served, running.reference)?;
    if !is_served {
        writeln!(std::io::stdout(), "{}", running.watch_line).context("cannot print")?;
    }
    let mut follower = Follower::new(verbose);
    let outcome = tokio::select! {
        told = told_to_stop() => told,
        lost = async {
            loop {
                follower.show();
                if let Err(lost) = running.check() {
                    break Err(lost);
                }
                tokio::time::sleep(POLL_INTERVAL).await;
            }
        } => lost,
    };
    follower.show();
    // Told a second time, whoever asks is in a hurry. What is still running then is stopped with us.
    tokio::select! {
        stopped = running.stop() => outcome.and(stopped),
        told = told_to_stop() => told,
    }
}

async fn demo(asked: Demo) -> Result<()> {
    if let Some(record) = Record::running()?.filter(|_| !asked.deployed) {
        line(&format!("Playing against the stack that runs on {}", record.api_url));
        return tokio::select! {
            played = demo::play(&record, async || Ok(())) => played,
            told = told_to_stop() => told.and_then(|()| bail!("The demo was interrupted.")),
        };
    }
    line(&paint(1, "Starting a stack for the demo"));
    // An edit must not interrupt the play.
    let serving = if asked.deployed { Serving::Deployed } else { Serving::Fixed };
    let options = dev::Options { serving, ..asked.start.into() };
    let Some(running) = start(&options).await? else { bail!("The demo was interrupted.") };
    let played = tokio::select! {
        played = demo::play(&running.record, async || running.update().await) => played,
        told = told_to_stop() => told.and_then(|()| bail!("The demo was interrupted.")),
    };
    // Deployed functions have the account's own credentials.
    let played = played.and_then(|()| if asked.deployed { Ok(()) } else { report_rights(&running.enforcer) });
    let stopped = running.stop().await;
    played.and(stopped)
}

/// Fails when a function asked for what its role does not allow, and lists the rights that the play had no use for.
fn report_rights(enforcer: &Enforcer) -> Result<()> {
    let denied = enforcer.denied();
    ensure!(denied.is_empty(), "The template lacks rights that functions asked for:\n{}", denied.join("\n"));
    let unused = enforcer.unused();
    line(&format!("No request was denied by the template's policies; {} rights were not needed:", unused.len()));
    for right in unused {
        line(&format!("  {right}"));
    }
    Ok(())
}
