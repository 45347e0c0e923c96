//! Writes of a company app's row that people ask for, and what is noted of its way to WeCom.

use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
use jiff::Timestamp;
use kernel::dynamo::{n, s, seconds};
use kernel::error::Result;
use kernel::ids::UserId;

use super::{Corp, CorpState, CorpStore, EncryptedToken};
use crate::ids::CorpKey;
use crate::store::{condition_held, update};

/// What becomes of a company's proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyChange<'a> {
    /// It stays as it is, if there is one.
    Keep,
    /// There is none from now on.
    Remove,
    /// This one, encrypted.
    Set(&'a str),
}

/// A new or renewed connection of a company app.
#[derive(Debug)]
pub struct CorpConnection<'a> {
    /// `<corp id>#<agent id>`
    pub corp_key: &'a CorpKey,
    pub corp_id: &'a str,
    pub user_id: UserId,
    /// Encrypted.
    pub secret: &'a str,
    pub proxy: ProxyChange<'a>,
    /// The token that has just been proven.
    pub token: EncryptedToken<'a>,
}

/// What changes of a connected company app.
#[derive(Debug)]
pub struct CorpChange<'a> {
    /// The new secret, encrypted, if it is replaced.
    pub secret: Option<&'a str>,
    pub proxy: ProxyChange<'a>,
    /// The token that was had with it.
    pub token: EncryptedToken<'a>,
    /// What its use has shown, if it did not work.
    pub state: Option<CorpState>,
}

/// What a lease of the row before was about, and what the company's calls have shown before: none of it is known of the row
/// as it is written now.
const OUTDATED: &str = "refresh_lease_owner, refresh_lease_until, problem, problem_since, seen_ip";

impl CorpStore {
    /// Writes a connected app with a token just proven, as one action of a transaction; refused when another tenant
    /// has the app and has not let it go.
    pub(crate) fn connect(&self, connection: &CorpConnection<'_>, now: Timestamp) -> Result<TransactWriteItem> {
        let CorpConnection { corp_key, corp_id, user_id, secret, proxy, token } = *connection;
        let (set, removed) = (set_of(proxy), removed_of(proxy));
        // What another tenant's proxy carried is none of ours, so it is kept only on a row that is the tenant's already.
        let condition = match proxy {
            ProxyChange::Keep => "user_id = :user",
            ProxyChange::Remove | ProxyChange::Set(_) => {
                "attribute_not_exists(user_id) OR user_id = :user OR attribute_not_exists(secret)"
            }
        };
        let row = Update::builder()
            .table_name(&self.table)
            .key("corp_key", s(corp_key))
            .condition_expression(condition)
            .update_expression(format!(
                "SET corp_id = :corp, user_id = :user, secret = :secret, access_token = :access, expire_time = :expire, \
                 token_version = :now, create_time = :now, update_time = :now{set} \
                 REMOVE window_start, window_count, blocked_until, blocked_window, {OUTDATED}{removed}"
            ))
            .expression_attribute_values(":corp", s(corp_id))
            .expression_attribute_values(":user", n(user_id))
            .expression_attribute_values(":secret", s(secret))
            .expression_attribute_values(":access", s(token.access_token))
            .expression_attribute_values(":expire", seconds(token.expire_time))
            // Seconds since 1970 grow, so a connection made anew has a later version than any token before it.
            .expression_attribute_values(":now", seconds(now));
        update(with_proxy(row, proxy))
    }

