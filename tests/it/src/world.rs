//! A world of its own for each test: an AWS account on the shared emulator with the template's data plane, a sandbox,
//! and one clock for both that stands still until it is moved.

mod log;
mod rights;
mod sink;
mod start_time;
mod steps;

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use functions::catalog;
use jiff::SignedDuration;
use kernel::Clock;
use kernel::Context;
use kernel::aws::Aws;
use kernel::clock::ManualClock;
use kernel::config::Env;
use kernel::deadline::Deadline;
use local::aws::EmulatedAws;
use local::aws::rules::{AccountRules, Rule};
use local::iam::{self, Enforcer};
use local::stack::{self, Stack, Template};
use sandbox::{Sandbox, SandboxConfig};
use serde_json::Value;
use tokio::sync::OnceCell;

use log::listen;
use start_time::{start_of_day, until_start};

use crate::call::call;
use crate::event::{Answer, Event};

const API_URL: &str = "http://127.0.0.1:9000";
/// Tests may sign their own tokens with it.
pub const JWT_SECRET: &str = "a-secret-for-tests-that-is-long-enough";
/// Secret part of the address the gateway calls.
pub const GATEWAY_WEBHOOK_SECRET: &str = "a-webhook-secret-for-tests-that-is-long-enough";

static SHARED: OnceCell<(EmulatedAws, Template)> = OnceCell::const_new();

/// The emulator of this process and the transformed template.
pub(crate) async fn shared() -> Result<&'static (EmulatedAws, Template)> {
    SHARED
        .get_or_try_init(|| async {
            let template = stack::transform(&local::paths::workspace().join("template.yaml")).await?;
            Ok((EmulatedAws::start(0, local::aws::Options::default()).await?, template.data_plane()))
        })
        .await
}

/// Where a function finds AWS and the platforms, when not where everybody else does.
#[derive(Debug, Clone, Default)]
pub struct EndpointOverrides {
    /// In place of the emulator's URL.
    pub aws_url: Option<String>,
    /// In place of the sandbox's Douyin URL.
    pub douyin_url: Option<String>,
    /// In place of the sandbox's URL, for WeCom and the gateway.
    pub wechat_url: Option<String>,
}

pub struct World {
    /// Time of the functions. Move it with [`World::advance`], which moves the platforms' too.
    pub clock: ManualClock,
    pub sandbox: Sandbox,
    /// The deployed tables, queues and keys.
    pub stack: Stack,
    /// Clients for a test's own looks into the account.
    pub aws: Aws,
    /// URL of the emulator.
    pub aws_url: String,
    /// What AWS does to requests and an emulator does not.
    pub rules: Arc<AccountRules>,
    account: String,
    overrides: BTreeMap<String, String>,
    reads_lag: bool,
    /// The policies of the functions' roles, as the template has them.
    roles: Arc<Enforcer>,
    /// Whether a right was taken away, so that requests may be denied.
    lacks_rights: bool,
}

/// A function that asks for what its role does not allow fails the test, also one that copes with it.
impl Drop for World {
    fn drop(&mut self) {
        if let Some((aws, _)) = SHARED.get() {
            // What the rules did so far, for whoever wants to know.
            let _not_worth_a_failure = std::fs::write(local::paths::local("aws-rules.txt"), aws.report()).is_ok();
        }
        if std::thread::panicking() {
            let report = self.rules.report();
            let _nobody_listens = writeln!(std::io::stderr(), "In a world of this test: {report}.").is_ok();
        }
        let denied = self.roles.denied();
        let is_surprise = !self.lacks_rights && !denied.is_empty() && !std::thread::panicking();
        assert!(!is_surprise, "the template lacks rights: {denied:#?}");
    }
}

impl World {
    /// A new world.
    ///
    /// # Errors
    /// When the emulator or the sandbox cannot be started.
    pub async fn start() -> Result<Self> {
        Self::around(SandboxConfig::default()).await
    }

