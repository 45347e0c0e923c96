//! Numbers a tenant's events: each transaction takes items out of the outbox, puts their events at the next numbers, and moves
//! the head. Whoever dies has moved them or has not, and the message comes back.
//!
//! Two sequencers of one tenant are harmless: the later one finds the head moved, and reads anew. There is no lease, which would
//! cost two writes for each message and hold the tenant's events up when its holder dies.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use futures::try_join;

use super::order::{parts, ready};
use super::outbox::{Outbox, Waiting};
use super::store::{Advance, EventStore, Head, StoredEvent};
use crate::clock::Clock;
use crate::config::{ConfigError, EVENTS};
use crate::context::Context;
use crate::deadline::Deadline;
use crate::error::{Error, IsContention, Result};
use crate::ids::UserId;
use crate::instant::{after, whole_second};
use crate::retry::CONFLICT_PAUSES;
use crate::transaction::Transaction;

/// A read and a transaction are begun only if this is left, which is what they take at the worst.
const MIN_TIME_LEFT: Duration = Duration::from_secs(20);

/// Reads after which a run ends though there are more events, if those that have their numbers are awaited: a tenant that
/// changes all the time never has none left.
const READS: usize = 4;

/// Messages for one tenant in a batch wait for each other: the first finds what the others came for.
type Turn = futures::lock::Mutex<()>;

/// What a run has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbered {
    /// How many events got their numbers.
    pub events: usize,
    /// Whether events of the tenant are to be handed to its webhooks or to the sink.
    pub are_awaited: bool,
    /// Whether no event is left without a number. The others are for another run, or for another message if there was no time.
    pub are_all: bool,
}

/// Numbers events.
#[derive(Debug, Clone)]
pub struct Sequencer {
    outbox: Outbox,
    events: EventStore,
    clock: Clock,
    retention: Duration,
    has_sink: bool,
    turns: Arc<Mutex<HashMap<UserId, Weak<Turn>>>>,
}

impl Sequencer {
    /// Built once at init.
    ///
    /// # Errors
    /// Names the setting that is missing or wrong.
    pub fn new(cx: &Context) -> Result<Self, ConfigError> {
        let settings = EVENTS.of(&cx.env);
        let days: u64 = settings.number("EVENT_RETENTION_DAYS")?;
        Ok(Self {
            outbox: Outbox::new(cx)?,
            events: EventStore { client: cx.aws.dynamodb.clone(), table: cx.table("t_event")? },
            clock: cx.clock.clone(),
            retention: Duration::from_secs(days * 86_400),
            has_sink: settings.optional("EVENT_SINK")?.is_some(),
            turns: Arc::default(),
        })
    }

    /// Numbers the tenant's events until none is left, or some are and others are awaited, or `deadline` comes near: then another
    /// message goes on.
    ///
    /// # Errors
    /// When the tables cannot be read or written: the message comes back.
    pub async fn run(&self, tenant: UserId, deadline: Deadline) -> Result<Numbered> {
        let turn = self.turn(tenant);
        let _turn = turn.lock().await;
        let (mut seen, mut events, mut reads) = (HashSet::new(), 0, 0);
        loop {
            if deadline.remaining(self.clock.now()) < MIN_TIME_LEFT {
                self.go_on(tenant).await;
                return Ok(Numbered { events, are_awaited: false, are_all: false });
            }
            let (head, window) = try_join!(self.events.head(tenant), self.outbox.window(tenant))?;
            let (are_awaited, are_all) = (head.dispatch_since.is_some(), window.items.is_empty());
            if are_all || (are_awaited && reads >= READS) {
                return Ok(Numbered { events, are_awaited, are_all });
            }
            reads += 1;
            let found = window.items.iter().map(|item| item.entry.clone()).collect();
            events += self.number(tenant, head, ready(window, &seen), deadline).await?;
            seen = found;
        }
    }

    /// Sends another message for the tenant: there was no time for all.
    pub async fn go_on(&self, tenant: UserId) {
        self.outbox.wake(tenant).await;
    }

    /// Numbers these items, as many as there is time for, unless another sequencer moves the head; how many events.
    async fn number(&self, tenant: UserId, mut head: Head, items: Vec<Waiting>, deadline: Deadline) -> Result<usize> {
        let mut moved = 0;
        for (nth, part) in parts(items).into_iter().enumerate() {
            // The first one is in the time that was left for the read.
            if nth > 0 && deadline.remaining(self.clock.now()) < MIN_TIME_LEFT {
                break;
            }
            let (transaction, next) = self.transaction(tenant, head, &part)?;
            let is_committed = match self.outbox.commit(&transaction).await {
                Ok(outcome) => outcome.is_committed(),
                Err(error) if error.is_contention() => false,
                Err(error) => return Err(error),
            };
            if !is_committed {
                self.clock.sleep(CONFLICT_PAUSES.jittered(0)).await;
                break;
            }
            moved += part.iter().map(|item| item.events.len()).sum::<usize>();
            head = next;
        }
        Ok(moved)
    }

    fn transaction(&self, tenant: UserId, head: Head, items: &[Waiting]) -> Result<(Transaction, Head)> {
        let expires_at = after(self.clock.now(), self.retention).max(head.last_expiry);
        let (mut taken, mut puts, mut sequence) = (Vec::new(), Vec::new(), head.last_sequence);
        for item in items {
            taken.push(self.outbox.take(tenant, &item.entry)?);
            let (_, random) = item.entry.split_once('#').ok_or(Error::Corrupt("outbox item"))?;
            for (nth, event) in item.events.iter().enumerate() {
                sequence += 1;
                let id = format!("{random}-{nth}");
                puts.push(
                    self.events.put(tenant, &StoredEvent::new(event, id, sequence, item.written_at, expires_at))?,
                );
            }
        }
        let (last_expiry, has_sink) = (whole_second(expires_at), self.has_sink);
        let advance = Advance { last_sequence: sequence, last_expiry, now: self.clock.now(), has_sink };
        let mut transaction = Transaction::new();
        transaction.add(self.events.advance(tenant, head, advance)?);
        transaction.add_all(puts);
        transaction.add_all(taken);
        let sink_sequence = has_sink.then(|| head.sink_sequence.unwrap_or(head.last_sequence));
        Ok((transaction, Head { last_sequence: sequence, last_expiry, sink_sequence, ..head }))
    }

    /// The tenant's turn in this process. It is forgotten with the last message that holds it.
    fn turn(&self, tenant: UserId) -> Arc<Turn> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.retain(|_, turn| turn.strong_count() > 0);
        if let Some(turn) = turns.get(&tenant).and_then(Weak::upgrade) {
            return turn;
        }
        let turn = Arc::new(Turn::new(()));
        turns.insert(tenant, Arc::downgrade(&turn));
        turn
    }
}
