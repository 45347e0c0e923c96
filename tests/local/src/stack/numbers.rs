//! Mending one difference: MiniStack hands a `Number` parameter on as text, and its queue poller fails for all queues
//! when the concurrency of an event source is not a number. (CloudFormation converts.)

use serde_json::Value;

use super::deploy::Parameters;
use super::template::kind;

/// Writes the values of parameters into the scaling limits of event sources, as numbers.
pub(super) fn settle(body: &mut Value, parameters: &Parameters) {
    let defaults = body.get("Parameters").cloned().unwrap_or_default();
    let Some(resources) = body.get_mut("Resources").and_then(Value::as_object_mut) else { return };
    for source in resources.values_mut().filter(|resource| kind(resource) == "AWS::Lambda::EventSourceMapping") {
        let Some(limit) = source.pointer_mut("/Properties/ScalingConfig/MaximumConcurrency") else { continue };
        let Some(name) = limit.get("Ref").and_then(Value::as_str) else { continue };
        let default = defaults.get(name).and_then(|parameter| parameter.get("Default")).and_then(Value::as_u64);
        let given = parameters.get(name).and_then(|value| value.parse().ok());
        if let Some(number) = given.or(default) {
            *limit = number.into();
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn template_limit_is_a_number_whether_given_defaulted_or_written() {
        let source = |limit: Value| {
            let properties = json!({ "ScalingConfig": { "MaximumConcurrency": limit } });
            json!({ "Type": "AWS::Lambda::EventSourceMapping", "Properties": properties })
        };
        let mut body = json!({
            "Parameters": { "Given": { "Default": 5 }, "Defaulted": { "Default": 7 } },
            "Resources": { "A": source(json!({ "Ref": "Given" })), "B": source(json!({ "Ref": "Defaulted" })), "C": source(json!(9)) },
        });
        settle(&mut body, &[("Given".to_owned(), "3".to_owned())].into());
        let limits = ["A", "B", "C"].map(|id| {
            body.pointer(&format!("/Resources/{id}/Properties/ScalingConfig/MaximumConcurrency")).cloned().unwrap()
        });
        assert_eq!(limits, [json!(3), json!(7), json!(9)]);
    }
}