    /// A new world around a sandbox that is not the usual one. With its seed given, the same people follow the same
    /// accounts and are listed in the same order every time.
    ///
    /// # Errors
    /// As [`World::start`].
    pub async fn around(sandbox_config: SandboxConfig) -> Result<Self> {
        // Frozen first, or the time that passes until then is added.
        sandbox_config.clock.freeze();
        let ahead = until_start(sandbox_config.clock.now(), start_of_day()?);
        Self::begin(sandbox_config, ahead).await
    }

    /// A new world that begins at the machine's time, for processes that know no other.
    ///
    /// # Errors
    /// As [`World::start`].
    pub async fn start_now() -> Result<Self> {
        Self::begin(SandboxConfig::default(), Duration::ZERO).await
    }

    async fn begin(sandbox_config: SandboxConfig, ahead: Duration) -> Result<Self> {
        listen();
        let (aws, template) = shared().await?;
        sandbox_config.clock.freeze();
        sandbox_config.clock.advance(ahead);
        let clock = ManualClock::new(sandbox_config.clock.now());
        // A pause in the code moves the clock of the functions; the platforms' goes with it.
        let functions = clock.clone();
        sandbox_config.clock.follow(move || functions.now());
        let sandbox = Sandbox::start(sandbox_config).await?;
        sandbox.douyin().register_redirect_uri(format!("{API_URL}{}", catalog::DOUYIN_AUTH_CALLBACK.path));
        let (client_key, client_secret) = (sandbox.douyin().client_key(), sandbox.douyin().client_secret());
        let parameters = stack::World {
            api_url: API_URL,
            sandbox_url: sandbox.url(),
            douyin_url: sandbox.douyin().base_url(),
            douyin_client_key: client_key,
            douyin_client_secret: &client_secret,
            jwt_secret: JWT_SECRET,
            gateway_webhook_secret: GATEWAY_WEBHOOK_SECRET,
            log_level: "DEBUG",
        }
        .parameters();
        let (account, rules) = aws.new_account()?;
        let (functions, start) = (clock.clone(), clock.now());
        rules.follow(move || functions.now().duration_since(start).try_into().unwrap_or_default());
        let config = aws.config(&account);
        let stack = stack::deploy(&config, "it", template, &parameters).await?;
        let roles = Arc::new(Enforcer::new(&account, template, &stack)?);
        aws.enforce(&account, Arc::clone(&roles));
        // A pause is measured where it matters; everywhere else it would only keep messages out of sight.
        let overrides = [("FAN_SYNC_RETRY_PAUSE_SECONDS", "0")].map(|(name, value)| (name.into(), value.into()));
        Ok(Self {
            clock,
            sandbox,
            stack,
            aws: Aws::from_config(&config),
            aws_url: aws.url().to_owned(),
            rules,
            account,
            overrides: overrides.into(),
            reads_lag: false,
            roles,
            lacks_rights: false,
        })
    }

    /// For a test that compares times: where AWS refuses or leaves something out, code pauses, and that moves the clock.
    pub fn keep_the_clock(&self) {
        self.rules.switch_off(&[Rule::Conflicts, Rule::Throttling, Rule::PartialAnswers]);
    }

    /// From now on a function may read what was there up to two seconds before it started. Without this only functions
    /// that run at the same time see each other late, and one sees itself so: a test looks at the moment it has written.
    pub fn let_reads_lag(&mut self) {
        self.reads_lag = true;
    }

