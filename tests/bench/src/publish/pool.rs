//! Publishers as Lambda runs them: each takes a batch, handles it, and takes the next. Beside them the sweeper, once a
//! minute.

use std::cell::Cell;
use std::convert::Infallible;
use std::time::Duration;

use anyhow::Result;
use functions::worker::run_batch;
use functions::workers::moment_publisher::{self, App};
use functions::workers::sweeper;
use futures::future::try_join_all;
use it::World;
use it::queue::as_event;
use it::world::EndpointOverrides;

use crate::{poller, real_time};

/// How often the template has the sweeper run.
const SWEEPS: Duration = Duration::from_secs(60);

/// See the module. The publishers share one thread: they wait for AWS nearly all the time.
pub struct Pool<'a> {
    world: &'a World,
    publisher: App,
    sweeper: sweeper::App,
    received: Cell<usize>,
    /// Messages whose handling failed, so that they came again.
    returned: Cell<usize>,
}

impl<'a> Pool<'a> {
    /// A pool whose functions take this way to AWS.
    pub async fn new(world: &'a World, endpoints: &EndpointOverrides) -> Result<Self> {
        Ok(Self {
            world,
            publisher: App::new(&real_time::context(world, "moment-publisher", endpoints).await?).await?,
            sweeper: sweeper::App::new(&real_time::context(world, "sweeper", endpoints).await?).await?,
            received: Cell::default(),
            returned: Cell::default(),
        })
    }

    /// Works until `end` comes.
    pub async fn work<T>(&self, publishers: usize, end: impl Future<Output = Result<T>>) -> Result<T> {
        let publishers = try_join_all((0..publishers).map(|_| Box::pin(self.publish())));
        tokio::select! {
            ended = end => ended,
            Err(stopped) = publishers => Err(stopped),
            Err(stopped) = self.sweep() => Err(stopped),
        }
    }

    /// Messages taken, and how many of them came again because their handling failed.
    pub fn messages(&self) -> (usize, usize) {
        (self.received.get(), self.returned.get())
    }

    async fn publish(&self) -> Result<Infallible> {
        let queue = self.world.publish_queue_url()?;
        loop {
            let batch = poller::receive(self.world, queue).await?;
            if batch.is_empty() {
                continue;
            }
            self.received.set(self.received.get() + batch.len());
            let event = as_event(&batch)?;
            let answer = run_batch(&self.publisher, moment_publisher::handle, event, self.world.deadline()).await;
            let failed: Vec<&str> = answer.batch_item_failures.iter().map(|one| &*one.item_identifier).collect();
            let returned = poller::settle(self.world, queue, batch, &failed).await?;
            self.returned.set(self.returned.get() + returned);
        }
    }

    async fn sweep(&self) -> Result<Infallible> {
        let mut minutes = tokio::time::interval(SWEEPS);
        loop {
            minutes.tick().await;
            sweeper::handle(&self.sweeper, self.world.deadline()).await?;
        }
    }
}
