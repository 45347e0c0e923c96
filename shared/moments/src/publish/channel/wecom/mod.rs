//! The members of a company, asked through its app at WeCom.

mod find;
mod follow;
mod prepare;

use aws_sdk_dynamodb::types::TransactWriteItem;
use futures::FutureExt;
use futures::future::BoxFuture;
use kernel::metrics::{self, Metric};
use tracing::{info, warn};

use super::{Answer, Channel, or_refused};
use crate::accounts::{CorpToken, news};
use crate::error::{Error, Result};
use crate::ids::CorpKey;
use crate::provider::{FailureKind, Provider};
use crate::publish::claimed::ClaimedDelivery;
use crate::publish::machine::{Event, Recovery};
use crate::publish::runner::Publisher;
use crate::store::account::Account;
use crate::store::corp::{CorpProblem, CorpState};
use crate::store::delivery::{Repair, WaitReason};
use crate::wecom::MomentDraft;

pub(in crate::publish) struct WecomChannel<'p> {
    cx: &'p Publisher,
    corp_key: CorpKey,
    /// The token that this worker asks with.
    token: Option<CorpToken>,
    ready: Option<Ready>,
}

/// A moment that is ready to be asked for.
struct Ready {
    token: CorpToken,
    draft: MomentDraft,
}

/// What could not be asked for want of a token.
fn without_token(error: Error) -> Result<Event> {
    match error {
        Error::Provider(failure) => Ok(Event::NoToken(failure)),
        error => Err(error),
    }
}

impl<'p> WecomChannel<'p> {
    pub(super) const fn new(cx: &'p Publisher, corp_key: CorpKey) -> Self {
        Self { cx, corp_key, token: None, ready: None }
    }

    async fn token(&mut self, claimed_delivery: &ClaimedDelivery) -> Result<CorpToken> {
        if let Some(token) = &self.token {
            return Ok(token.clone());
        }
        let (user_id, known) = (claimed_delivery.row.user_id, claimed_delivery.corp.clone());
        let token = self.cx.tokens.get_by(known, user_id, &self.corp_key).await?;
        self.token = Some(token.clone());
        Ok(token)
    }

    /// Notes on the company's row what the calls of this worker have shown of their way to WeCom. It only informs: a note that
    /// fails is made by whoever asks next.
    async fn note_state(&self) {
        let Some(token) = &self.token else { return };
        let Some(state) = news(&token.corp, &token.wecom) else { return };
        let corp_key = self.corp_key.as_str();
        match &state {
            Some(CorpState { problem, seen_ip }) => {
                // Where a post meets it, and once: whoever connects a company learns the address by that refusal.
                metrics::count(Metric::IpNotTrusted, usize::from(*problem == CorpProblem::IpNotTrusted));
                let seen_ip = seen_ip.map(tracing::field::display);
                warn!(corp.key = corp_key, corp.seen_ip = seen_ip, "company {corp_key}: {}", problem.as_str());
            }
            None => info!(corp.key = corp_key, "company {corp_key} reaches wecom again"),
        }
        if let Err(error) = self.cx.stores.corps.note_state(&token.corp, state.as_ref()).await {
            warn!(corp.key = corp_key, "the state of company {corp_key} was not noted: {error}");
        }
    }

    /// The answer of a call that may be repeated, once what it has shown is noted.
    async fn noted(&self, answer: Result<Event>) -> Result<Event> {
        self.note_state().await;
        answer
    }

    async fn send_ready(&mut self, claimed_delivery: &ClaimedDelivery) -> Result<Event> {
        let Some(Ready { token, draft }) = &self.ready else {
            return Err(kernel::Error::Corrupt("publish delivery").into());
        };
        Ok(match token.wecom.add_moment_task(&token.token, draft).await {
            Ok(job) => Event::Accepted { job_id: job.0 },
            Err(failure) if failure.kind == FailureKind::OutcomeUnknown => claimed_delivery.outcome_lost(&failure),
            Err(failure) => Event::Refused(failure),
        })
    }

