//! The emulated AWS on loopback: one address for everything. DynamoDB is dynoxide, inside this process; the other
//! services are MiniStack, a process of its own.
//!
//! MiniStack has a DynamoDB too, in which CloudFormation makes the tables of a template, and nobody reads or writes
//! there: it walks a whole partition for a query (123 ms for one of 2,700 items, where dynoxide takes 3), and all its
//! services share one core. Before dynoxide are the [`rules`], which make it as strict and as faulty as AWS.

mod dynamodb;
mod front;
mod ministack;
mod roles;
pub mod rules;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_cloudformation::config::{Credentials, SharedCredentialsProvider};

use dynamodb::Databases;
use front::Front;
pub(crate) use front::SETTLE;
use ministack::MiniStack;
use roles::Roles;
use rules::{AccountRules, Rules, SEED_VARIABLE};

use crate::console;
use crate::iam::Enforcer;

/// The region everything is deployed to.
pub const REGION: &str = "us-east-1";

/// Access key id of the account `cargo dev` uses. Every key that is not 12 digits belongs there too, so a plain
/// `aws --endpoint-url …` with any credentials sees the same tables.
pub const ACCOUNT: &str = "000000000000";

/// Any would be accepted.
pub const SECRET_ACCESS_KEY: &str = "local";

/// The header of a request that is made without the SDK. MiniStack takes the account from it, and does not look at the signature.
pub(crate) fn authorization(account: &str, service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential={account}/20000101/{REGION}/{service}/aws4_request, SignedHeaders=host, Signature=0"
    )
}

/// How to run the emulated AWS.
#[derive(Debug, Default, Clone)]
pub struct Options {
    /// Where tables, queues, keys and secrets are saved, and read when it starts. Nothing is kept without.
    pub state: Option<PathBuf>,
    /// Functions that are served elsewhere: name and address for the invocations made by queues and schedules.
    pub functions: Vec<(String, String)>,
    /// Where MiniStack's output is added; to `target/local/ministack/ministack.log` without.
    pub log: Option<PathBuf>,
}

/// A running emulated AWS. It ends with this value, and with the process that holds it.
#[derive(Debug)]
pub struct EmulatedAws {
    front: Front,
    roles: Arc<Roles>,
    ministack: MiniStack,
    rules: Arc<Rules>,
    accounts: Mutex<Accounts>,
}

/// The first of the accounts that nobody else uses.
const FIRST_ACCOUNT: u64 = 100_000_000_000;

#[derive(Debug, Default)]
struct Accounts {
    made: u64,
    /// So many for each thread, by its name.
    made_by: HashMap<String, u64>,
}

impl EmulatedAws {
    /// Starts it on 127.0.0.1 and waits until it answers. Port 0 chooses a free one.
    pub async fn start(port: u16, options: Options) -> Result<Self> {
        let rules = Arc::new(Rules::new(Databases::new(options.state.clone())));
        let ministack = MiniStack::start(&options).await?;
        let roles = Arc::<Roles>::default();
        let front = Front::start(port, Arc::clone(&rules), Arc::clone(&roles), ministack.url())?;
        let seed = rules.seed();
        console::line(&format!("The emulated AWS makes mistakes as AWS does; {SEED_VARIABLE}={seed} repeats them."));
        Ok(Self { front, roles, ministack, rules, accounts: Mutex::default() })
    }

    /// Its address, for `AWS_ENDPOINT_URL`.
    #[must_use]
    pub fn url(&self) -> &str {
        self.front.url()
    }

    /// An account nobody else uses: its access key id, and its rules. Each 12-digit key id is an account of its own.
    ///
    /// Its dice are named after the thread, which has the name of the test it runs, so that a test alone meets what it
    /// met among others.
    pub fn new_account(&self) -> Result<(String, Arc<AccountRules>)> {
        let (key, name) = {
            let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
            accounts.made += 1;
            let key = FIRST_ACCOUNT + accounts.made;
            let thread = std::thread::current().name().unwrap_or_default().to_owned();
            let nth = accounts.made_by.entry(thread.clone()).or_default();
            *nth += 1;
            (key.to_string(), format!("{thread} {nth}"))
        };
        let rules = self.rules.of(&key, &name)?;
        Ok((key, rules))
    }

    /// The seed of the rules, and what they have done in all accounts.
    #[must_use]
    pub fn report(&self) -> String {
        format!("{SEED_VARIABLE}={}: {}", self.rules.seed(), self.rules.report())
    }

    /// SDK configuration for an account.
    #[must_use]
    pub fn config(&self, access_key_id: &str) -> SdkConfig {
        config(self.url(), access_key_id)
    }

    /// From now on requests of an account's functions need the rights of these policies. A function is known by its
    /// access key id: see [`crate::iam::key_of`].
    pub fn enforce(&self, account: &str, enforcer: Arc<Enforcer>) {
        self.roles.enforce(account, enforcer);
    }

    /// Whether it has ended by itself.
    pub(crate) fn ended(&mut self) -> bool {
        self.ministack.ended()
    }

    /// Stops it and waits until it has saved its state.
    pub async fn stop(self) -> Result<()> {
        self.front.stop();
        self.ministack.stop().await
    }
}

/// SDK configuration for an account of the emulated AWS at `url`.
#[must_use]
pub fn config(url: &str, access_key_id: &str) -> SdkConfig {
    let credentials = Credentials::new(access_key_id, SECRET_ACCESS_KEY, None, None, "local");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new(REGION))
        .endpoint_url(url)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(kernel::sdk_http::client())
        .build()
}
