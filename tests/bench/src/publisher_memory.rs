//! How much memory the publisher takes for large media, as the process that Lambda runs.

use std::io::Cursor;

use anyhow::{Context, Result, ensure};
use aws_sdk_sqs::types::Message;
use image::{DynamicImage, ImageBuffer, ImageFormat, Rgba};
use it::World;
use it::queue::as_event;
use sandbox::media::{Delivery, MediaFile, SampleMedium};
use sandbox::wecom::WecomLimits;
use serde_json::{Value, json};

use crate::process::{Function, Variables, build, variables};
use crate::report::{Figure, progress};
use crate::{Options, poller, real_time, story};

const PUBLISHER: &str = "moment-publisher";

/// The most WeCom takes.
const VIDEO_BYTES: usize = 10 * 1024 * 1024;
const IMAGE_BYTES: usize = 1_500_000;
const IMAGES: usize = 9;
/// Posts of a full batch of the template.
const BATCH: usize = 10;
/// Media that come slowly: all of a batch are held while one of them is decoded.
const SLOW_BYTES: usize = 9_900_000;
const SLOW: Delivery = Delivery::Drip { bytes: SLOW_BYTES / 20, milliseconds: 100 };
/// What one post may take, in MiB.
const ONE: f64 = 64.0;
/// Half of what the template gives the function, in MiB: a batch above the whole would be killed half-way.
const MEMORY: f64 = 384.0;
/// Questions for messages after which a publication that has not ended never will: they take a second each.
const MOST_BATCHES: usize = 120;

const PEAK: &str = "VmHWM of the process. AWS and media are reached by plain HTTP here; in production the TLS sessions \
                    add to it.";

/// What is published at once, each post to a company of its own.
struct Load {
    what: &'static str,
    /// The media of each post.
    posts: Vec<Vec<String>>,
    /// How many media are uploaded with exactly so many bytes.
    whole: usize,
    bytes: usize,
    limit: f64,
}

pub async fn measure(options: &Options) -> Result<Vec<Figure>> {
    let built = build("publisher-memory", &options.profile, &[PUBLISHER]).await?;
    let binary = built.path(PUBLISHER)?;
    let world = world().await?;
    let variables = settings(&world).await?;
    let idle = Function::start(binary, &variables).await?.peak_mebibytes()?;
    let mut figures = vec![Figure::count("peak memory of the publisher when started", "MiB", [idle]).note(PEAK)];
    let runs = if options.quick { 1 } else { 3 };
    for load in loads(&world)? {
        let mut peaks = Vec::with_capacity(runs);
        for run in 1..=runs {
            progress("publisher-memory", &format!("{}, run {run} of {runs}", load.what));
            let mut publisher = Function::start(binary, &variables).await?;
            publish(&world, &mut publisher, &load).await?;
            peaks.push(publisher.peak_mebibytes()?);
        }
        let what = format!("peak memory of the publisher, {}, {}", load.what, options.profile);
        figures.push(Figure::count(what, "MiB", peaks).at_most(load.limit).note(PEAK));
    }
    Ok(figures)
}

/// A world in which hardly anything has to be waited for.
async fn world() -> Result<World> {
    let world = real_time::world().await?;
    world.sandbox.wecom().configure(|settings| {
        settings.limits = WecomLimits::NONE;
        (settings.job_starts_seconds, settings.job_finishes_seconds, settings.dispatch_seconds) = (0, 0, 0);
        settings.auto_confirm_seconds = Some(0);
    });
    Ok(world)
}

async fn settings(world: &World) -> Result<Variables> {
    let mut variables = variables(world, PUBLISHER)?;
    for pause in ["MOMENT_JOB_PAUSE_SECONDS", "MOMENT_MEMBER_PAUSE_SECONDS"] {
        variables.push((pause.to_owned(), "1".to_owned()));
    }
    Ok(variables)
}

