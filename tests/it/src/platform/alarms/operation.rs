//! A world that runs by the minute: its schedules fire, its queues are read, and what CloudWatch would know of that is
//! recorded: what the functions write themselves, and what AWS counts of functions and queues.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aws_sdk_sqs::types::{Message, QueueAttributeName};
use functions::worker::{run_batch, run_scheduled};
use functions::workers::{
    douyin_fan_sync_worker, douyin_token_keeper, event_sequencer, moment_publisher, sweeper, webhook_deliverer,
    wechat_health_checker,
};
use serde_json::Value;

use super::declared::{Alarm, MINUTE, alarms};
use super::recording::{Recording, Source};
use crate::World;
use crate::logged::Logged;
use crate::platform::parity::alarms::seconds_between;
use crate::platform::parity::project::Template;
use crate::proxy::Proxy;
use crate::queue::as_event;

/// More batches than a minute of any story has.
const MOST_BATCHES: usize = 50;

/// What calls a function without anybody waiting.
#[derive(Debug)]
enum Trigger {
    /// Every so many seconds; the second of its next run.
    Schedule {
        every: i64,
        next: i64,
    },
    Queue(Queue),
}

/// A queue with its dead letters.
#[derive(Debug)]
struct Queue {
    /// Logical ids of both.
    ids: [String; 2],
    urls: [String; 2],
    /// For how long a message is out of sight once it was taken.
    hidden_for: i64,
    /// Receipts of messages that failed, with the second at which they come back.
    hidden: Vec<(i64, String)>,
    /// Since when messages have been waiting that nobody takes.
    waiting_since: Option<i64>,
}

#[derive(Debug)]
struct Function {
    bin: String,
    id: String,
    trigger: Trigger,
}

/// Functions that have been started: one that cannot start is started again at its next call.
#[derive(Default)]
struct Started {
    sweeper: Option<sweeper::App>,
    douyin_token_keeper: Option<douyin_token_keeper::App>,
    wechat_health_checker: Option<wechat_health_checker::App>,
    douyin_fan_sync_worker: Option<douyin_fan_sync_worker::App>,
    moment_publisher: Option<moment_publisher::App>,
    event_sequencer: Option<event_sequencer::App>,
    webhook_deliverer: Option<webhook_deliverer::App>,
}

macro_rules! started {
    ($operation:ident, $function:ident, $bin:ident) => {{
        // A function is called seconds after the one before it has ended.
        $operation.world.rules.settle();
        if $operation.started.$function.is_none() {
            let base = $operation.world.context($bin, &$operation.proxy.endpoints()).await?;
            $operation.started.$function = $function::App::new(&base).await.ok();
        }
        $operation.started.$function.as_ref()
    }};
}

/// The world, and what was recorded of it so far.
pub struct Operation {
    pub world: World,
    /// All functions talk through it.
    proxy: Proxy,
    recording: Recording,
    functions: Vec<Function>,
    started: Started,
    stopped: BTreeSet<String>,
    log: Logged,
    read: usize,
    /// Name of the metric by the word for which its filter looks.
    filters: BTreeMap<String, String>,
    delayed: Vec<(i64, String)>,
    alarms: Vec<Alarm>,
    begun: i64,
}

impl Operation {
    /// Begins to record at the next whole minute. Everything that the world's functions log has to go into `log`.
    pub async fn begin(world: World, log: &Logged) -> Result<Self> {
        let template = Template::read();
        let proxy = Proxy::start(&world).await?;
        let second = world.clock.now().as_second();
        let begun = second + (MINUTE - second.rem_euclid(MINUTE)) % MINUTE;
        world.advance(Duration::from_secs(u64::try_from(begun - second)?));
        let filters = template.of_type("AWS::Logs::MetricFilter").map(|(name, filter)| {
            let pattern = filter["FilterPattern"].as_str().context("no pattern")?;
            let word = pattern.strip_prefix("{ $.alarm = \"").and_then(|rest| rest.strip_suffix("\" }"));
            let metric = filter["MetricTransformations"][0]["MetricName"].as_str().context("no metric")?;
            Ok((word.with_context(|| format!("{name}: {pattern}"))?.to_owned(), metric.to_owned()))
        });
        Ok(Self {
            functions: functions(&template, &world, begun)?,
            filters: filters.collect::<Result<_>>()?,
            alarms: alarms(&template)?,
            // What was logged before belongs to nobody's minute.
            read: log.text_from(0).len(),
            log: log.clone(),
            world,
            proxy,
            recording: Recording::default(),
            started: Started::default(),
            stopped: BTreeSet::new(),
            delayed: Vec::new(),
            begun,
        })
    }

    pub fn now(&self) -> i64 {
        self.world.clock.now().as_second()
    }

    /// From now on a function is not called.
    pub fn stop(&mut self, bin: &str) {
        self.stopped.insert(bin.to_owned());
    }

    /// From now on only these functions are called.
    pub fn run_only(&mut self, bins: &[&str]) {
        let others = self.functions.iter().map(|function| &function.bin).filter(|bin| !bins.contains(&bin.as_str()));
        self.stopped = others.cloned().collect();
    }

