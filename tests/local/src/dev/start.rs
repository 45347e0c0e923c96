//! Starting everything in its order, and stopping it in the reverse one.

use std::fs;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use sandbox::{Sandbox, SandboxConfig};

use super::deployed::{Deployment, Zips};
use super::settings::{self, Overrides};
use super::{build, deployed, env_dir, log_dir, watch};
use crate::aws::{self, ACCOUNT, EmulatedAws};
use crate::console::{self, Step};
use crate::gateway::{Api, Gateway};
use crate::iam::Enforcer;
use crate::identity::Identity;
use crate::page::{self, Page, Reference, Sources};
use crate::parent_watch::ParentWatch;
use crate::record::{Record, Turn};
use crate::stack::{self, Parameters, Stack, Template, World};
use crate::{paths, port, python};

/// Name of the CloudFormation stack.
pub(super) const STACK: &str = "local";

/// The same simulated people at every start, so that kept leads and a new sandbox agree on who is who.
const SEED: u64 = 1;

/// Path of the callback below the API, to be registered at Douyin.
const CALLBACK: &str = "/api/v1/lead/douyin/auth/callback";

/// Where Douyin sends its webhooks.
const WEBHOOK: &str = "/api/v1/lead/douyin/webhook";

/// Where the gateway sends its notices, up to the secret part.
const GATEWAY_WEBHOOK: &str = "/api/v1/workbench/wechat/gateway/webhook";

#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) port: u16,
    pub(crate) functions_port: u16,
    pub(crate) aws_port: u16,
    pub(crate) sandbox_port: u16,
    pub(crate) page_port: u16,
    pub(crate) overrides: Vec<(String, String)>,
    pub(crate) keep: bool,
    pub(crate) serving: Serving,
}

/// Who serves the functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Serving {
    /// We do, and they follow the edits of their code.
    Reloading,
    /// We do, as they are at the start.
    Fixed,
    /// Somebody else does, by the line that we print.
    Elsewhere,
    /// The emulated AWS does, as production would: see [`deployed`].
    Deployed,
}

pub(crate) struct Running {
    pub(crate) record: Record,
    gateway: Gateway,
    page: Page,
    /// Whether the page has one.
    pub(crate) reference: Reference,
    /// Nothing when the functions are served elsewhere.
    watch: Option<ParentWatch>,
    /// The line that serves the functions.
    pub(crate) watch_line: String,
    aws: EmulatedAws,
    /// The policies of the functions' roles.
    pub(crate) enforcer: Arc<Enforcer>,
    sandbox: Sandbox,
    /// When the emulated AWS runs the functions: what they were deployed from.
    deployment: Option<Deployment>,
    /// Last, so that nobody else starts before all is stopped.
    turn: Turn,
}

impl Running {
    /// Starts everything, or stops what had been started and says what was wrong.
    pub(crate) async fn start(options: &Options) -> Result<Self> {
        let turn = Turn::take()?;
        port::check(options.port, "the API", "--port")?;
        port::check(options.functions_port, "the functions behind it", "--functions-port")?;
        port::check(options.aws_port, "the emulated AWS", "--aws-port")?;
        port::check(options.sandbox_port, "the sandbox platforms", "--sandbox-port")?;
        port::check(options.page_port, "the page", "--page-port")?;
        for dir in [log_dir(), env_dir()] {
            if dir.exists() {
                fs::remove_dir_all(&dir).with_context(|| format!("cannot empty {}", dir.display()))?;
            }
            fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
        }
        let venv = python::ensure().await?;
        let template = stack::transform(&paths::workspace().join("template.yaml")).await?;
        let overrides = Overrides::new(&options.overrides, &template)?;
        let bins: Vec<_> = template.functions.iter().map(|function| function.bin.as_str()).collect();
        let backend = async |zips: Option<Zips>| Backend::start(options, &template, &overrides.parameters, zips).await;
        let (backend, reference) = if options.serving == Serving::Deployed {
            let ((), reference) = tokio::try_join!(build::build(&bins), page::install())?;
            (backend(Some(deployed::pack(&venv, &bins).await?)).await?, reference)
        } else {
            let ((), backend, reference) = tokio::try_join!(build::build(&bins), backend(None), page::install())?;
            (backend, reference)
        };
        let Backend { aws, enforcer, sandbox, mut stack, identity, api, deployment } = backend;

        settings::connect(&mut stack.environments, aws.url());
        overrides.apply(&mut stack.environments);
        settings::write(&stack.environments)?;
        let watch = match options.serving {
            Serving::Elsewhere | Serving::Deployed => None,
            serving => {
                let step = Step::start("starting cargo lambda watch");
                let watch = watch::start(&venv, options.functions_port, serving == Serving::Reloading).await?;
                step.done("cargo lambda watch serves the functions");
                Some(watch)
            }
        };
        let step = Step::start("starting the API");
        let invoke = match options.serving {
            Serving::Deployed => deployed::invoke(aws.url())?,
            _ => watch::invoke(options.functions_port)?,
        };
        let gateway = Gateway::start(options.port, api, invoke).await?;
        step.done(&format!("API on {}", gateway.url()));
        let sources =
            Sources { api_url: gateway.url(), sandbox_url: sandbox.url(), jwt_secret: &identity.jwt_secret, reference };
        let page = Page::start(options.page_port, &sources).await?;
        let watch_line = watch::line(&venv, options.functions_port)?;
        let record = record(options, &stack, &template, &aws, &sandbox, &page, &identity);
        turn.announce(&record)?;
        Ok(Self { record, gateway, page, reference, watch, watch_line, aws, enforcer, sandbox, deployment, turn })
    }

