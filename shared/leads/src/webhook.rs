//! Events from Douyin: proof that an authorisation was withdrawn, among others.

use aws_sdk_dynamodb::Client;
use kernel::Clock;
use kernel::aws::Aws;
use kernel::config::{ConfigError, Env};
use kernel::dynamo::{Outcome, Refusal, transact};
use kernel::platform_secret::PlatformSecret;
use secrecy::SecretString;
use serde_json::Value;
use tracing::{info, warn};

use crate::douyin::webhook::{WebhookEvent, verify_signature};
use crate::douyin::{Douyin, FailureKind};
use crate::error::{AuthorizationProblem, Result};
use crate::store::auth::{Auth, AuthStatus, AuthStore};
use crate::store::sync_task::{EndedBy, Ending, SyncTaskStore};
use crate::store::webhook_event::WebhookEventStore;
use crate::tokens::Tokens;

/// How often a change that met another one is tried again.
const TRIES: u32 = 10;

/// What to answer to Douyin.
#[derive(Debug, Clone, PartialEq)]
pub enum WebhookAnswer {
    /// Echo the challenge of the address check.
    Challenge(Value),
    /// Taken note of.
    Accepted,
}

/// Handles deliveries.
#[derive(Debug, Clone)]
pub struct Webhook {
    client: Client,
    clock: Clock,
    accounts: AuthStore,
    tasks: SyncTaskStore,
    events: WebhookEventStore,
    tokens: Tokens,
    douyin: Douyin,
    client_key: String,
    client_secret: SecretString,
}

impl Webhook {
    /// From the environment.
    pub fn new(
        aws: &Aws,
        env: &Env,
        secret: &PlatformSecret,
        douyin: Douyin,
        clock: Clock,
    ) -> Result<Self, ConfigError> {
        Ok(Self {
            tokens: Tokens::new(aws, env, douyin.clone(), clock.clone())?,
            douyin,
            client: aws.dynamodb.clone(),
            clock,
            accounts: AuthStore::new(aws.dynamodb.clone(), env)?,
            tasks: SyncTaskStore::new(aws.dynamodb.clone(), env)?,
            events: WebhookEventStore::new(env)?,
            client_key: secret.douyin_client_key.clone(),
            client_secret: secret.douyin_client_secret.clone(),
        })
    }

    /// Handles one delivery, whose body must be the untouched bytes: the signature covers the final newline too.
    ///
    /// # Errors
    /// [`kernel::Error::Unauthenticated`] for a wrong signature, [`kernel::Error::InvalidRequest`] for a body that is
    /// no event, [`crate::Error::Platform`] for a revocation that could not be checked: Douyin delivers it again.
    pub async fn receive(
        &self,
        body: &[u8],
        signature: Option<&str>,
        message_id: Option<&str>,
    ) -> Result<WebhookAnswer> {
        let signed = signature.map(|signature| verify_signature(&self.client_secret, body, signature));
        if signed == Some(false) {
            return Err(kernel::Error::Unauthenticated("webhook signature does not match").into());
        }
        let event =
            WebhookEvent::parse(body).map_err(|_| kernel::Error::invalid("body", "事件内容不是有效的 JSON 事件"))?;
        // Only the address check may come unsigned: echoing a number proves nothing and changes nothing.
        if let (None, false) = (signed, event.event == "verify_webhook") {
            return Err(kernel::Error::Unauthenticated("webhook signature is missing").into());
        }
        // A good signature says whose the event is. Douyin's own example of the address check has an empty key.
        if !event.client_key.is_empty() && event.client_key != self.client_key {
            warn!("webhook event for another app ignored");
            return Ok(WebhookAnswer::Accepted);
        }
        match event.event.as_str() {
            "verify_webhook" => {
                let challenge = event.challenge();
                Ok(WebhookAnswer::Challenge(
                    challenge.ok_or_else(|| kernel::Error::invalid("content.challenge", "缺少 challenge"))?,
                ))
            }
            "unauthorize" => self.unauthorize(&event, message_id).await,
            other => {
                info!(webhook.event = other, "webhook event {other} needs no action");
                Ok(WebhookAnswer::Accepted)
            }
        }
    }

    /// Drops the account's tokens and ends a sync of it, unless Douyin still accepts them: it promises no order, so the
    /// event can be about an authorisation that was given anew since. It is noted in the transaction that acts on it.
    async fn unauthorize(&self, event: &WebhookEvent, message_id: Option<&str>) -> Result<WebhookAnswer> {
        if event.from_user_id.is_empty() {
            info!("webhook event unauthorize names no account");
            return Ok(WebhookAnswer::Accepted);
        }
        let is_id = |id: &&str| !id.trim().is_empty();
        let noted = message_id.filter(is_id).or_else(|| event.msg_id.as_deref().filter(is_id));
        let mut ended = None;
        for _ in 0..TRIES {
            let Some(account) = self.accounts.get(&event.from_user_id).await? else {
                return Ok(WebhookAnswer::Accepted);
            };
            if account.status == AuthStatus::Revoked {
                return Ok(WebhookAnswer::Accepted);
            }
            if self.is_accepted(&account).await? {
                info!(account.id = account.id, "withdrawal of account {} is older than its tokens", account.id);
                return Ok(WebhookAnswer::Accepted);
            }
            let now = self.clock.now().as_second();
            let mut actions = vec![self.accounts.revoke(&account, now)?];
            let running = account.active_sync_task_id.filter(|task| Some(*task) != ended);
            if let Some(task) = running {
                let ending = Ending::Failed(AuthorizationProblem::Revoked.advice());
                actions.push(self.tasks.end(task, EndedBy::Anyone, ending, now)?);
            }
            if let Some(id) = noted {
                actions.push(self.events.note(&event.event, &account, id, now)?);
            }
            match transact(&self.client, &self.clock, actions).await? {
                Outcome::Committed => {
                    info!(account.id = account.id, "authorisation of account {} withdrawn", account.id);
                    return Ok(WebhookAnswer::Accepted);
                }
                Outcome::Refused(refusals) => {
                    if noted.is_some() && refusals.last().is_some_and(Refusal::refused) {
                        return Ok(WebhookAnswer::Accepted);
                    }
                    if running.is_some() && refusals.get(1).is_some_and(Refusal::refused) {
                        ended = running;
                    }
                }
            }
        }
        Err(kernel::Error::Busy("douyin account").into())
    }

    /// Whether Douyin still accepts the stored access token, asked with the cheapest call there is. A token that is not
    /// there or is refused leaves the event's word; when Douyin does not say, the event has to come again. It does,
    /// twice at the most, and if that is not enough the next refresh or sync finds the tokens dead.
    async fn is_accepted(&self, account: &Auth) -> Result<bool> {
        let Some(token) = self.tokens.stored(account).await? else { return Ok(false) };
        match self.douyin.user_info(&token, &account.douyin_user_id).await {
            Ok(_) => Ok(true),
            Err(failure) => match failure.kind {
                FailureKind::TokenInvalid | FailureKind::ReauthorizationNeeded => Ok(false),
                // What the user never granted is refused for want of it. If it was granted, the grant is gone.
                FailureKind::ScopeMissing => Ok(!account.scope.split(',').any(|scope| scope.trim() == "user_info")),
                _ => {
                    warn!(account.id = account.id, "withdrawal of account {} not checked: {failure}", account.id);
                    Err(failure.into())
                }
            },
        }
    }
}
