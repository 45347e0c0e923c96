//! What CloudFormation is really given: template.yaml after the SAM transform, which rewrites what it knows and can
//! drop what it does not expect. No linter looks at the result, and the emulator does not read the API's definition.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use functions::catalog;
use local::stack;
use serde_json::{Map, Value, json};

use super::project::Template;
use super::stores::LONGEST_STACK_NAME;

async fn expanded() -> Result<Value> {
    Ok(stack::transform(&local::paths::workspace().join("template.yaml")).await?.body)
}

/// Method, path and function of every route the code knows.
fn routes() -> BTreeSet<[String; 3]> {
    let guarded = catalog::ROUTES.iter().map(|route| [route.method, route.path, route.name]);
    let open = catalog::OPEN_ROUTES.iter().map(|route| [route.method, route.path, route.name]);
    guarded.chain(open).map(|route| route.map(str::to_owned)).collect()
}

/// The OpenAPI document API Gateway imports.
fn openapi(template: &Value) -> Result<&Value> {
    template.pointer("/Resources/HttpApi/Properties/Body").context("the API has no definition")
}

/// The object a setting comes to, whether written as such or as the one branch of an `Fn::If` that has a value.
fn object(setting: &Value) -> Option<&Map<String, Value>> {
    let absent = json!({ "Ref": "AWS::NoValue" });
    let value = match setting["Fn::If"].as_array().map(Vec::as_slice) {
        Some([_, value, other] | [_, other, value]) if *other == absent => value,
        Some(_) => return None,
        None => setting,
    };
    value.as_object().filter(|object| !object.keys().any(|key| key == "Ref" || key.starts_with("Fn::")))
}

#[tokio::test]
async fn cors_after_the_transform_is_an_object_with_every_setting() -> Result<()> {
    let template = expanded().await?;
    let cors = &openapi(&template)?["x-amazon-apigateway-cors"];
    let cors = object(cors).with_context(|| format!("API Gateway is given something else than an object: {cors}"))?;
    let settings: BTreeSet<&str> = cors.keys().map(String::as_str).collect();
    let expected = ["allowOrigins", "allowMethods", "allowHeaders", "exposeHeaders", "maxAge", "allowCredentials"];
    assert_eq!(settings, BTreeSet::from(expected));
    assert_eq!(cors["allowOrigins"], json!({ "Fn::Split": [",", { "Ref": "FrontendOrigins" }] }));
    assert_eq!(cors["allowCredentials"], true);
    assert_eq!(cors["allowHeaders"], json!(["authorization", "content-type", "idempotency-key"]));
    assert_eq!(cors["exposeHeaders"], json!(["content-disposition"]));
    assert!(cors["maxAge"].as_u64().is_some_and(|seconds| seconds > 0), "{}", cors["maxAge"]);
    let allowed: BTreeSet<String> = serde_json::from_value(cors["allowMethods"].clone())?;
    let used: BTreeSet<String> = routes().into_iter().map(|[method, ..]| method).collect();
    assert_eq!(allowed, used, "methods allowed (left), methods of the routes (right)");
    Ok(())
}

#[tokio::test]
async fn routes_after_the_transform_are_those_of_the_catalog() -> Result<()> {
    let template = expanded().await?;
    let paths = openapi(&template)?["paths"].as_object().context("no paths")?;
    let mut imported = BTreeSet::new();
    for (path, operations) in paths {
        for (method, operation) in operations.as_object().context("no operations")? {
            let integration = &operation["x-amazon-apigateway-integration"];
            assert_eq!(integration["payloadFormatVersion"], "2.0", "{method} {path}");
            let uri = integration["uri"]["Fn::Sub"].as_str().context("no uri")?;
            let id = uri.rsplit_once("/${").and_then(|(_, rest)| rest.split_once(".Arn}")).context("no function")?.0;
            let bin = template["Resources"][id]["Metadata"]["BuildProperties"]["Binary"].as_str().context("no bin")?;
            imported.insert([method.to_uppercase(), path.clone(), bin.to_owned()]);
        }
    }
    assert_eq!(imported, routes(), "API definition (left), catalog (right)");
    Ok(())
}

/// The stage's settings are rewritten as well; a setting that is lost is one that nobody misses until it is needed.
#[tokio::test]
async fn stage_settings_after_the_transform_are_kept() -> Result<()> {
    let template = expanded().await?;
    let resources = template["Resources"].as_object().context("no resources")?;
    let stages: Vec<&Value> = resources.values().filter(|it| it["Type"] == "AWS::ApiGatewayV2::Stage").collect();
    let [stage] = stages.as_slice() else { anyhow::bail!("{} stages", stages.len()) };
    let written = Template::read();
    let api = &written.resource("HttpApi")["Properties"];
    let settings = &stage["Properties"]["DefaultRouteSettings"];
    assert_eq!(*settings, api["DefaultRouteSettings"]);
    assert_eq!(stage["Properties"]["AccessLogSettings"]["Format"], api["AccessLogSettings"]["Format"]);
    Ok(())
}