    /// Updates the functions that the emulated AWS runs; see [`Deployment::update`].
    pub(crate) async fn update(&self) -> Result<()> {
        match &self.deployment {
            Some(deployment) => deployment.update().await,
            None => Ok(()),
        }
    }

    /// Fails when a part has ended by itself.
    pub(crate) fn check(&mut self) -> Result<()> {
        if self.aws.ended() {
            bail!("The emulated AWS has ended unexpectedly; its last words are in target/local/log/ministack.log.");
        }
        if self.watch.as_mut().is_some_and(|watch| watch.ended().is_some()) {
            bail!("cargo lambda watch has ended unexpectedly; its last words are in target/local/log/watch.log.");
        }
        Ok(())
    }

    /// Stops everything. The functions first: what they write is still saved.
    pub(crate) async fn stop(self) -> Result<()> {
        self.turn.withdraw();
        let step = Step::start("stopping");
        drop(self.page);
        drop(self.gateway);
        if let Some(watch) = self.watch {
            watch.stop().await?;
        }
        let report = self.aws.report();
        self.aws.stop().await?;
        self.sandbox.shutdown().await;
        step.done("stopped");
        console::line(&format!("What the emulated AWS did, {report}"));
        Ok(())
    }
}

/// What the functions talk to.
struct Backend {
    aws: EmulatedAws,
    enforcer: Arc<Enforcer>,
    sandbox: Sandbox,
    stack: Stack,
    identity: Identity,
    api: Api,
    deployment: Option<Deployment>,
}

impl Backend {
    /// With the functions' code, which nobody else serves then.
    async fn start(options: &Options, template: &Template, overrides: &Parameters, zips: Option<Zips>) -> Result<Self> {
        let api_url = api_url(options);
        let identity = Identity::load()?;
        let mut config = SandboxConfig { port: options.sandbox_port, seed: Some(SEED), ..SandboxConfig::default() };
        config.douyin.app.client_key.clone_from(&identity.douyin_client_key);
        config.douyin.app.client_secret.clone_from(&identity.douyin_client_secret);
        config.douyin.app.redirect_uris.insert(format!("{api_url}{CALLBACK}"));
        let sandbox = Sandbox::start(config).await?;
        sandbox.douyin().set_webhook(Some(format!("{api_url}{WEBHOOK}").parse()?));
        let notices = format!("{api_url}{GATEWAY_WEBHOOK}/{}", identity.gateway_webhook_secret);
        sandbox.gewe().set_callback(Some(notices.parse()?));

        let step = Step::start("starting the emulated AWS");
        // Nobody but itself, when it has their code.
        let served = template.functions.iter().filter(|_| zips.is_none());
        let served =
            served.map(|function| (function.name(STACK), watch::invocation_url(options.functions_port, &function.bin)));
        let aws_options = aws::Options {
            state: options.keep.then(|| paths::local("state")),
            functions: served.collect(),
            log: Some(log_dir().join("ministack.log")),
        };
        let aws = EmulatedAws::start(options.aws_port, aws_options).await?;
        step.done(&format!("emulated AWS on {}", aws.url()));

        let step = Step::start("deploying template.yaml");
        let douyin_url = format!("{}/douyin", sandbox.url());
        let world = World {
            api_url: &api_url,
            sandbox_url: sandbox.url(),
            douyin_url: &douyin_url,
            douyin_client_key: &identity.douyin_client_key,
            douyin_client_secret: &identity.douyin_client_secret,
            jwt_secret: &identity.jwt_secret,
            gateway_webhook_secret: &identity.gateway_webhook_secret,
            log_level: "DEBUG",
        };
        let mut parameters = world.parameters();
        parameters.extend(overrides.clone());
        page::allow(&mut parameters, options.page_port);
        let api = Api::new(template, &parameters)?;
        let config = aws.config(ACCOUNT);
        let (stack, deployment) = match zips {
            None => (stack::deploy(&config, STACK, template, &parameters).await?, None),
            Some(zips) => {
                let (template, parameters) = (template.clone(), parameters);
                let deployment = Deployment { config, template, parameters, zips, aws_url: aws.url().to_owned() };
                (deployment.deploy("first").await?, Some(deployment))
            }
        };
        let enforcer = Arc::new(Enforcer::new(ACCOUNT, template, &stack)?);
        aws.enforce(ACCOUNT, Arc::clone(&enforcer));
        step.done(&format!("template.yaml deployed, {} resources", stack.resources.len()));
        Ok(Self { aws, enforcer, sandbox, stack, identity, api, deployment })
    }
}

fn api_url(options: &Options) -> String {
    format!("http://127.0.0.1:{}", options.port)
}

fn record(
    options: &Options,
    stack: &Stack,
    template: &Template,
    aws: &EmulatedAws,
    sandbox: &Sandbox,
    page: &Page,
    identity: &Identity,
) -> Record {
    let functions = template.functions.iter();
    Record {
        api_url: api_url(options),
        functions_url: watch::url(options.functions_port),
        aws_url: aws.url().to_owned(),
        region: aws::REGION.to_owned(),
        access_key_id: ACCOUNT.to_owned(),
        secret_access_key: aws::SECRET_ACCESS_KEY.to_owned(),
        sandbox_url: sandbox.url().to_owned(),
        page_url: page.url().to_owned(),
        jwt_secret: identity.jwt_secret.clone(),
        stack_name: stack.name.clone(),
        tables: stack.physical_ids("AWS::DynamoDB::Table"),
        queues: stack.physical_ids("AWS::SQS::Queue"),
        outputs: stack.outputs.clone(),
        functions: functions.map(|function| (function.bin.clone(), function.name(STACK))).collect(),
        process_id: std::process::id(),
    }
}
