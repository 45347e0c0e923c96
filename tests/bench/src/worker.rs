//! The worker as the process that Lambda runs: how much memory a sync takes, and how fast functions start.

use kernel::platform_secret::Secrets;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use it::World;
use it::world::EndpointOverrides;
use serde_json::{Value, json};

use crate::process::{Function, Variables, build, build_hello, variables};
use crate::report::{Figure, median, progress};
use crate::{Options, story};

const WORKER: &str = "douyin-fan-sync-worker";
const API_FUNCTION: &str = "douyin-fans-sync";

const PEAK: &str = "VmHWM of the process. AWS is reached by plain HTTP here; in production the TLS sessions to DynamoDB, \
                    KMS, SQS and Secrets Manager add to it.";

pub async fn measure(options: &Options) -> Result<Vec<Figure>> {
    let built = build("worker", &options.profile, &[WORKER, API_FUNCTION]).await?;
    let world = story::world().await?;
    let account = story::account(&world, "shop", options.fans()).await?;
    let of_worker = variables(&world, WORKER)?;

    let mut worker = Function::start(built.path(WORKER)?, &of_worker).await?;
    let mut peaks = vec![("when started", worker.peak_mebibytes()?)];
    for (strategy, created, after) in
        [("INCREMENTAL", options.fans(), "after a first sync"), ("FULL", 0, "after a FULL sync besides")]
    {
        progress("worker", &format!("{strategy} sync of {} fans in its own process", options.fans()));
        let task = story::request_sync(&world, &EndpointOverrides::default(), &account, strategy).await?;
        let answer = worker.invoke(event(&task)).await?;
        let failures = answer.get("batchItemFailures").and_then(Value::as_array).context("no batch answer")?;
        ensure!(failures.is_empty(), "the worker gave the message back: {answer}");
        story::completed(&world, &task, created).await?;
        peaks.push((after, worker.peak_mebibytes()?));
    }
    drop(worker);

    let what = |when: &str| format!("peak memory of the worker {when} of {} fans, {}", options.fans(), options.profile);
    let peak = |(when, peak): &(&str, f64)| Figure::count(what(when), "MiB", [*peak]).at_most(30.0).note(PEAK);
    let mut figures: Vec<Figure> = peaks.iter().map(peak).collect();
    let runs = if options.quick { 3 } else { 15 };
    let hello = build_hello(&options.profile).await?;
    let hello = starts(hello.path("hello")?, &variables(&world, API_FUNCTION)?, runs).await?;
    for name in [WORKER, API_FUNCTION] {
        let inits = starts(built.path(name)?, &variables(&world, name)?, runs).await?;
        let ratio = median(inits.iter().copied()) / median(hello.iter().copied());
        figures.push(Figure::time(format!("cold init of {name}"), "ms", inits).note(format!(
            "From exec to the first question to the Runtime API, {ratio:.1} × hello world; reading the platform \
             secret from the emulator is part of it."
        )));
    }
    figures.push(Figure::time("cold init of a hello world on lambda_http", "ms", hello));
    figures.push(
        Figure::time("reading the platform secret, on an open connection", "ms", secret_reads(&world, runs).await?)
            .note("What every init spends on the emulator, at least."),
    );
    Ok(figures)
}

/// The event that SQS hands a worker for one message.
fn event(task: &str) -> Value {
    json!({ "Records": [{
        "messageId": "00000000-0000-4000-8000-000000000002",
        "receiptHandle": "bench",
        "body": json!({ "taskId": task }).to_string(),
        "attributes": {},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
    }] })
}

/// How long the emulator takes for the one AWS call of every init, in milliseconds.
async fn secret_reads(world: &World, runs: usize) -> Result<Vec<f64>> {
    let base = world.context(API_FUNCTION, &EndpointOverrides::default()).await?;
    let mut reads = Vec::with_capacity(runs);
    for _ in 0..=runs {
        let began = Instant::now();
        Secrets::load(&base).await?;
        reads.push(began.elapsed().as_secs_f64() * 1_000.0);
    }
    // The first one opened the connection.
    reads.remove(0);
    Ok(reads)
}

/// Init times of a binary, in milliseconds. The first run is left out: it reads the file into memory.
async fn starts(binary: &Path, variables: &Variables, runs: usize) -> Result<Vec<f64>> {
    let mut inits = Vec::with_capacity(runs);
    for _ in 0..=runs {
        let function = Function::start(binary, variables).await?;
        inits.push(function.init.as_secs_f64() * 1_000.0);
    }
    inits.remove(0);
    Ok(inits)
}
