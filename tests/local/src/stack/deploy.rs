//! Deploying a template through CloudFormation.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use aws_config::SdkConfig;
use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::error::ProvideErrorMetadata;
use aws_sdk_cloudformation::types::{Capability, Parameter, ResourceStatus, StackStatus};

use super::probe::Probes;
use super::template::Template;
use super::{Resource, Stack, alarms, numbers, tables, upload};

/// Values of a template's parameters.
pub type Parameters = BTreeMap<String, String>;

/// Deploys a template as stack `name`, or brings that stack up to date, and reads back what is there now.
pub async fn deploy(config: &SdkConfig, name: &str, template: &Template, parameters: &Parameters) -> Result<Stack> {
    let client = Client::new(config);
    let mut body = template.body.clone();
    numbers::settle(&mut body, parameters);
    alarms::leave_out_unsupported(&mut body);
    let probes = Probes::place(&template.functions, &mut body);
    let operation = submit(&client, config, name, &body.to_string(), parameters).await?;
    let outputs = outputs(&client, name, operation.as_deref()).await?;
    let (outputs, environments) = probes.read(outputs)?;
    let resources = resources(&client, name).await?;
    tables::create(config, &body, &resources).await?;
    Ok(Stack { name: name.to_owned(), parameters: parameters.clone(), outputs, resources, environments })
}

/// Asks for the deployment. The answer is the token that marks its events, or nothing when nothing has changed.
async fn submit(
    client: &Client,
    config: &SdkConfig,
    name: &str,
    body: &str,
    parameters: &Parameters,
) -> Result<Option<String>> {
    let token = format!("deploy-{}", jiff::Timestamp::now().as_nanosecond());
    let (body, url) = upload::body_or_url(config, body).await?;
    let parameters: Vec<_> = parameters
        .iter()
        .map(|(key, value)| Parameter::builder().parameter_key(key).parameter_value(value).build())
        .collect();
    let created = client
        .create_stack()
        .stack_name(name)
        .set_template_body(body.clone())
        .set_template_url(url.clone())
        .set_parameters(Some(parameters.clone()))
        .capabilities(Capability::CapabilityIam)
        .client_request_token(&token)
        .send()
        .await;
    let Err(refused) = created else { return Ok(Some(token)) };
    if refused.code() != Some("AlreadyExistsException") {
        return Err(refusal(&refused));
    }
    let updated = client
        .update_stack()
        .stack_name(name)
        .set_template_body(body)
        .set_template_url(url)
        .set_parameters(Some(parameters))
        .capabilities(Capability::CapabilityIam)
        .client_request_token(&token)
        .send()
        .await;
    match updated {
        Ok(_) => Ok(Some(token)),
        Err(refused) if refused.message().is_some_and(|text| text.contains("No updates")) => Ok(None),
        Err(refused) => Err(refusal(&refused)),
    }
}

fn refusal(error: &impl ProvideErrorMetadata) -> anyhow::Error {
    // Some of the emulator's refusals quote the whole template.
    let reason: String = error.message().unwrap_or("no reason given").chars().take(500).collect();
    anyhow!("CloudFormation refuses template.yaml: {reason}")
}

/// Waits for the end of the deployment. MiniStack takes 10 ms for a data plane, so polling starts fast.
async fn outputs(client: &Client, name: &str, operation: Option<&str>) -> Result<BTreeMap<String, String>> {
    let mut pause = Duration::from_millis(2);
    loop {
        let described = client.describe_stacks().stack_name(name).send().await.map_err(|error| {
            anyhow!("CloudFormation does not tell about stack {name}: {}", error.message().unwrap_or("no reason given"))
        })?;
        let stack = described.stacks().first().context("CloudFormation has lost the stack")?;
        match (stack.stack_status(), operation) {
            (Some(StackStatus::CreateComplete | StackStatus::UpdateComplete), _)
            // An earlier update failed, and what it was rolled back to is what is asked for now.
            | (Some(StackStatus::UpdateRollbackComplete), None) => {
                let outputs = stack.outputs().iter();
                let pairs = outputs.filter_map(|output| Some((output.output_key()?, output.output_value()?)));
                return Ok(pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect());
            }
            (Some(status), _) if status.as_str().ends_with("IN_PROGRESS") => {}
            _ => bail!(failure(client, name, operation).await),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(200));
    }
}

/// Names the resource that could not be made, and why.
async fn failure(client: &Client, name: &str, operation: Option<&str>) -> String {
    let failed = [ResourceStatus::CreateFailed, ResourceStatus::UpdateFailed];
    let described = client.describe_stack_events().stack_name(name).send().await;
    let events = described.map(|described| described.stack_events().to_vec()).unwrap_or_default();
    // Events come newest first, and what failed first is the cause of the rest.
    let cause = events.iter().rev().find(|event| {
        event.client_request_token() == operation
            && event.resource_status().is_some_and(|status| failed.contains(status))
    });
    match cause {
        Some(event) => format!(
            "template.yaml could not be deployed: {} ({}): {}",
            event.logical_resource_id().unwrap_or("a resource"),
            event.resource_type().unwrap_or("unknown type"),
            event.resource_status_reason().unwrap_or("no reason given")
        ),
        None => "template.yaml could not be deployed, and CloudFormation names no resource that failed".to_owned(),
    }
}

async fn resources(client: &Client, name: &str) -> Result<BTreeMap<String, Resource>> {
    let mut pages = client.list_stack_resources().stack_name(name).into_paginator().items().send();
    let mut resources = BTreeMap::new();
    while let Some(resource) = pages.next().await {
        let resource = resource.context("CloudFormation does not list the stack's resources")?;
        let (Some(id), Some(kind)) = (resource.logical_resource_id(), resource.resource_type()) else { continue };
        let physical_id = resource.physical_resource_id().unwrap_or_default().to_owned();
        resources.insert(id.to_owned(), Resource { kind: kind.to_owned(), physical_id });
    }
    ensure!(!resources.is_empty(), "stack {name} has no resources");
    Ok(resources)
}