    /// Sets an environment variable of every function started from now on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.overrides.insert(name.to_owned(), value.to_owned());
    }

    /// The environment of the function of this name: exactly the variables the template gives it, and where AWS is.
    ///
    /// # Errors
    /// When the template has no such function.
    pub fn variables(&self, function: &str, endpoints: &EndpointOverrides) -> Result<BTreeMap<String, String>> {
        let mut variables = self.stack.environments.get(function).context("the template has no such function")?.clone();
        variables.extend(self.overrides.clone());
        let aws_url = endpoints.aws_url.as_ref().unwrap_or(&self.aws_url);
        let key = iam::key_of(&self.account, function);
        for (name, value) in [
            ("AWS_REGION", local::aws::REGION),
            ("AWS_ACCESS_KEY_ID", &key),
            ("AWS_SECRET_ACCESS_KEY", local::aws::SECRET_ACCESS_KEY),
            ("AWS_ENDPOINT_URL", aws_url),
        ] {
            variables.insert(name.to_owned(), value.to_owned());
        }
        if let Some(url) = &endpoints.douyin_url {
            variables.insert("DOUYIN_BASE_URL".to_owned(), url.clone());
        }
        if let Some(url) = &endpoints.wechat_url {
            variables.insert("WECOM_BASE_URL".to_owned(), format!("{url}/wecom"));
            variables.insert("GATEWAY_BASE_URL".to_owned(), format!("{url}/gewe"));
        }
        Ok(variables)
    }

    /// What the function of this name starts from.
    ///
    /// # Errors
    /// When the template has no such function.
    pub async fn context(&self, function: &str, endpoints: &EndpointOverrides) -> Result<Context> {
        if !self.reads_lag {
            // A function starts seconds after the one before it has ended.
            self.rules.settle();
        }
        let env: Env = self.variables(function, endpoints)?.into_iter().collect();
        let aws_url = endpoints.aws_url.as_ref().unwrap_or(&self.aws_url);
        let key = iam::key_of(&self.account, function);
        // The process's own environment is shared by all tests, so the clients get theirs by hand.
        let aws = Aws::from_config(&local::aws::config(aws_url, &key));
        Ok(Context { env, aws, clock: Clock::Manual(self.clock.clone()) })
    }

    /// What an operation starts from that no function has yet, with every right.
    ///
    /// # Errors
    /// When the template has no such function, whose environment it takes.
    pub fn context_with_every_right(&self, function: &str, endpoints: &EndpointOverrides) -> Result<Context> {
        self.rules.settle();
        let env: Env = self.variables(function, endpoints)?.into_iter().collect();
        let aws_url = endpoints.aws_url.as_ref().unwrap_or(&self.aws_url);
        let aws = Aws::from_config(&local::aws::config(aws_url, &self.account));
        Ok(Context { env, aws, clock: Clock::Manual(self.clock.clone()) })
    }

    /// A token for `user` with these permissions.
    ///
    /// # Errors
    /// Never in practice.
    pub fn token(&self, user: u64, permissions: &[&str]) -> Result<String> {
        let permissions: Vec<String> = permissions.iter().map(|permission| (*permission).to_owned()).collect();
        // The clock of the functions may be days ahead of the machine's.
        local::token::issue(JWT_SECRET, user, &permissions, SignedDuration::from_hours(24 * 400))
    }

    /// A token for `user` with every permission and these claims beside it.
    ///
    /// # Errors
    /// Never in practice.
    pub fn token_of(&self, user: u64, claims: &Value) -> Result<String> {
        let lifetime = SignedDuration::from_hours(24 * 400);
        local::token::issue_with(JWT_SECRET, user, &["*".to_owned()], lifetime, claims)
    }

    /// Moves the time of functions and platforms.
    pub fn advance(&self, by: Duration) {
        self.sandbox.clock().advance(by);
        self.clock.advance(by);
    }

    /// Starts the event's function and hands it the event.
    ///
    /// # Errors
    /// When the function does not start.
    pub async fn call(&self, event: &Event) -> Result<Answer> {
        let base = self.context(&event.function, &EndpointOverrides::default()).await?;
        // It is a whole function's future: large, and awaited deep inside those of tests.
        Box::pin(call(&base, event)).await
    }

    /// Calls a function as `user` with every permission.
    ///
    /// # Errors
    /// As [`World::call`].
    pub async fn call_as(&self, user: u64, event: Event) -> Result<Answer> {
        self.call(&event.bearer(&self.token(user, &["*"])?)).await
    }

    /// What names the account of a request that no client signs; nobody checks signatures here.
    #[must_use]
    pub fn unsigned_authorization(&self, service: &str) -> String {
        let scope = format!("{}/20000101/{}/{service}/aws4_request", self.account, local::aws::REGION);
        format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0")
    }

    /// The end of an invocation that began now.
    #[must_use]
    pub fn deadline(&self) -> Deadline {
        Deadline::after(self.clock.now(), Duration::from_secs(300))
    }
}
