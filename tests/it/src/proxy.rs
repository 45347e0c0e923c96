//! A proxy between a function under test and everything it talks to. It counts what passes, and does to a chosen
//! request what a crash, a network or an overloaded service does at the worst moment.
//!
//! Requests are told apart by what they are for and how often that was asked before, not by their place among all:
//! a worker fetches one page while it commits another, and which of the two comes first is left to chance.

mod serve;

use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use local::aws::rules::Rule;
use reqwest::redirect::Policy;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::world::{EndpointOverrides, World};

/// One request: what it was for, and which of those it was, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Step {
    /// `fans/list`, `SendMessage`, `GetItem t_douyin_auth`, …: a transaction goes by the table of its first action.
    pub name: String,
    pub nth: u32,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} #{}", self.name, self.nth)
    }
}

/// Which side of the request the fault is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Nobody got to see the request.
    Before,
    /// It was carried out, but its answer never arrived.
    After,
}

/// What happens to a request.
#[derive(Debug, Clone)]
pub enum Fault {
    /// The process that sent it dies: nothing passes from then on, and [`Proxy::died`] comes true.
    Kill(When),
    /// The connection ends without an answer.
    Lose(When),
    /// Somebody else's answer; the request is not carried out.
    Answer(u16, String),
    /// Of a batch of messages only so many of the first are carried out, and the answer says that the others were refused.
    FirstOfBatch(usize),
    /// It waits until the gate is opened, then passes.
    Hold(Gate),
    /// The true answer, with each of the first texts replaced by the second.
    Replace(Vec<(String, String)>),
}

/// Holds a request back until it is opened.
#[derive(Debug, Clone)]
pub struct Gate {
    reached: watch::Sender<bool>,
    open: watch::Sender<bool>,
}

impl Gate {
    /// Waits until the request has come.
    pub async fn reached(&self) {
        until(&self.reached).await;
    }

    pub fn open(&self) {
        self.open.send_replace(true);
    }
}

#[derive(Debug)]
pub struct Proxy {
    url: String,
    state: Arc<State>,
    server: JoinHandle<()>,
}

#[derive(Debug)]
struct State {
    aws: String,
    platforms: String,
    http: reqwest::Client,
    log: Mutex<Log>,
    dead: watch::Sender<bool>,
    under_way: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct Log {
    counts: BTreeMap<String, u32>,
    steps: Vec<Step>,
    delayed: Vec<DelayedMessage>,
    faults: Vec<Armed>,
    refused_transactions: u32,
}

/// A message that its sender wants to come later. The emulated queue waits in real time, so a test that moves the clock
/// delivers it itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DelayedMessage {
    /// What it says.
    pub body: String,
    /// How much later.
    pub delay: Duration,
}

#[derive(Debug)]
struct Armed {
    first: Step,
    times: u32,
    fault: Fault,
}

impl Proxy {
    /// A proxy in front of a world's AWS and platforms.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start(world: &World) -> Result<Self> {
        // The requests of a test are told apart by how often each came, so none may come again by chance.
        world.rules.switch_off(&Rule::OF_REPEATED_REQUESTS);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("no free port")?;
        let url = format!("http://{}", listener.local_addr()?);
        let state = Arc::new(State {
            aws: world.aws_url.clone(),
            platforms: world.sandbox.url().to_owned(),
            // Without roots of trust, which take longer to load than many a test lasts: everything here is plain HTTP.
            http: reqwest::Client::builder().no_proxy().redirect(Policy::none()).tls_certs_only([]).build()?,
            log: Mutex::default(),
            dead: watch::Sender::new(false),
            under_way: watch::Sender::new(0),
        });
        let server = tokio::spawn(serve::accept(listener, Arc::clone(&state)));
        Ok(Self { url, state, server })
    }

    /// For a function that is to run through it.
    #[must_use]
    pub fn endpoints(&self) -> EndpointOverrides {
        EndpointOverrides {
            aws_url: Some(self.url.clone()),
            douyin_url: Some(format!("{}/douyin", self.url)),
            wechat_url: Some(self.url.clone()),
        }
    }

    /// Lets one request meet a fault.
    pub fn arm(&self, name: &str, nth: u32, fault: Fault) {
        self.arm_times(name, nth, 1, fault);
    }

    /// Lets so many requests, from the `nth` on, meet a fault.
    pub fn arm_times(&self, name: &str, nth: u32, times: u32, fault: Fault) {
        let first = Step { name: name.to_owned(), nth };
        self.state.log().faults.push(Armed { first, times, fault });
    }

    /// Holds one request back.
    #[must_use]
    pub fn hold(&self, name: &str, nth: u32) -> Gate {
        let gate = Gate { reached: watch::Sender::new(false), open: watch::Sender::new(false) };
        self.arm(name, nth, Fault::Hold(gate.clone()));
        gate
    }

    /// Everything that came, in order of arrival.
    #[must_use]
    pub fn steps(&self) -> Vec<Step> {
        self.state.log().steps.clone()
    }

    /// The delayed messages that were sent since this was asked last.
    #[must_use]
    pub fn take_delayed(&self) -> Vec<DelayedMessage> {
        std::mem::take(&mut self.state.log().delayed)
    }

    /// How many requests of this name came.
    #[must_use]
    pub fn count(&self, name: &str) -> u32 {
        self.state.log().counts.get(name).copied().unwrap_or_default()
    }

    /// How many transactions were refused, by a condition or by another writer.
    #[must_use]
    pub fn refused_transactions(&self) -> u32 {
        self.state.log().refused_transactions
    }

    /// Waits until a [`Fault::Kill`] was met: whoever runs the function is to drop it now.
    pub async fn died(&self) {
        until(&self.state.dead).await;
    }

    /// Waits until nothing that was let through is still being carried out: a request outlives the process that sent it.
    pub async fn idle(&self) {
        let mut under_way = self.state.under_way.subscribe();
        let _open_as_long_as_self = under_way.wait_for(|requests| *requests == 0).await.is_ok();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl State {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log {
    /// Counts a request and says what it meets.
    fn meet(&mut self, name: String) -> Option<Fault> {
        let count = self.counts.entry(name.clone()).or_default();
        *count += 1;
        let step = Step { name, nth: *count };
        let meets = |armed: &&Armed| {
            let since = step.nth.checked_sub(armed.first.nth);
            armed.first.name == step.name && since.is_some_and(|since| since < armed.times)
        };
        let fault = self.faults.iter().find(meets).map(|armed| armed.fault.clone());
        self.steps.push(step);
        fault
    }
}

async fn until(flag: &watch::Sender<bool>) {
    let _open_as_long_as_borrowed = flag.subscribe().wait_for(|is_set| *is_set).await.is_ok();
}
