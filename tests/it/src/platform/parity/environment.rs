//! Lambda gives a function 4 KB for the names and values of its variables, and refuses the deployment of one that needs more
//! (<https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>). So every parameter has a longest value.

use anyhow::{Context, Result, bail};
use local::stack;
use serde_json::Value;

/// Below Lambda's 4,096, with room for what Lambda adds by itself.
const LARGEST: usize = 3_900;

/// The ARN or the address of a resource, of a stack with a name of 38 characters.
const RESOURCE: usize = 150;

/// UTF-8 of a Chinese character; of a parameter whose pattern takes only ASCII a character is one byte.
const BYTES: usize = 3;

/// How many bytes a parameter's value may have.
fn longest(name: &str, parameter: &Value) -> Result<usize> {
    if let Some(values) = parameter["AllowedValues"].as_array() {
        return Ok(values
            .iter()
            .map(|value| value.as_str().map_or_else(|| value.to_string().len(), str::len))
            .max()
            .unwrap_or(0));
    }
    if parameter["Type"] == "Number" {
        let limit = parameter["MaxValue"].as_u64().with_context(|| format!("{name} has no MaxValue"))?;
        return Ok(limit.to_string().len());
    }
    let characters = parameter["MaxLength"].as_u64().with_context(|| format!("{name} has no MaxLength"))?;
    let is_ascii = parameter["AllowedPattern"].is_string();
    Ok(usize::try_from(characters)? * if is_ascii { 1 } else { BYTES })
}

fn bytes_of(template: &Value, value: &Value) -> Result<usize> {
    let Some(fields) = value.as_object() else {
        return Ok(value.as_str().map_or_else(|| value.to_string().len(), str::len));
    };
    let (name, argument) = fields.iter().next().context("an empty expression")?;
    match (name.as_str(), argument) {
        ("Ref", Value::String(name)) if name == "AWS::NoValue" => Ok(0),
        ("Ref", Value::String(name)) => match template["Parameters"].get(name) {
            Some(parameter) => longest(name, parameter),
            None => Ok(RESOURCE),
        },
        ("Fn::GetAtt" | "Fn::Sub", _) => Ok(RESOURCE),
        ("Fn::If", Value::Array(arguments)) => {
            let branches = arguments.iter().skip(1).map(|branch| bytes_of(template, branch));
            Ok(branches.collect::<Result<Vec<_>>>()?.into_iter().max().unwrap_or_default())
        }
        _ => bail!("an expression of unknown length: {value}"),
    }
}

#[tokio::test]
async fn function_environment_fits_lambda_whatever_the_parameters_are() -> Result<()> {
    let template = stack::transform(&local::paths::workspace().join("template.yaml")).await?.body;
    for (id, resource) in template["Resources"].as_object().context("no resources")? {
        let Some(variables) = resource["Properties"]["Environment"]["Variables"].as_object() else { continue };
        let mut bytes = 0;
        for (name, value) in variables {
            bytes += name.len() + bytes_of(&template, value).with_context(|| format!("{name} of {id}"))?;
        }
        assert!(bytes <= LARGEST, "{id}: {bytes} bytes");
    }
    Ok(())
}
