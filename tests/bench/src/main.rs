//! The budgets, measured: `cargo budgets`. Counts and units are exact; times are medians of runs
//! taken in turns with what they are compared with. Ends with 1 when a budget is broken.
//!
//! Everything runs on this machine: the functions in this process or as the binaries Lambda would start, AWS as
//! dynoxide and MiniStack, Douyin and WeChat as the sandbox. What that leaves out is said with each figure.
#![expect(clippy::disallowed_methods, reason = "what is measured is real time")]
#![expect(clippy::large_futures, reason = "a world is large, and there is one at a time")]

mod event_load;
mod event_sink;
mod first_answer;
mod lists;
mod machine;
mod meter;
mod poller;
mod process;
mod publish;
mod publish_start;
mod publisher_memory;
mod real_time;
mod report;
mod resync;
mod soak;
mod start_calls;
mod story;
mod sync_time;
mod token_keeper;
mod webhooks;
mod worker;
mod write_units;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, ValueEnum};
use report::Report;

/// Measures the budgets and says which are kept.
#[derive(Debug, Parser)]
#[command(name = "cargo budgets")]
struct Options {
    /// Fewer runs and a tenth of the leads and posts: for a look, not for a verdict.
    #[arg(long)]
    quick: bool,
    /// Only this benchmark; may be given more than once.
    #[arg(long, value_enum)]
    only: Vec<Benchmark>,
    /// The cargo profile of the functions that run as processes; `release` is what production runs, and takes minutes
    /// to build.
    #[arg(long, default_value = "release-lite")]
    profile: String,
    /// Leads of the larger tenant of the lists, a multiple of 100,000; 100,000 otherwise. Without a search through them, whose
    /// budget is for that many.
    #[arg(long)]
    leads: Option<u32>,
    /// Tasks of the publishing run; 1,000 otherwise.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    tasks: Option<u32>,
    /// Publishers at work at once in it, as the template's PublishConcurrency.
    #[arg(long, default_value_t = 10)]
    publishers: usize,
    /// Receivers of webhooks that answer too late beside the others.
    #[arg(long, default_value_t = 10)]
    slow_receivers: usize,
    /// Messages that a deliverer of webhooks is handed at once, at most.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(i32).range(1..=10))]
    batch: i32,
    /// How long the soak disturbs both jobs, in minutes.
    #[arg(long, default_value_t = 30)]
    minutes: u64,
    /// Where its random numbers begin; another place at each run otherwise.
    #[arg(long)]
    seed: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Benchmark {
    /// A sync against a loop that only fetches the same pages.
    SyncTime,
    /// Write units per new lead.
    WriteUnits,
    /// What a sync writes that finds nothing new.
    Resync,
    /// Requests, read units and time of the lead list and of a search.
    Lists,
    /// AWS calls of asking for a sync.
    StartCalls,
    /// Memory of the worker, and how fast functions start.
    Worker,
    /// From the start of a function to its first answer, beside Node and Python.
    FirstAnswer,
    /// Many posts due in the same minute: none lost, none doubled, and how late.
    Publish,
    /// AWS calls of asking for a publication.
    PublishStart,
    /// Memory of the publisher with large media.
    PublisherMemory,
    /// What keeping tokens costs, and half a year of it with incidents.
    TokenKeeper,
    /// How long after its change an event is in the sink.
    EventSink,
    /// How long after its change a webhook is told an event, and what slow receivers do to that.
    Webhooks,
    /// Both jobs while everything goes wrong: nothing lost, nothing doubled, every row ended. Only when asked for.
    Soak,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let options = Options::parse();
    let mut report = Report::new(&options);
    for benchmark in Benchmark::value_variants() {
        let is_wanted =
            if options.only.is_empty() { *benchmark != Benchmark::Soak } else { options.only.contains(benchmark) };
        if !is_wanted {
            continue;
        }
        let name = benchmark.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        report::progress(&name, "begins");
        let figures = match benchmark {
            Benchmark::SyncTime => sync_time::measure(&options).await?,
            Benchmark::WriteUnits => write_units::measure(&options).await?,
            Benchmark::Resync => resync::measure(&options).await?,
            Benchmark::Lists => lists::measure(&options).await?,
            Benchmark::StartCalls => start_calls::measure().await?,
            Benchmark::Worker => worker::measure(&options).await?,
            Benchmark::FirstAnswer => first_answer::measure(&options).await?,
            Benchmark::Publish => publish::measure(&options).await?,
            Benchmark::PublishStart => publish_start::measure().await?,
            Benchmark::PublisherMemory => publisher_memory::measure(&options).await?,
            Benchmark::TokenKeeper => token_keeper::measure(&options).await?,
            Benchmark::EventSink => event_sink::measure(&options).await?,
            Benchmark::Webhooks => webhooks::measure(&options).await?,
            Benchmark::Soak => soak::measure(&options).await?,
        };
        report.add(&name, figures);
    }
    report.publish()?;
    Ok(if report.is_kept() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Options {
    /// How many fans a sync of the benchmarks has.
    const fn fans(&self) -> u32 {
        if self.quick { 500 } else { 5_000 }
    }

    /// How often what varies from run to run is measured.
    const fn rounds(&self) -> usize {
        if self.quick { 1 } else { 3 }
    }

    /// How many tasks are published.
    fn tasks(&self) -> usize {
        let usual = if self.quick { 100 } else { 1_000 };
        self.tasks.map_or(usual, |tasks| tasks as usize)
    }
}