/// CloudFormation takes 500 resources in a stack. Every function costs about four of them (function, role, permission,
/// schedule), and all of the design has to fit; what is left over is for what nobody knows yet.
#[tokio::test]
async fn resources_after_the_transform_leave_room_below_the_limit_of_a_stack() -> Result<()> {
    let template = expanded().await?;
    let count = template["Resources"].as_object().context("no resources")?.len();
    assert!(count <= 350, "{count} resources");
    let outputs = template["Outputs"].as_object().context("no outputs")?.len();
    assert!(outputs <= 190, "{outputs} outputs, of 200");
    // As CloudFormation stores it, without spaces; it takes a million bytes.
    let bytes = template.to_string().len();
    assert!(bytes <= 900_000, "{bytes} bytes");
    Ok(())
}

/// A name that is a character too long fails the deployment, after everything before it was made.
#[tokio::test]
async fn names_after_the_transform_fit_for_the_longest_name_of_a_stack() -> Result<()> {
    let template = expanded().await?;
    let limits = [
        ("AWS::Lambda::Function", "FunctionName", 64),
        ("AWS::Scheduler::Schedule", "Name", 64),
        ("AWS::Scheduler::ScheduleGroup", "Name", 64),
        ("AWS::IAM::Role", "RoleName", 64),
        ("AWS::SQS::Queue", "QueueName", 80),
        ("AWS::SNS::Topic", "TopicName", 256),
        ("AWS::DynamoDB::Table", "TableName", 255),
    ];
    let mut named = BTreeSet::new();
    for (id, resource) in template["Resources"].as_object().context("no resources")? {
        let Some((kind, property, most)) = limits.iter().find(|(kind, ..)| resource["Type"] == *kind) else { continue };
        let name = &resource["Properties"][property];
        // One that CloudFormation makes up fits.
        let Some(name) = name["Fn::Sub"].as_str().or_else(|| name.as_str()) else { continue };
        let longest = name.replace("${AWS::StackName}", &"x".repeat(LONGEST_STACK_NAME));
        assert!(!longest.contains('$') && longest.len() <= *most, "{id}: {longest}");
        named.insert(*kind);
    }
    assert!(named.len() >= 6, "only of {named:?} there are names");
    Ok(())
}

/// Without a domain nothing of it is made, and with one AWS's own address is no way around it.
#[tokio::test]
async fn domain_after_the_transform_depends_on_its_name() -> Result<()> {
    let template = expanded().await?;
    for id in ["HttpApiDomain", "HttpApiDomainMapping"] {
        assert_eq!(template["Resources"][id]["Condition"], "HasDomain", "{id}");
    }
    assert_eq!(template["Outputs"]["DomainTarget"]["Condition"], "HasDomain");
    let endpoint = &openapi(&template)?["servers"][0]["x-amazon-apigateway-endpoint-configuration"];
    assert_eq!(endpoint["disableExecuteApiEndpoint"], json!({ "Fn::If": ["HasDomain", true, false] }));
    let stage = &template["Resources"]["HttpApiDomainMapping"]["Properties"]["Stage"]["Ref"];
    let stage = &template["Resources"][stage.as_str().context("the mapping names no stage")?];
    assert_eq!(stage["Type"], "AWS::ApiGatewayV2::Stage");
    Ok(())
}

/// A browser sends cookies to whatever answers with its origin and allows credentials, so no pattern may get in:
/// API Gateway reads `https://*` as every origin there is.
#[test]
fn frontend_origin_with_a_wildcard_is_refused_by_the_parameter() -> Result<()> {
    let template = Template::read();
    let pattern = template.parameter("FrontendOrigins")["AllowedPattern"].as_str().context("any origin is allowed")?;
    let matches = |value: &str| -> Result<bool> { Ok(regex_lite::Regex::new(pattern)?.is_match(value)) };
    let usual = [
        "https://app.example.com",
        "http://127.0.0.1:9000",
        "http://localhost:5173",
        "https://a.example.com,https://b.example.com:8443",
    ];
    for origins in usual {
        assert!(matches(origins)?, "{origins} is refused");
    }
    let wild = ["", "*", "https://*", "http://*", "https://*.example.com", "https://a.example.com,*"];
    for origins in wild.into_iter().chain(["https://a.example.com,https://*", "https://a.example.com/", "null"]) {
        assert!(!matches(origins)?, "{origins} is accepted");
    }
    Ok(())
}