fn loads(world: &World) -> Result<Vec<Load>> {
    let media = world.sandbox.media();
    let video = MediaFile::Mp4 { width: 1280, height: 720, milliseconds: 15_000, bytes: VIDEO_BYTES };
    let slow = SampleMedium::new(video.clone().sized(SLOW_BYTES)).delivered(SLOW);
    let slow: Vec<_> = (1..BATCH).map(|number| vec![media.put(&format!("slow-{number}.mp4"), slow.clone())]).collect();
    let among_slow = |what, heavy: String| {
        let posts = [vec![vec![heavy]], slow.clone()].concat();
        Load { what, posts, whole: BATCH - 1, bytes: SLOW_BYTES, limit: MEMORY }
    };
    let video = vec![media.put_file("tour.mp4", video)];
    let image = MediaFile::Jpeg { width: 1_080, height: 1_440, bytes: IMAGE_BYTES };
    let images: Vec<_> = (1..=IMAGES).map(|number| media.put_file(&format!("{number}.jpg"), image.clone())).collect();
    let photograph = media.put_file("photograph.jpg", MediaFile::jpeg(8_000, 5_000).sized(SLOW_BYTES));
    let deep = media.put_file("deep.png", MediaFile::of_bytes(&deep_png()?));
    Ok(vec![
        Load { what: "a video of 10 MiB", posts: vec![video.clone()], whole: 1, bytes: VIDEO_BYTES, limit: ONE },
        Load { what: "nine images of 1.5 MB", posts: vec![images], whole: IMAGES, bytes: IMAGE_BYTES, limit: ONE },
        Load {
            what: "ten videos of 10 MiB in one batch",
            posts: vec![video; BATCH],
            whole: BATCH,
            bytes: VIDEO_BYTES,
            limit: MEMORY,
        },
        among_slow("a JPEG of 40 MP and 9.9 MB among nine slow videos of 9.9 MB", photograph),
        among_slow("a PNG of 18 MP, 16 bits and transparency among nine slow videos of 9.9 MB", deep),
    ])
}

/// The most of the most expensive kind of image that is accepted: eight bytes a pixel, and in the file next to nothing.
fn deep_png() -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let image: ImageBuffer<Rgba<u16>, _> = ImageBuffer::from_pixel(4_250, 4_250, Rgba([9_000, 40_000, 20_000, 50_000]));
    DynamicImage::from(image).write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png)?;
    Ok(bytes)
}

/// Publishes to companies of its own, every step of all of them in one batch.
async fn publish(world: &World, publisher: &mut Function, load: &Load) -> Result<()> {
    let mut tasks = Vec::new();
    let uploads = world.sandbox.wecom().uploads().len();
    for media in &load.posts {
        let name = format!("shop-{}", world.sandbox.wecom().corps().len());
        let members = world.connect_corp(story::USER, &name, &["lily"]).await?;
        let body = json!({ "text": "A look around", "mediaUrls": media, "accountIds": members });
        let answer = world.request_post(story::USER, &body).await?;
        ensure!(answer.status == 202, "the post was answered with {answer:?}");
        tasks.push(answer.data().get("syncTaskId").and_then(Value::as_u64).context("no syncTaskId")?);
    }
    let mut largest = 0;
    let mut waiting: Vec<Message> = Vec::new();
    for _ in 0..MOST_BATCHES {
        let more = poller::receive(world, world.publish_queue_url()?).await?;
        let is_all = more.is_empty();
        waiting.extend(more);
        if waiting.is_empty() || waiting.len() < tasks.len() && !is_all {
            continue;
        }
        let batch = std::mem::take(&mut waiting);
        largest = largest.max(batch.len());
        let answer = publisher.invoke(serde_json::to_value(as_event(&batch)?)?).await?;
        let failures = answer.get("batchItemFailures").and_then(Value::as_array).context("no batch answer")?;
        ensure!(failures.is_empty(), "the publisher gave messages back: {answer}");
        poller::settle(world, world.publish_queue_url()?, batch, &[]).await?;
        if all_completed(world, &tasks).await? {
            ensure!(largest == load.posts.len(), "{largest} posts in one batch instead of {}", load.posts.len());
            let uploads = world.sandbox.wecom().uploads().split_off(uploads);
            let whole = uploads.iter().filter(|file| file.bytes == load.bytes).count();
            ensure!(whole == load.whole, "{whole} media were uploaded whole");
            return Ok(());
        }
    }
    for task in tasks {
        progress("publisher-memory", &world.post_status(story::USER, task).await?.to_string());
    }
    anyhow::bail!("{} has not ended", load.what)
}

async fn all_completed(world: &World, tasks: &[u64]) -> Result<bool> {
    let mut completed = true;
    for task in tasks {
        let status = world.post_status(story::USER, *task).await?;
        let status = status.get("status").and_then(Value::as_str).unwrap_or_default().to_owned();
        ensure!(["PENDING", "PROCESSING", "COMPLETED"].contains(&status.as_str()), "a task has ended as {status}");
        completed &= status == "COMPLETED";
    }
    Ok(completed)
}
