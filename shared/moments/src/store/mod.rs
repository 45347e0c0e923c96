//! The tables of this domain: one aggregate per file, rows in, domain types out.
//!
//! Times are stored as seconds since 1970 (`*_time`, `expires_at`) except due times and leases, which are milliseconds
//! (`next_action_at`, `*_until`, `sending_at`). Everywhere else they are instants.

pub mod account;
pub mod claim;
pub mod corp;
pub mod delivery;
pub mod media;
pub(crate) mod of_delivery;
pub mod posted;
mod resend;
pub mod result;
pub mod stored_media;
pub mod task;

use aws_sdk_dynamodb::Client;
use jiff::Timestamp;
use kernel::audit::AuditLog;
use kernel::config::ConfigError;
use kernel::events::Outbox;
use kernel::idempotency::IdempotencyStore;
use kernel::transaction::{Outcome, Transaction};
use kernel::{Clock, Context};

pub(crate) use kernel::dynamo::{condition_held, delete, put, update};
use kernel::dynamo::{milliseconds, seconds};

/// Whether something of which there is only so much was had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotReservation {
    Taken,
    /// It can be asked for again at this instant.
    NotBefore(Timestamp),
}

/// All tables of this domain, and the time at which they are written. It is built once per function: holding a table that
/// is not used costs nothing, and the function's own policies say which ones it may touch.
#[derive(Debug, Clone)]
pub struct Stores {
    client: Client,
    pub clock: Clock,
    /// `t_wechat_account`
    pub accounts: account::AccountStore,
    /// `t_wechat_corp`
    pub corps: corp::CorpStore,
    /// `t_moment_sync_task`
    pub tasks: task::TaskStore,
    /// `t_moment_sync_result`
    pub results: result::ResultStore,
    /// `t_moment_publish_unit`
    pub deliveries: delivery::DeliveryStore,
    /// `t_moment_claim`
    pub claims: claim::ClaimStore,
    /// `t_wechat_media`
    pub uploads: media::MediaStore,
    /// `t_moment_media`
    pub stored_media: stored_media::StoredMediaStore,
    /// `t_idempotency`
    pub idempotency: IdempotencyStore,
    /// `t_audit`: who has done what.
    pub audit: AuditLog,
    /// `t_outbox`: what is to be told of what changes.
    pub outbox: Outbox,
    /// `t_idempotency` too: content posted lately.
    pub posted: posted::PostedStore,
}

impl Stores {
    /// The tables of this installation.
    ///
    /// # Errors
    /// When the prefix of the tables is missing.
    pub fn new(cx: &Context) -> Result<Self, ConfigError> {
        let (client, clock) = (|| cx.aws.dynamodb.clone(), || cx.clock.clone());
        Ok(Self {
            client: client(),
            clock: clock(),
            accounts: account::AccountStore { client: client(), clock: clock(), table: cx.table(account::TABLE)? },
            corps: corp::CorpStore { client: client(), clock: clock(), table: cx.table(corp::TABLE)? },
            tasks: task::TaskStore { client: client(), clock: clock(), table: cx.table("t_moment_sync_task")? },
            results: result::ResultStore { client: client(), table: cx.table("t_moment_sync_result")? },
            deliveries: delivery::DeliveryStore { client: client(), table: cx.table("t_moment_publish_unit")? },
            claims: claim::ClaimStore { client: client(), table: cx.table("t_moment_claim")? },
            uploads: media::MediaStore { client: client(), table: cx.table("t_wechat_media")? },
            stored_media: stored_media::StoredMediaStore { client: client(), table: cx.table("t_moment_media")? },
            idempotency: IdempotencyStore::new(client(), cx.table("t_idempotency")?),
            audit: AuditLog::new(cx)?,
            outbox: Outbox::new(cx)?,
            posted: posted::PostedStore { client: client(), table: cx.table("t_idempotency")? },
        })
    }

    /// Writes all of the transaction or nothing, and beside that has its events numbered, if it has any.
    ///
    /// # Errors
    /// As [`Transaction::commit`].
    pub(crate) async fn commit(&self, transaction: &Transaction) -> kernel::Result<Outcome> {
        self.outbox.commit(transaction).await
    }
}
