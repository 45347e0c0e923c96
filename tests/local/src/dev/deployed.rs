//! Functions that are deployed: each a zip with `bootstrap`, as production has them, that the emulated AWS starts as a process of its own
//! with the environment the template gives it, and hands its events.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use aws_config::SdkConfig;
use serde_json::{Value, json};

use super::start::STACK;
use crate::aws::ACCOUNT;
use crate::console::Step;
use crate::gateway::Invoke;
use crate::python::Venv;
use crate::stack::{self, Parameters, Stack, Template};
use crate::{aws, paths};

/// Where the functions' code is put.
const BUCKET: &str = "functions";

/// The zip of each function, by bin.
pub(super) type Zips = BTreeMap<String, PathBuf>;

/// Packs what is built.
pub(super) async fn pack(venv: &Venv, bins: &[&str]) -> Result<Zips> {
    let step = Step::start("packing the functions");
    let output = tokio::process::Command::new(venv.python())
        .arg("-I")
        .arg(paths::script("package.py"))
        .args([paths::workspace().join("target/debug"), paths::local("deployed")])
        .args(bins)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .context("the functions cannot be packed")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "the functions cannot be packed: {}", said.lines().last().unwrap_or("no reason"));
    let zips = serde_json::from_slice(&output.stdout).context("package.py does not say where the zips are")?;
    step.done(&format!("{} functions packed", bins.len()));
    Ok(zips)
}

/// What is deployed.
pub(super) struct Deployment {
    pub config: SdkConfig,
    pub template: Template,
    pub parameters: Parameters,
    pub zips: Zips,
    pub aws_url: String,
}

impl Deployment {
    /// Uploads the functions' code under the name of a version, and brings the stack to it.
    pub async fn deploy(&self, version: &str) -> Result<Stack> {
        stack::deploy(&self.config, STACK, &self.with_code(version).await?, &self.parameters).await
    }

    /// Brings all functions to other code, and then to a template that cannot be deployed, so that the stack goes back to what it was.
    pub async fn update(&self) -> Result<()> {
        let step = Step::start("updating the stack");
        self.deploy("second").await?;
        let mut broken = self.with_code("third").await?;
        // A condition that nobody fulfils, and for which the update waits a second.
        let never = json!({
            "Type": "AWS::CloudFormation::WaitCondition",
            "DependsOn": broken.functions_by_id(),
            "Properties": { "Handle": { "Ref": "NeverHandle" }, "Timeout": "1", "Count": 1 },
        });
        broken.add("Never", never)?;
        broken.add("NeverHandle", json!({ "Type": "AWS::CloudFormation::WaitConditionHandle" }))?;
        let failed = stack::deploy(&self.config, STACK, &broken, &self.parameters).await;
        ensure!(failed.is_err(), "an update that waits for what never comes was successful");
        let restored = self.deploy("second").await.context("the stack did not go back to what it was")?;
        ensure!(!restored.resources.contains_key("Never"), "the update that failed has left something");
        step.done("an update of all functions, and one that failed and was rolled back");
        Ok(())
    }

    /// The template with this code, and the address of the emulated AWS in the functions' environments.
    async fn with_code(&self, version: &str) -> Result<Template> {
        let mut template = self.template.clone();
        for function in &self.template.functions {
            let bin = &function.bin;
            let (key, zip) = (format!("{version}/{bin}.zip"), self.zips.get(bin));
            let zip = zip.with_context(|| format!("{bin} is not packed"))?;
            let content = tokio::fs::read(zip).await.with_context(|| format!("{} cannot be read", zip.display()))?;
            stack::put_object(&self.config, BUCKET, &key, content).await?;
            let code = json!({ "S3Bucket": stack::bucket_of(ACCOUNT, BUCKET), "S3Key": key });
            let mut variables = function.environment.clone();
            // AWS needs no such address.
            variables.insert("AWS_ENDPOINT_URL".to_owned(), self.aws_url.as_str().into());
            variables.insert("AWS_EC2_METADATA_DISABLED".to_owned(), "true".into());
            let properties = template.properties_mut(bin)?;
            properties.insert("Code".to_owned(), code);
            properties.insert("Environment".to_owned(), json!({ "Variables": variables }));
        }
        Ok(template)
    }
}

/// How the API invokes a function: through Lambda's own API.
pub(super) fn invoke(aws_url: &str) -> Result<Invoke> {
    let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).build()?;
    let (aws_url, authorization) = (aws_url.to_owned(), aws::authorization(ACCOUNT, "lambda"));
    Ok(Arc::new(move |bin, event: Value| {
        let request = http.post(format!("{aws_url}/2015-03-31/functions/{STACK}-{bin}/invocations"));
        let request = request.header("authorization", &authorization).json(&event);
        Box::pin(async move {
            let answer = request.send().await.with_context(|| format!("{bin} is not served"))?;
            ensure!(answer.status().is_success(), "{bin} cannot be invoked: {}", answer.status());
            let failed = answer.headers().contains_key("x-amz-function-error");
            let payload: Value = answer.json().await.with_context(|| format!("the answer of {bin} is not JSON"))?;
            ensure!(!failed, "{bin} failed: {payload}");
            Ok(payload)
        })
    }))
}
