//! The lead list against a model that a reader can check: random leads, random work on them, random queries, and a
//! plain walk over the rows that must come to the same answer.

mod examples;
mod history;
mod model;
mod question;
mod stand_in;

use anyhow::{Context, Result};
use functions::http::dispatch;
use functions::routes::douyin_leads;
use rand::SeedableRng;
use rand::rngs::StdRng;
use sandbox::SandboxConfig;
use serde_json::Value;

use crate::world::EndpointOverrides;
use crate::{Answer, Event, World, lead_tables};
use history::{SHOPS, USER};
use model::Model;
use question::Question;

/// Queries per run. About half of them have a filter.
const QUESTIONS: usize = 200;

/// Set to the number a failure printed, it makes the next run ask the same.
const SEED: &str = "LISTS_SEED";

/// The function, started once for many questions.
struct Lists {
    app: douyin_leads::App,
    bearer: Event,
}

impl Lists {
    async fn of(world: &World) -> Result<Self> {
        let app = douyin_leads::App::new(&world.context("douyin-leads", &EndpointOverrides::default()).await?).await?;
        Ok(Self { app, bearer: Event::sample("douyin-leads")?.bearer(&world.token(USER, &["*"])?) })
    }

    async fn ask(&self, query: &[(&str, &str)]) -> Result<Answer> {
        let request = self.bearer.clone().query(query).request()?;
        Ok(Answer::new(dispatch(&self.app, douyin_leads::handle, request).await))
    }
}

#[tokio::test]
async fn lead_list_of_any_query_equals_a_walk_over_all_leads() -> Result<()> {
    let seed = match std::env::var(SEED) {
        Ok(text) => text.parse().with_context(|| format!("{SEED} must be a number"))?,
        Err(_) => rand::random(),
    };
    let run = play(seed).await;
    run.with_context(|| format!("to ask the same again: {SEED}={seed}"))
}

async fn play(seed: u64) -> Result<()> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut world = World::around(SandboxConfig { seed: Some(seed), ..SandboxConfig::default() }).await?;
    history::make(&mut world, &mut random).await?;
    lead_tables::check(&world).await?;
    let model = Model::read(&world).await?;
    model.check_itself()?;
    let accounts = SHOPS.map(|shop| world.sandbox.douyin().open_id(shop).unwrap());
    let lists = Lists::of(&world).await?;
    let mut found = 0;
    for _ in 0..QUESTIONS {
        let question = Question::random(&mut random, &model, &accounts);
        let answer = lists.ask(&question.parameters()).await?;
        let expected = model.answer(&question);
        anyhow::ensure!(answer.status == 200, "{question:?} was answered {answer:?}");
        anyhow::ensure!(*answer.data() == expected, "{}", difference(&question, answer.data(), &expected));
        found += usize::from(expected["total"] != 0);
    }
    // A generator whose questions mostly find nothing would prove nothing.
    anyhow::ensure!(found > QUESTIONS / 2, "only {found} of {QUESTIONS} queries found anything");
    world.expect_empty_queues().await
}

/// What is told of a wrong answer.
fn difference(question: &Question, seen: &Value, expected: &Value) -> String {
    let ids = |page: &Value| -> Vec<u64> {
        page["records"].as_array().into_iter().flatten().filter_map(|record| record["leadId"].as_u64()).collect()
    };
    let rest = |page: &Value| ["total", "pages", "size", "current", "statusCounts"].map(|name| page[name].clone());
    let records = |page: &Value| page["records"].as_array().cloned().unwrap_or_default();
    let pairs = records(seen).into_iter().zip(records(expected));
    format!(
        "{question:?}\nids {:?}\nnot {:?}\ntotal, pages, size, current, counts {:?}\nnot {:?}\nfirst record that differs {:?}",
        ids(seen),
        ids(expected),
        rest(seen),
        rest(expected),
        pairs.into_iter().find(|(seen, expected)| seen != expected)
    )
}