    async fn recovered(&mut self, claimed_delivery: &ClaimedDelivery, recovery: Recovery) -> Result<Event> {
        match recovery {
            Recovery::Token => {
                let version = match self.token.take() {
                    Some(token) => token.version,
                    None => self.cx.stores.corps.get(&self.corp_key).await?.map_or(0, |corp| corp.token_version),
                };
                let renewed = self.cx.tokens.get(claimed_delivery.row.user_id, &self.corp_key, Some(version)).await;
                renewed.map_or_else(without_token, |_| Ok(Event::Recovered(Repair::Token)))
            }
            Recovery::Media => {
                self.forget_uploads(claimed_delivery).await?;
                Ok(Event::Recovered(Repair::Media))
            }
            Recovery::Rate(window) => {
                let until = self.cx.stores.corps.block(&self.corp_key, window, self.cx.stores.clock.now()).await?;
                Ok(Event::NotBefore(until, WaitReason::RateLimit))
            }
        }
    }

    /// WeCom does not know an upload of the delivery any more, and does not say which.
    async fn forget_uploads(&self, claimed_delivery: &ClaimedDelivery) -> Result<()> {
        for hash in &claimed_delivery.row.upload_hashes {
            self.cx.stores.uploads.forget(&self.corp_key, hash).await?;
        }
        Ok(())
    }

    /// Every account of the company: it has one secret.
    async fn of_company(&self, claimed_delivery: &ClaimedDelivery) -> Result<Vec<Account>> {
        let mut accounts = self.cx.stores.accounts.of_user(claimed_delivery.row.user_id).await?;
        accounts.retain(|account| account.corp_key.as_ref() == Some(&self.corp_key));
        Ok(accounts)
    }
}

impl Channel for WecomChannel<'_> {
    fn provider(&self) -> Provider {
        Provider::Wecom
    }

    fn members_confirm(&self) -> bool {
        true
    }

    fn prepare<'a>(&'a mut self, claimed_delivery: &'a ClaimedDelivery, senders: Vec<Account>) -> Answer<'a> {
        async move {
            let answer = self.make_ready(claimed_delivery, senders).await;
            or_refused(self.noted(answer).await)
        }
        .boxed()
    }

    fn send<'a>(&'a mut self, claimed_delivery: &'a ClaimedDelivery) -> Answer<'a> {
        async move {
            let answer = self.send_ready(claimed_delivery).await;
            // An answer that is not a refusal is written before anything else: whoever dies in between knows nothing of it.
            if matches!(answer, Ok(Event::Refused(_))) { self.noted(answer).await } else { answer }
        }
        .boxed()
    }

    fn find_published<'a>(&'a mut self, claimed_delivery: &'a ClaimedDelivery) -> Answer<'a> {
        async move {
            let answer = self.read_back(claimed_delivery).await;
            self.noted(answer).await
        }
        .boxed()
    }

    fn follow<'a>(&'a mut self, claimed_delivery: &'a ClaimedDelivery, stopped: bool) -> Answer<'a> {
        async move {
            let answer = self.poll(claimed_delivery, stopped).await;
            self.noted(answer).await
        }
        .boxed()
    }

    fn cancel<'a>(&'a mut self, claimed_delivery: &'a ClaimedDelivery) -> Answer<'a> {
        async move {
            let answer = self.stop_members(claimed_delivery).await;
            self.noted(answer).await
        }
        .boxed()
    }

    fn recover<'a>(&'a mut self, claimed_delivery: &'a ClaimedDelivery, recovery: Recovery) -> Answer<'a> {
        self.recovered(claimed_delivery, recovery).boxed()
    }

    fn sharing_credentials<'a>(&'a self, claimed_delivery: &'a ClaimedDelivery) -> BoxFuture<'a, Result<Vec<Account>>> {
        self.of_company(claimed_delivery).boxed()
    }

    // A company's members may be asked for several moments at once.
    fn slot(&mut self) -> Option<TransactWriteItem> {
        None
    }

    fn last_post(&self, _: &ClaimedDelivery, _: &str) -> Result<Option<TransactWriteItem>> {
        Ok(None)
    }
}
