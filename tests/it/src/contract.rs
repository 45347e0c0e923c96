//! The contract of design.md §3, row by row: exactly these fields, of exactly these types, with exactly these statuses.

mod accounts;
mod authorization;
mod fan_sync;
mod leads;
mod moments;
mod permissions;
mod revocation;
mod samples;
mod shape;
mod sync_list;
mod webhook;

use anyhow::Result;
use serde_json::{Value, json};

use crate::{Answer, World};

/// The user of these tests.
const USER: u64 = 1001;

/// A world whose clock only the test moves: these tests compare times.
async fn world() -> Result<World> {
    let world = World::start().await?;
    world.keep_the_clock();
    Ok(world)
}

/// Fails unless `answer` is the contract's envelope around `data`, down to the last field.
fn assert_enveloped(answer: &Answer, status: u16, data: &Value) {
    let message = answer.body["message"].as_str().unwrap_or_default();
    assert!(!message.is_ascii(), "the message is not Chinese: {answer:?}");
    assert_eq!(answer.body, json!({ "code": status, "message": message, "data": data }));
    assert_eq!(answer.status, status);
    assert_eq!(answer.headers["content-type"], "application/json; charset=utf-8");
    assert_eq!(answer.headers["cache-control"], "no-store");
}

/// Pages without repetitions, so that every count is known beforehand.
fn tidy(world: &World) {
    world.sandbox.douyin().configure(|settings| settings.disorder = sandbox::douyin::Disorder::NONE);
}
