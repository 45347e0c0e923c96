//! The workers and the schedules. Two workers of each queue at once; processes die, messages come twice, later or never.

use anyhow::{Context, Result};
use aws_sdk_sqs::types::Message;
use functions::worker::run_batch;
use functions::workers::{
    douyin_fan_sync_worker, douyin_token_keeper, event_sequencer, moment_publisher, sweeper, wechat_health_checker,
};
use futures::FutureExt;
use futures::future::join;
use it::queue::as_event;
use it::world::EndpointOverrides;

use super::Soak;
use super::death::unless_it_dies;

/// One worker in so many dies, and within so many of its waits.
const DEATHS: u32 = 4;
const WAITS: u32 = 25;
/// A message in so many comes twice, one in so many never.
const DOUBLED: u32 = 8;
const LOST: u32 = 25;
/// Batches in a row before other things happen.
const BATCHES: u32 = 4;

#[derive(Debug, Clone, Copy)]
enum Queue {
    Syncs,
    Posts,
    Events,
}

/// What becomes of a message before its worker gets it.
enum Delivery {
    Once(Message),
    /// Its copy is in the queue.
    Twice(Message),
    Never,
}

impl Soak {
    pub(super) async fn work(&mut self) -> Result<()> {
        for queue in [Queue::Syncs, Queue::Posts, Queue::Events] {
            for _ in 0..BATCHES {
                let batches = [self.batch(queue).await?, self.batch(queue).await?];
                if batches.iter().all(Vec::is_empty) {
                    break;
                }
                self.carry_out(queue, batches).await?;
            }
        }
        Ok(())
    }

    fn url(&self, queue: Queue) -> Result<&str> {
        match queue {
            Queue::Syncs => self.world.queue_url(),
            Queue::Posts => self.world.publish_queue_url(),
            Queue::Events => self.events_url(),
        }
    }

    pub(super) fn events_url(&self) -> Result<&str> {
        Ok(self.world.stack.outputs.get("EventQueueUrl").context("the template has no EventQueueUrl")?)
    }

    /// The next messages, without those that get lost.
    async fn batch(&mut self, queue: Queue) -> Result<Vec<Message>> {
        let received = self.world.aws.sqs.receive_message().queue_url(self.url(queue)?).max_number_of_messages(10);
        let received = received.send().await?.messages.unwrap_or_default();
        let mut batch = Vec::new();
        for message in received {
            match self.deliver(message) {
                Delivery::Once(message) => batch.push(message),
                Delivery::Twice(message) => {
                    let copy = self.world.aws.sqs.send_message().queue_url(self.url(queue)?);
                    copy.set_message_body(message.body.clone()).send().await?;
                    batch.push(message);
                }
                // It is left to its visibility timeout, which this run does not live to see.
                Delivery::Never => {}
            }
        }
        Ok(batch)
    }

    fn deliver(&mut self, message: Message) -> Delivery {
        if self.is_calm {
            Delivery::Once(message)
        } else if self.one_in(LOST) {
            self.count("messages lost");
            Delivery::Never
        } else if self.one_in(DOUBLED) {
            self.count("messages doubled");
            Delivery::Twice(message)
        } else {
            Delivery::Once(message)
        }
    }

    async fn carry_out(&mut self, queue: Queue, [first, second]: [Vec<Message>; 2]) -> Result<()> {
        let deaths = if self.is_calm { [None, None] } else { [(); 2].map(|()| self.death(DEATHS, WAITS)) };
        let work = |batch: Vec<Message>, death| {
            let soak = &*self;
            async move {
                let worked = unless_it_dies(death, soak.worker(queue, batch.clone()).boxed_local()).await;
                match worked {
                    Some(worked) => worked.map(|()| Vec::new()),
                    None => Ok(batch),
                }
            }
        };
        let (first, second) = join(work(first, deaths[0]), work(second, deaths[1])).await;
        for left in [first?, second?] {
            if !left.is_empty() {
                self.count("deaths of workers");
                self.again(queue, left).await?;
            }
        }
        Ok(())
    }

    async fn worker(&self, queue: Queue, batch: Vec<Message>) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        let endpoints = EndpointOverrides::default();
        match queue {
            Queue::Syncs => {
                let cx = self.world.context("douyin-fan-sync-worker", &endpoints).await?;
                self.world.run_batch(&douyin_fan_sync_worker::App::new(&cx).await?, batch).await?;
            }
            Queue::Posts => {
                let cx = self.world.context("moment-publisher", &endpoints).await?;
                self.world.publish_batch(&moment_publisher::App::new(&cx).await?, batch).await?;
            }
            Queue::Events => {
                let cx = self.world.context("event-sequencer", &endpoints).await?;
                let app = event_sequencer::App::new(&cx).await?;
                let answer = run_batch(&app, event_sequencer::handle, as_event(&batch)?, self.world.deadline()).await;
                self.world.settle(self.url(queue)?, batch, &answer).await?;
            }
        }
        Ok(())
    }

    /// Nobody answered for these: they are visible again.
    async fn again(&self, queue: Queue, messages: Vec<Message>) -> Result<()> {
        for message in messages {
            let change = self.world.aws.sqs.change_message_visibility().queue_url(self.url(queue)?);
            let change = change.set_receipt_handle(message.receipt_handle).visibility_timeout(0).send().await;
            // One that was done before the worker died is gone.
            let _visible_or_gone = change.is_ok();
        }
        Ok(())
    }

    /// The scheduled functions, each of which may die as well. A round that fails is one that an alarm rings for.
    pub(super) async fn keep(&mut self) -> Result<()> {
        for function in ["sweeper", "douyin-token-keeper", "wechat-health-checker"] {
            let death = if self.is_calm { None } else { self.death(DEATHS, WAITS) };
            match unless_it_dies(death, self.round_of(function).boxed_local()).await {
                Some(Ok(())) => {}
                Some(Err(_)) if !self.is_calm => self.count("rounds of schedules that failed"),
                Some(Err(error)) => return Err(error),
                None => self.count("deaths of schedules"),
            }
        }
        Ok(())
    }

    async fn round_of(&self, function: &str) -> Result<()> {
        let cx = self.world.context(function, &EndpointOverrides::default()).await?;
        let deadline = self.world.deadline();
        match function {
            "sweeper" => drop(sweeper::handle(&sweeper::App::new(&cx).await?, deadline).await?),
            "douyin-token-keeper" => {
                drop(douyin_token_keeper::handle(&douyin_token_keeper::App::new(&cx).await?, deadline).await?);
            }
            _ => drop(wechat_health_checker::handle(&wechat_health_checker::App::new(&cx).await?, deadline).await?),
        }
        Ok(())
    }
}
