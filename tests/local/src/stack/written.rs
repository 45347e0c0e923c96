//! template.yaml as it is written, before the SAM transform.

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

/// A template with the short intrinsic functions written out as in JSON (`!Ref x` is `{"Ref": "x"}`).
#[derive(Debug, Clone)]
pub struct Written {
    pub body: Value,
    /// The logical ids of its resources, in the order in which they are written.
    pub order: Vec<String>,
}

impl Written {
    /// Reads the text of a template.
    ///
    /// # Errors
    /// When it is no YAML, or has no resources.
    pub fn parse(text: &str) -> Result<Self> {
        let yaml: yaml_serde::Value = yaml_serde::from_str(text).context("template.yaml is not YAML")?;
        let resources = yaml.get("Resources").and_then(yaml_serde::Value::as_mapping);
        let resources = resources.context("template.yaml has no resources")?;
        let order = resources.keys().filter_map(|id| id.as_str().map(str::to_owned)).collect();
        Ok(Self { order, body: json_of(yaml)? })
    }
}

fn json_of(yaml: yaml_serde::Value) -> Result<Value> {
    use yaml_serde::Value as Yaml;
    Ok(match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(it) => json!(it),
        Yaml::Number(it) => serde_json::to_value(it)?,
        Yaml::String(it) => json!(it),
        Yaml::Sequence(items) => Value::Array(items.into_iter().map(json_of).collect::<Result<_>>()?),
        Yaml::Mapping(entries) => {
            let named = entries.into_iter().map(|(key, value)| {
                let name = key.as_str().context("template.yaml has a key that is no text")?;
                Ok((name.to_owned(), json_of(value)?))
            });
            Value::Object(named.collect::<Result<Map<_, _>>>()?)
        }
        Yaml::Tagged(it) => {
            let tag = it.tag.to_string();
            let name = tag.trim_start_matches('!');
            let key = if name == "Ref" { name.to_owned() } else { format!("Fn::{name}") };
            json!({ key: json_of(it.value)? })
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn template_short_functions_are_written_out_in_order() {
        let text = "Resources:\n  B: { Type: X, Name: !Sub '${A}-b' }\n  A: { Type: Y, Of: !Ref B }\n";
        let written = Written::parse(text).unwrap();
        assert_eq!(written.order, ["B", "A"]);
        let expected = json!({ "B": { "Type": "X", "Name": { "Fn::Sub": "${A}-b" } }, "A": { "Type": "Y", "Of": { "Ref": "B" } } });
        assert_eq!(written.body["Resources"], expected);
    }
}
