//! A provider's refusal: whether trying again helps, when, and what it proves about the account.

use std::time::Duration;

use tracing::warn;

use super::follow::passes;
use super::step::{Held, Moved, Publisher};
use crate::accounts::RECHECK_MS;
use crate::error::{Error, Result, provider_advice};
use crate::provider::{FailureKind, ProviderError};
use crate::store::account::AccountStatus;
use crate::store::result::Stage;
use crate::store::unit::{Unit, UnitChange, UnitStage};

impl Publisher {
    /// A refusal: nothing was done, so the unit may begin again where that helps, or fails with the reason.
    pub(super) async fn refused(
        &self,
        held: &mut Held,
        failure: &ProviderError,
        token_version: Option<u64>,
        hashes: &[String],
    ) -> Result<Moved> {
        let Unit { task_id, unit, .. } = &held.unit;
        warn!(task.id = task_id.get(), "unit {unit} of task {task_id} refused: {failure}");
        let mut again = UnitChange { stage: Some(UnitStage::Queued), ..UnitChange::default() };
        let corp_key = held.unit.corp_key.clone();
        let pause = match &failure.kind {
            FailureKind::Retry if self.may_retry(held, failure) => {
                self.pause(self.settings.retry_pause, held.unit.attempts)
            }
            FailureKind::RateLimited { window } => {
                let now = self.clock.now();
                again.waited = true;
                match &corp_key {
                    Some(corp_key) => {
                        let until = self.corps.block(corp_key, *window, now).await?;
                        Duration::from_millis(u64::try_from(until - now.as_millisecond()).unwrap_or(0))
                    }
                    None => window.wait(now),
                }
            }
            FailureKind::TokenInvalid if self.may_retry(held, failure) => {
                if let Some(corp_key) = &corp_key {
                    let version = match token_version {
                        Some(version) => version,
                        None => self.corps.get(corp_key).await?.map_or(0, |corp| corp.token_version),
                    };
                    match self.tokens.get(held.unit.user_id, corp_key, Some(version)).await {
                        // A new token that is late is waited for: nothing was sent.
                        Err(Error::Provider(failure)) if passes(&failure.kind) => {
                            self.pause(self.settings.retry_pause, held.unit.attempts)
                        }
                        Err(Error::Provider(failure)) => return self.ended(held, &failure).await,
                        _ => Duration::ZERO,
                    }
                } else {
                    Duration::ZERO
                }
            }
            FailureKind::MediaInvalid if self.may_retry(held, failure) => {
                for (hash, corp_key) in hashes.iter().flat_map(|hash| corp_key.iter().map(move |key| (hash, key))) {
                    self.uploads.forget(corp_key, hash).await?;
                }
                Duration::ZERO
            }
            _ => return self.ended(held, failure).await,
        };
        self.later(held, again, pause, Stage::Queued).await
    }

    /// Token and media are mended once; what passes by itself may be tried as often as the settings say.
    fn may_retry(&self, held: &Held, failure: &ProviderError) -> bool {
        match failure.kind {
            FailureKind::TokenInvalid | FailureKind::MediaInvalid => held.unit.attempts <= 2,
            _ => held.unit.attempts < self.settings.max_attempts,
        }
    }

    /// A refusal that trying again does not help. What it proves about the account is noted too.
    async fn ended(&self, held: &mut Held, failure: &ProviderError) -> Result<Moved> {
        let status = match failure.kind {
            FailureKind::AccountOffline | FailureKind::DeviceUnknown => Some(AccountStatus::Offline),
            FailureKind::BadCredentials => Some(AccountStatus::Expired),
            _ => None,
        };
        match status {
            Some(AccountStatus::Offline) => {
                // Looked at again soon: people log in when they read that their post failed.
                let next = self.clock.now_ms() + RECHECK_MS;
                for account in self.own_accounts(held).await? {
                    self.accounts
                        .set_status(&account, AccountStatus::Offline, account.offline_checks, Some(next))
                        .await?;
                }
            }
            Some(AccountStatus::Expired) => self.expire(held).await?,
            _ => {}
        }
        self.fail(held, provider_advice(failure)).await
    }

    /// What the secret or token stands for cannot be used: the account, or every account of the company.
    pub(super) async fn expire(&self, held: &Held) -> Result<()> {
        let accounts = match &held.unit.corp_key {
            None => self.own_accounts(held).await?,
            Some(corp_key) => {
                let mut accounts = self.accounts.of_user(held.unit.user_id).await?;
                accounts.retain(|account| account.corp_key.as_ref() == Some(corp_key));
                accounts
            }
        };
        for account in accounts.iter().filter(|account| account.status != AccountStatus::Expired) {
            self.accounts.set_status(account, AccountStatus::Expired, account.offline_checks, None).await?;
        }
        Ok(())
    }
}