    /// Plays so many minutes.
    pub async fn minutes(&mut self, count: usize) -> Result<()> {
        for _ in 0..count {
            self.minute().await?;
        }
        Ok(())
    }

    /// Plays a minute: what is due at its beginning, and then nothing until its end.
    pub async fn minute(&mut self) -> Result<()> {
        let (now, mut functions) = (self.now(), std::mem::take(&mut self.functions));
        for function in &mut functions {
            let runs = !self.stopped.contains(&function.bin);
            match &mut function.trigger {
                Trigger::Schedule { every, next } => {
                    let is_due = now >= *next;
                    while now >= *next {
                        *next += *every;
                    }
                    if runs && is_due {
                        let succeeds = Box::pin(self.round(&function.bin)).await?;
                        self.invoked(&function.id, now, succeeds);
                    }
                }
                Trigger::Queue(queue) => {
                    Box::pin(self.read_queue(&function.bin, &function.id, queue, runs)).await?;
                }
            }
        }
        self.functions = functions;
        // A pause in the code moves the clock too, and may take minutes.
        let left = MINUTE - (self.now() - now) % MINUTE;
        self.world.advance(Duration::from_secs(u64::try_from(left)?));
        Ok(())
    }

    /// The alarms that have rung since `from`, with the second at which they did.
    pub fn rung(&self, from: i64) -> Result<BTreeMap<&str, i64>> {
        let mut rung = BTreeMap::new();
        for alarm in &self.alarms {
            if let Some(second) = alarm.rings(&self.recording, (self.begun, self.now()))?.filter(|at| *at > from) {
                rung.insert(alarm.name.as_str(), second);
            }
        }
        Ok(rung)
    }

    /// Books a number that AWS counts.
    fn count(&mut self, (namespace, name, of): (&str, &str, &str), at: i64, value: f64) {
        self.recording.put(Source::aws(namespace, name, of), at, value);
    }

    /// Books a call of a function, at the second at which it began.
    fn invoked(&mut self, id: &str, at: i64, succeeds: bool) {
        self.count(("AWS/Lambda", "Invocations", id), at, 1.0);
        self.count(("AWS/Lambda", "Errors", id), at, if succeeds { 0.0 } else { 1.0 });
        self.book();
    }

