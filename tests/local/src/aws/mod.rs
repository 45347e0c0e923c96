//! The emulated AWS on loopback: one address for everything. DynamoDB is dynoxide, inside this process; the other
//! services are MiniStack, a process of its own.
//!
//! MiniStack has a DynamoDB too, in which CloudFormation makes the tables of a template, and nobody reads or writes
//! there: it walks a whole partition for a query (123 ms for one of 2,700 items, where dynoxide takes 3), and all its
//! services share one core.

mod dynamodb;
mod front;
mod ministack;
mod roles;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_cloudformation::config::{Credentials, SharedCredentialsProvider};

use dynamodb::Databases;
use front::Front;
use ministack::MiniStack;
use roles::Roles;

use crate::iam::Enforcer;

/// The region everything is deployed to.
pub const REGION: &str = "us-east-1";

/// Access key id of the account `cargo dev` uses. Every key that is not 12 digits belongs there too, so a plain
/// `aws --endpoint-url …` with any credentials sees the same tables.
pub const ACCOUNT: &str = "000000000000";

/// Any would be accepted.
pub const SECRET_ACCESS_KEY: &str = "local";

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
    accounts: AtomicU64,
}

impl EmulatedAws {
    /// Starts it on 127.0.0.1 and waits until it answers. Port 0 chooses a free one.
    pub async fn start(port: u16, options: Options) -> Result<Self> {
        let databases = Arc::new(Databases::new(options.state.clone()));
        let ministack = MiniStack::start(&options).await?;
        let roles = Arc::<Roles>::default();
        let front = Front::start(port, databases, Arc::clone(&roles), ministack.url())?;
        Ok(Self { front, roles, ministack, accounts: AtomicU64::new(100_000_000_000) })
    }

    /// Its address, for `AWS_ENDPOINT_URL`.
    #[must_use]
    pub fn url(&self) -> &str {
        self.front.url()
    }

    /// Access key id of an account nobody else uses: each 12-digit key id is an account of its own.
    #[must_use]
    pub fn new_account(&self) -> String {
        self.accounts.fetch_add(1, Ordering::Relaxed).to_string()
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
