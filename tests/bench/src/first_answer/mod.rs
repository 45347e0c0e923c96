//! From the start of a function to its first answer, as a user meets it after a quiet hour: program, SDK, trust store,
//! TLS to each service, the secret, the token, the tables. Beside it the same in Node and Python, and a hello world.
//!
//! AWS is reached by TLS at an address for each service, and each call takes 5 ms. The runs are taken in turns, so that
//! whatever else the machine does meets all of them alike.

mod rivals;
mod tls;

use std::time::Duration;

use anyhow::{Result, ensure};
use it::{Event, World};
use serde_json::{Value, json};

use self::rivals::Rival;
use self::tls::Fronts;
use crate::meter::{Meter, names, sequential};
use crate::process::{Program, Variables, build, build_hello, first, variables};
use crate::report::{Figure, progress};
use crate::{Options, story};

/// About what a call takes within a region.
const AWS_CALL: Duration = Duration::from_millis(5);
/// Leads in the list; a page shows twenty.
const LEADS: u32 = 100;
/// After these many calls one after the other an answer is due.
const ROUND_TRIPS: f64 = 3.0;

/// What is asked for.
struct Work {
    what: &'static str,
    function: &'static str,
    status: u16,
}

const WORK: [Work; 2] = [
    Work { what: "GET leads", function: "douyin-leads", status: 200 },
    Work { what: "POST sync", function: "douyin-fans-sync", status: 202 },
];

struct Contender {
    name: String,
    program: Program,
    work: &'static Work,
    variables: Variables,
    answered: Vec<f64>,
    asked: Vec<f64>,
    steps: Vec<f64>,
    calls: String,
}

pub async fn measure(options: &Options) -> Result<Vec<Figure>> {
    let built = build("first-answer", &options.profile, &WORK.each_ref().map(|work| work.function)).await?;
    let hello = build_hello(&options.profile).await?;
    progress("first-answer", "preparing Node and Python");
    let (node, python) = (rivals::node().await?, rivals::python().await?);
    let runs = if options.quick { 5 } else { 30 };

    let world = story::world().await?;
    let accounts = accounts(&world, runs).await?;
    let meter = Meter::slow(&world, AWS_CALL).await?;
    let fronts = Fronts::before(meter.address()).await?;
    let mut contenders = Vec::new();
    for work in &WORK {
        let variables = over_tls(variables(&world, work.function)?, &fronts);
        let program = |path: &std::path::Path| Program { path: path.to_owned(), arguments: Vec::new() };
        contenders.push(Contender::new("ours", program(built.path(work.function)?), work, &variables));
        for Rival { name, program: Program { path, arguments } } in [&node, &python] {
            let program = Program { path: path.clone(), arguments: arguments.clone() };
            contenders.push(Contender::new(name, program, work, &variables));
        }
        if work.status == 200 {
            contenders.push(Contender::new("hello world", program(hello.path("hello")?), work, &variables));
        }
    }
    // The first round is not counted: it reads the files into memory.
    for (round, account) in accounts.iter().enumerate() {
        progress("first-answer", &format!("round {round} of {runs}"));
        for contender in &mut contenders {
            contender.run(&world, &meter, account, round > 0).await?;
        }
    }
    Ok(figures(&contenders))
}

/// Douyin accounts, one for each round, because a sync that was asked for keeps its account; the first has the leads.
async fn accounts(world: &World, rounds: usize) -> Result<Vec<String>> {
    let shop = story::account(world, "shop", LEADS).await?;
    world.sync(story::USER, &shop, "FULL").await?;
    let mut accounts = vec![shop];
    for round in 1..=rounds {
        accounts.push(story::account(world, &format!("shop-{round}"), 0).await?);
    }
    Ok(accounts)
}

/// With the ways to AWS through TLS. Each language has its own variable for who is to be trusted.
fn over_tls(variables: Variables, fronts: &Fronts) -> Variables {
    let path = |path: &std::path::Path| path.to_string_lossy().into_owned();
    let trust = [
        ("SSL_CERT_FILE", path(&fronts.bundle)),
        ("AWS_CA_BUNDLE", path(&fronts.bundle)),
        // Node has the usual roots compiled in.
        ("NODE_EXTRA_CA_CERTS", path(&fronts.authority)),
        // Such as that a coming SDK wants a newer one.
        ("NODE_NO_WARNINGS", "1".to_owned()),
        // Lambda names the region twice; boto3 knows this one.
        ("AWS_DEFAULT_REGION", local::aws::REGION.to_owned()),
        // Python looks for its packages by where its interpreter is found.
        ("PATH", std::env::var("PATH").unwrap_or_default()),
    ];
    let trust = trust.map(|(name, value)| (name.to_owned(), value));
    let direct = variables.into_iter().filter(|(name, _)| name != "AWS_ENDPOINT_URL");
    direct.chain(fronts.endpoints.iter().cloned()).chain(trust).collect()
}

impl Contender {
    fn new(name: &str, program: Program, work: &'static Work, variables: &Variables) -> Self {
        Self {
            name: name.to_owned(),
            program,
            work,
            variables: variables.clone(),
            answered: Vec::new(),
            asked: Vec::new(),
            steps: Vec::new(),
            calls: String::new(),
        }
    }

    async fn run(&mut self, world: &World, meter: &Meter, account: &str, counts: bool) -> Result<()> {
        let event = Event::sample(self.work.function)?.bearer(&world.token(story::USER, &["*"])?);
        let event = if self.work.status == 200 {
            event.query(&[("page", "1"), ("size", "20")])
        } else {
            event.json(&json!({ "douyinUserId": account }))
        };
        meter.take()?;
        let first = first(&self.program, &self.variables, event.value().clone()).await?;
        let status = first.answer.get("statusCode").and_then(Value::as_u64);
        ensure!(status == Some(self.work.status.into()), "{} answered {}", self.name, first.answer);
        let calls = meter.take()?;
        if counts {
            self.answered.push(first.answered.as_secs_f64() * 1_000.0);
            self.asked.push(first.asked.as_secs_f64() * 1_000.0);
            self.steps.push(sequential(&calls) as f64);
            self.calls = names(&calls);
        }
        Ok(())
    }
}

fn figures(contenders: &[Contender]) -> Vec<Figure> {
    let mut figures = Vec::new();
    for contender in contenders {
        let Contender { name, work, answered, asked, steps, calls, .. } = contender;
        let what = format!("{}, {name}", work.what);
        figures.push(Figure::time(format!("{what}: until the answer"), "ms", answered.iter().copied()));
        figures.push(Figure::time(format!("{what}: until it asks for an event"), "ms", asked.iter().copied()));
        if name == "ours" {
            let steps = Figure::count(format!("{what}: AWS calls one after the other"), "calls", steps.iter().copied());
            figures.push(steps.at_most(ROUND_TRIPS).note(calls));
            continue;
        }
        let ours = contenders.iter().find(|other| other.name == "ours" && std::ptr::eq(other.work, *work));
        let ours = ours.map_or(&[][..], |ours| &ours.answered);
        let ratios = answered.iter().zip(ours).map(|(theirs, ours)| theirs / ours);
        figures.push(Figure::time(format!("{what}: against ours in the same round"), "×", ratios));
    }
    figures
}
