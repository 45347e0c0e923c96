//! The same leads in PostgreSQL, asked the same questions: indexed, by `count(*)` and `OFFSET`, as most would write it.
//!
//! The server is one of this machine (Debian: `apt install postgresql`), started below `target/bench` for the run, with its
//! defaults and a Unix socket. Without one nothing is compared.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use futures::SinkExt;
use tokio::process::{Child, Command};
use tokio_postgres::{Client, NoTls};

use super::seed::Tenant;
use super::{Question, SIZE};
use crate::report::progress;
use crate::story;

/// Where Debian has the programs of its version.
const PROGRAMS: &str = "/usr/lib/postgresql/15/bin";

/// The server does not run as root; the package brings this user.
const USER: &str = "postgres";

const TABLE: &str = "
    CREATE TABLE lead (
        user_id bigint, lead_id bigint, douyin_user_id text, nickname text, avatar_url text, acquire_time bigint,
        status text, notes text, PRIMARY KEY (user_id, lead_id), UNIQUE (user_id, douyin_user_id));
    CREATE INDEX by_time ON lead (user_id, acquire_time, lead_id);
    CREATE INDEX by_status ON lead (user_id, status, lead_id);";

/// A server with the leads of a tenant.
pub struct Postgres {
    client: Client,
    server: Child,
    directory: PathBuf,
}

/// Stops the server, and takes away what it wrote.
impl Drop for Postgres {
    fn drop(&mut self) {
        // Killed without the chance to write anything, as its files go too; its own processes end with it.
        let _ended = self.server.start_kill().is_ok();
        let _gone = fs::remove_dir_all(&self.directory).is_ok();
    }
}

impl Postgres {
    /// Starts a server and copies the leads into it; nothing if this machine has none.
    pub async fn with(tenant: &Tenant) -> Result<Option<Self>> {
        let programs = std::env::var_os("POSTGRES_BIN").map_or_else(|| PathBuf::from(PROGRAMS), PathBuf::from);
        if !programs.join("postgres").exists() {
            progress("lists", &format!("no PostgreSQL in {}: not compared", programs.display()));
            return Ok(None);
        }
        progress("lists", "starting PostgreSQL");
        let directory = std::env::temp_dir().join(format!("bench-postgres-{}", std::process::id()));
        fs::create_dir_all(&directory)?;
        let owned = Command::new("chown").arg(USER).arg(&directory).stderr(Stdio::null()).status().await?;
        let as_user = owned.success();
        let data = directory.join("data");
        let initdb = program(&programs.join("initdb"), as_user)
            .args(["--auth=trust", "-U", USER, "-D"])
            .arg(&data)
            .output()
            .await?;
        ensure!(initdb.status.success(), "initdb: {}", String::from_utf8_lossy(&initdb.stderr));
        let server = program(&programs.join("postgres"), as_user)
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(&directory)
            .args(["-c", "listen_addresses="])
            .stderr(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let client = connect(&directory).await?;
        client.batch_execute(TABLE).await?;
        copy(&client, tenant).await?;
        client.batch_execute("VACUUM ANALYZE lead").await?;
        Ok(Some(Self { client, server, directory }))
    }

    /// How many milliseconds each page of a question takes, its count included.
    pub async fn ask(&self, question: &Question) -> Result<Vec<f64>> {
        let condition = condition(question)?;
        let count = self.client.prepare(&format!("SELECT count(*) FROM lead WHERE {condition}")).await?;
        let page = format!("SELECT * FROM lead WHERE {condition} ORDER BY lead_id DESC LIMIT {SIZE} OFFSET $1");
        let page = self.client.prepare(&page).await?;
        let mut milliseconds = Vec::new();
        for number in &question.pages {
            let began = Instant::now();
            let total: i64 = self.client.query_one(&count, &[]).await?.get(0);
            let rows = self.client.query(&page, &[&i64::from((number - 1) * SIZE)]).await?;
            milliseconds.push(began.elapsed().as_secs_f64() * 1_000.0);
            let is_same = question.total.is_none_or(|expected| i64::from(expected) == total);
            ensure!(is_same && !rows.is_empty(), "PostgreSQL counts {total}, and shows {} rows", rows.len());
        }
        Ok(milliseconds)
    }
}

/// A program of the server, as another user when this one is root.
fn program(path: &Path, as_user: bool) -> Command {
    let mut command = if as_user { Command::new("setpriv") } else { Command::new(path) };
    if as_user {
        command.args(["--reuid", USER, "--regid", USER, "--clear-groups"]).arg(path);
    }
    command.kill_on_drop(true);
    command
}

async fn connect(directory: &Path) -> Result<Client> {
    let mut config = tokio_postgres::Config::new();
    config.host_path(directory).user(USER).dbname("postgres");
    for _ in 0..100 {
        if let Ok((client, connection)) = config.connect(NoTls).await {
            tokio::spawn(connection);
            return Ok(client);
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    bail!("PostgreSQL does not listen after ten seconds")
}

async fn copy(client: &Client, tenant: &Tenant) -> Result<()> {
    let sink = client.copy_in("COPY lead FROM STDIN").await?;
    let mut sink = std::pin::pin!(sink);
    let mut copied = 0;
    for row in tenant.world.rows("t_douyin_lead").await? {
        let text = |name: &str| row.get(name).map_or_else(|| "\\N".to_owned(), |text| escaped(text));
        let columns =
            ["user_id", "lead_id", "douyin_user_id", "nickname", "avatar_url", "acquire_time", "status", "notes"];
        let line = columns.map(text).join("\t") + "\n";
        sink.send(bytes::Bytes::from(line)).await?;
        copied += 1;
    }
    sink.close().await?;
    ensure!(copied == tenant.leads, "{copied} of {} leads were copied", tenant.leads);
    Ok(())
}

/// As COPY reads it.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n").replace('\r', "\\r")
}

/// The filters of a question in SQL. Their values are the bench's own.
fn condition(question: &Question) -> Result<String> {
    let mut condition = format!("user_id = {}", story::USER);
    for (name, value) in &question.query {
        let seconds = || value.parse().map(jiff::Timestamp::as_second).context("a time that is none");
        condition += &match *name {
            "startTime" => format!(" AND acquire_time >= {}", seconds()?),
            "endTime" => format!(" AND acquire_time <= {}", seconds()?),
            "status" => format!(" AND status = '{value}'"),
            other => bail!("PostgreSQL is not asked for {other}"),
        };
    }
    Ok(condition)
}