    /// Books what was logged since this was asked last.
    fn book(&mut self) {
        let (text, now) = (self.log.text_from(self.read), self.now());
        for line in text.lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            for metric in line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().into_iter().flatten() {
                let name = metric["Name"].as_str().unwrap_or_default();
                self.recording.put(Source::own(name), now, line[name].as_f64().unwrap_or_default());
            }
            if let Some(metric) = line["alarm"].as_str().and_then(|word| self.filters.get(word)) {
                self.recording.put(Source::own(metric), now, 1.0);
            }
        }
        self.read += text.len();
    }

    /// Runs a scheduled function once. Whether Lambda counts that as a success.
    async fn round(&mut self, bin: &str) -> Result<bool> {
        let deadline = self.world.deadline();
        macro_rules! round {
            ($function:ident) => {
                match started!(self, $function, bin) {
                    Some(app) => run_scheduled(app, $function::handle, deadline).await.is_ok(),
                    None => false,
                }
            };
        }
        Ok(match bin {
            "sweeper" => round!(sweeper),
            "douyin-token-keeper" => round!(douyin_token_keeper),
            "wechat-health-checker" => round!(wechat_health_checker),
            _ => anyhow::bail!("{bin} is scheduled, and its stories are not known"),
        })
    }

    /// Hands a batch to the function of a queue. The messages that failed, by id; `None` when the function does not start.
    async fn batch(&mut self, bin: &str, batch: &[Message]) -> Result<Option<Vec<String>>> {
        let (event, deadline) = (as_event(batch)?, self.world.deadline());
        macro_rules! batch {
            ($function:ident) => {
                match started!(self, $function, bin) {
                    Some(app) => run_batch(app, $function::handle, event, deadline).await,
                    None => return Ok(None),
                }
            };
        }
        let answer = match bin {
            "douyin-fan-sync-worker" => batch!(douyin_fan_sync_worker),
            "moment-publisher" => batch!(moment_publisher),
            "event-sequencer" => batch!(event_sequencer),
            "webhook-deliverer" => batch!(webhook_deliverer),
            _ => anyhow::bail!("{bin} reads a queue, and its stories are not known"),
        };
        Ok(Some(answer.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect()))
    }

    async fn read_queue(&mut self, bin: &str, id: &str, queue: &mut Queue, runs: bool) -> Result<()> {
        let now = self.now();
        self.bring_back(queue, now).await?;
        let mut taken = 0;
        for nth in 0.. {
            ensure!(nth < MOST_BATCHES, "the queue of {bin} does not run dry");
            self.deliver_delayed().await?;
            if !runs {
                break;
            }
            let receive = self.world.aws.sqs.receive_message().queue_url(&queue.urls[0]).max_number_of_messages(10);
            let batch = receive.send().await?.messages.unwrap_or_default();
            if batch.is_empty() {
                break;
            }
            taken += batch.len();
            let failed = self.batch(bin, &batch).await?;
            self.invoked(id, now, failed.is_some());
            for message in batch {
                let receipt = message.receipt_handle.context("no receipt handle")?;
                let message = message.message_id.unwrap_or_default();
                if failed.as_ref().is_none_or(|failed| failed.contains(&message)) {
                    queue.hidden.push((now + queue.hidden_for, receipt));
                } else {
                    let delete = self.world.aws.sqs.delete_message().queue_url(&queue.urls[0]);
                    delete.receipt_handle(receipt).send().await?;
                }
            }
        }
        let [waiting, dead] = [self.visible(&queue.urls[0]).await?, self.visible(&queue.urls[1]).await?];
        queue.waiting_since = queue.waiting_since.or(Some(now)).filter(|_| waiting > 0.0);
        let age = queue.waiting_since.map_or(0, |since| now - since);
        let [ours, letters] = queue.ids.clone();
        self.count(("AWS/SQS", "ApproximateNumberOfMessagesVisible", &ours), now, waiting);
        self.count(("AWS/SQS", "NumberOfMessagesReceived", &ours), now, f64::from(u32::try_from(taken)?));
        self.count(("AWS/SQS", "ApproximateAgeOfOldestMessage", &ours), now, f64::from(i32::try_from(age)?));
        self.count(("AWS/SQS", "ApproximateNumberOfMessagesVisible", &letters), now, dead);
        Ok(())
    }

    /// Messages that failed are seen again when their time is over; the queue itself keeps real time.
    async fn bring_back(&self, queue: &mut Queue, now: i64) -> Result<()> {
        let (due, hidden) = queue.hidden.drain(..).partition(|(at, _)| *at <= now);
        queue.hidden = hidden;
        for (_, receipt) in due {
            let change = self.world.aws.sqs.change_message_visibility().queue_url(&queue.urls[0]);
            change.receipt_handle(receipt).visibility_timeout(0).send().await?;
        }
        Ok(())
    }

    /// Puts messages on their queue whose delay is over; the copy that the queue itself delays, in real time, comes later and
    /// finds nothing to do.
    async fn deliver_delayed(&mut self) -> Result<()> {
        let now = self.now();
        let sent = self.proxy.take_delayed().into_iter();
        self.delayed.extend(sent.map(|it| (now + i64::try_from(it.delay.as_secs()).unwrap_or(i64::MAX), it.body)));
        let (due, delayed): (Vec<_>, Vec<_>) = self.delayed.drain(..).partition(|(at, _)| *at <= now);
        self.delayed = delayed;
        for (_, body) in due {
            // Of posts only those about deliveries wait that way, as long as their tasks are made by others.
            let is_sync = serde_json::from_str::<Value>(&body)?["delivery"].is_null();
            let url = if is_sync { self.world.queue_url()? } else { self.world.publish_queue_url()? };
            self.world.aws.sqs.send_message().queue_url(url).message_body(body).send().await?;
        }
        Ok(())
    }

    async fn visible(&self, url: &str) -> Result<f64> {
        let which = QueueAttributeName::ApproximateNumberOfMessages;
        let asked = self.world.aws.sqs.get_queue_attributes().queue_url(url).attribute_names(which.clone());
        let counts = asked.send().await?.attributes.unwrap_or_default();
        Ok(counts.get(&which).context("no number of messages")?.parse()?)
    }
}

/// The functions that the template has run by a schedule or a queue.
fn functions(template: &Template, world: &World, begun: i64) -> Result<Vec<Function>> {
    let declared = template.functions();
    let mut functions = Vec::new();
    for function in declared.values().filter(|function| function.events("ScheduleV2").next().is_some()) {
        let trigger = Trigger::Schedule { every: i64::try_from(seconds_between(function))?, next: begun };
        functions.push(Function { bin: function.bin.clone(), id: function.id.clone(), trigger });
    }
    for (_, source) in template.of_type("AWS::Lambda::EventSourceMapping") {
        let id = source["FunctionName"]["Ref"].as_str().context("no function")?;
        let bin = declared.values().find(|function| function.id == id).context("an unknown function")?.bin.clone();
        let arn = source["EventSourceArn"]["Fn::GetAtt"].as_str().context("no queue")?;
        let queue = arn.strip_suffix(".Arn").context("no queue")?.to_owned();
        let properties = &template.resource(&queue)["Properties"];
        let dead = properties["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"].as_str();
        let dead = dead.and_then(|arn| arn.strip_suffix(".Arn")).context("no dead letters")?.to_owned();
        let url = |id: &str| world.stack.outputs.get(&format!("{id}Url")).cloned().context("no output");
        let hidden_for = properties["VisibilityTimeout"].as_i64().context("no VisibilityTimeout")?;
        let urls = [url(&queue)?, url(&dead)?];
        let queue = Queue { ids: [queue, dead], urls, hidden_for, hidden: Vec::new(), waiting_since: None };
        functions.push(Function { bin, id: id.to_owned(), trigger: Trigger::Queue(queue) });
    }
    Ok(functions)
}