    /// Writes what changes of a connected app, with a token just proven, as one action of a transaction; refused when the
    /// app was connected anew or let go since `corp` was read.
    pub(crate) fn change(&self, corp: &Corp, change: &CorpChange<'_>, now: Timestamp) -> Result<TransactWriteItem> {
        let CorpChange { secret, proxy, token, ref state } = *change;
        let (mut set, mut removed) = (set_of(proxy).to_owned(), removed_of(proxy).to_owned());
        if secret.is_some() {
            set.push_str(", secret = :secret");
        }
        match state {
            None => removed.push_str(", problem, problem_since, seen_ip"),
            Some(state) => {
                let (set_state, removed_state) = written(state);
                set.push_str(", ");
                set.push_str(set_state);
                removed.push_str(removed_state);
            }
        }
        let mut row = Update::builder()
            .table_name(&self.table)
            .key("corp_key", s(&corp.corp_key))
            .condition_expression("user_id = :user AND secret = :known")
            .update_expression(format!(
                "SET access_token = :access, expire_time = :expire, update_time = :changed{set} \
                 REMOVE refresh_lease_owner, refresh_lease_until{removed} ADD token_version :one"
            ))
            .expression_attribute_values(":user", n(corp.user_id))
            .expression_attribute_values(":known", s(corp.secret.as_deref().unwrap_or_default()))
            .expression_attribute_values(":access", s(token.access_token))
            .expression_attribute_values(":expire", seconds(token.expire_time))
            .expression_attribute_values(":changed", seconds(now))
            .expression_attribute_values(":one", n(1));
        if let Some(secret) = secret {
            row = row.expression_attribute_values(":secret", s(secret));
        }
        for (name, value) in state.iter().flat_map(|state| values_of(state, now)) {
            row = row.expression_attribute_values(name, value);
        }
        update(with_proxy(row, proxy))
    }

    /// Notes what the company's calls have shown of their way to WeCom; none: that it is open again. What was noted by
    /// somebody else since `corp` was read stands.
    pub async fn note_state(&self, corp: &Corp, state: Option<&CorpState>) -> Result<bool> {
        let mut row = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("corp_key", s(&corp.corp_key))
            .expression_attribute_values(":user", n(corp.user_id));
        row = match corp.problem {
            None => row.condition_expression("user_id = :user AND attribute_not_exists(problem)"),
            Some(known) => row
                .condition_expression("user_id = :user AND problem = :known")
                .expression_attribute_values(":known", s(known.as_str())),
        };
        row = match state {
            None => row.update_expression("REMOVE problem, problem_since, seen_ip"),
            Some(state) => {
                let (set, removed) = written(state);
                let removed = removed.trim_start_matches(", ");
                let removed = if removed.is_empty() { String::new() } else { format!(" REMOVE {removed}") };
                row = row.update_expression(format!("SET {set}{removed}"));
                for (name, value) in values_of(state, self.clock.now()) {
                    row = row.expression_attribute_values(name, value);
                }
                row
            }
        };
        condition_held(row.send().await, "dynamodb:UpdateItem")
    }
}

/// What is set, and what is removed beside it, to write a state.
pub(super) const fn written(state: &CorpState) -> (&'static str, &'static str) {
    match state.seen_ip {
        Some(_) => ("problem = :problem, problem_since = :since, seen_ip = :ip", ""),
        None => ("problem = :problem, problem_since = :since", ", seen_ip"),
    }
}

/// The values of those.
pub(super) fn values_of(state: &CorpState, now: Timestamp) -> impl Iterator<Item = (String, AttributeValue)> {
    let ip = state.seen_ip.map(|ip| (":ip".to_owned(), s(ip.to_string())));
    let known = [(":problem".to_owned(), s(state.problem.as_str())), (":since".to_owned(), seconds(now))];
    known.into_iter().chain(ip)
}

const fn set_of(proxy: ProxyChange<'_>) -> &'static str {
    match proxy {
        ProxyChange::Set(_) => ", egress_proxy = :proxy",
        ProxyChange::Keep | ProxyChange::Remove => "",
    }
}

const fn removed_of(proxy: ProxyChange<'_>) -> &'static str {
    match proxy {
        ProxyChange::Remove => ", egress_proxy",
        ProxyChange::Keep | ProxyChange::Set(_) => "",
    }
}

fn with_proxy(row: UpdateBuilder, proxy: ProxyChange<'_>) -> UpdateBuilder {
    match proxy {
        ProxyChange::Set(sealed) => row.expression_attribute_values(":proxy", s(sealed)),
        ProxyChange::Keep | ProxyChange::Remove => row,
    }
}
