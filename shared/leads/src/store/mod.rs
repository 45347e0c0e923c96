//! The tables of this domain: one aggregate per file, rows in, domain types out.
//!
//! Times are stored as seconds since 1970 (`*_time`, `expires_at`, `refresh_due`) except due times and leases, which are
//! milliseconds (`next_action_at`, `*_until`). Everywhere else they are instants.

pub mod account;
pub(crate) mod bitmap;
pub mod deletion;
pub(crate) mod identity;
pub mod lead;
pub mod lead_index;
pub mod oauth_state;
pub(crate) mod page_commit;
pub mod parked_grant;
pub mod platform_quota;
pub mod platform_state;
pub(crate) mod standing;
pub mod sync_task;
pub mod webhook_event;

use aws_sdk_dynamodb::Client;
use kernel::audit::{self, AuditLog};
use kernel::config::ConfigError;
use kernel::events::Outbox;
use kernel::idempotency::IdempotencyStore;
use kernel::transaction::{Outcome, Transaction};
use kernel::{Clock, Context};

pub(crate) use kernel::dynamo::{check, condition_held, delete, put, update};

/// All tables of this domain, and the time at which they are written. It is built once per function: holding a table that
/// is not used costs nothing, and the function's own policies say which ones it may touch.
#[derive(Debug, Clone)]
pub struct Stores {
    client: Client,
    pub clock: Clock,
    /// `t_douyin_auth`
    pub accounts: account::AccountStore,
    /// `t_douyin_lead`
    pub leads: lead::LeadStore,
    /// `t_lead_identity`
    pub identities: identity::LeadIdentityStore,
    /// `t_douyin_lead_index`
    pub index: lead_index::LeadIndexStore,
    /// `t_lead_deletion`
    pub deletions: deletion::DeletionStore,
    /// `t_douyin_sync_task`
    pub tasks: sync_task::SyncTaskStore,
    /// `t_oauth_state`: authorisations under way.
    pub states: oauth_state::OauthStateStore,
    /// `t_oauth_state`: grants that wait to be confirmed.
    pub parked: parked_grant::ParkedGrantStore,
    /// `t_platform_quota`: until when nobody need ask Douyin, and what each tenant has asked today.
    pub quota: platform_quota::PlatformQuotaStore,
    /// `t_idempotency`: requests that were answered.
    pub idempotency: IdempotencyStore,
    /// `t_audit`: who has done what.
    pub audit: AuditLog,
    /// `t_outbox`: what is to be told of what changes.
    pub outbox: Outbox,
    /// `t_idempotency` too: Douyin's events we have acted on.
    pub events: webhook_event::WebhookEventStore,
    /// The same table: what is true of Douyin or of our app as a whole.
    pub platform: platform_state::PlatformStateStore,
}

impl Stores {
    /// The tables of this installation.
    ///
    /// # Errors
    /// When the prefix of the tables is missing.
    pub fn new(cx: &Context) -> Result<Self, ConfigError> {
        let (client, clock) = (|| cx.aws.dynamodb.clone(), || cx.clock.clone());
        let table = |name| cx.table(name);
        Ok(Self {
            client: client(),
            clock: clock(),
            accounts: account::AccountStore { client: client(), table: table(account::TABLE)? },
            leads: lead::LeadStore { client: client(), clock: clock(), table: table("t_douyin_lead")? },
            identities: identity::LeadIdentityStore {
                client: client(),
                clock: clock(),
                table: table("t_lead_identity")?,
            },
            index: lead_index::LeadIndexStore {
                client: client(),
                clock: clock(),
                table: table("t_douyin_lead_index")?,
            },
            deletions: deletion::DeletionStore { client: client(), table: table("t_lead_deletion")? },
            tasks: sync_task::SyncTaskStore { client: client(), clock: clock(), table: table("t_douyin_sync_task")? },
            states: oauth_state::OauthStateStore { client: client(), table: table("t_oauth_state")? },
            parked: parked_grant::ParkedGrantStore { client: client(), table: table(parked_grant::TABLE)? },
            quota: platform_quota::PlatformQuotaStore { client: client(), table: table("t_platform_quota")? },
            idempotency: IdempotencyStore::new(client(), table("t_idempotency")?),
            audit: AuditLog::new(cx)?,
            outbox: Outbox::new(cx)?,
            events: webhook_event::WebhookEventStore { table: table("t_idempotency")? },
            platform: platform_state::PlatformStateStore { client: client(), table: table("t_idempotency")? },
        })
    }

    /// Writes down a deed by itself, before it is answered: for one that writes nothing else.
    ///
    /// # Errors
    /// As [`Transaction::commit`].
    pub(crate) async fn write_down(&self, row: &audit::Row<'_>) -> kernel::Result<()> {
        let mut transaction = Transaction::new();
        transaction.add(self.audit.row(row, self.clock.now())?);
        self.commit(&transaction).await.map(|_unconditional| ())
    }

    /// Writes all of the transaction or nothing, and has its events numbered, if it has any.
    ///
    /// # Errors
    /// As [`Transaction::commit`].
    pub(crate) async fn commit(&self, transaction: &Transaction) -> kernel::Result<Outcome> {
        self.outbox.commit(transaction).await
    }
}
