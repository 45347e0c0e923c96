//! Mending one difference: MiniStack fails a deployment with an alarm over a calculation of metrics or over other alarms, or with a saved query.
//! No alarm rings on this machine and nobody asks its log, and the template's tests read them all, so these are left out.

use serde_json::Value;

use super::template::kind;

/// Takes the alarms over calculations or over other alarms, and the saved queries, out.
pub(super) fn leave_out_unsupported(body: &mut Value) {
    if let Some(resources) = body.get_mut("Resources").and_then(Value::as_object_mut) {
        resources.retain(|_, resource| {
            let calculates = resource.pointer("/Properties/Metrics").is_some();
            match kind(resource) {
                "AWS::CloudWatch::Alarm" => !calculates,
                "AWS::CloudWatch::CompositeAlarm" | "AWS::Logs::QueryDefinition" => false,
                _ => true,
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn template_alarm_is_left_out_only_if_it_is_made_of_others_and_a_saved_query_always() {
        let alarm = |properties: Value| json!({ "Type": "AWS::CloudWatch::Alarm", "Properties": properties });
        let mut body = json!({ "Resources": {
            "Rate": alarm(json!({ "Metrics": [{ "Expression": "a / b" }] })),
            "Count": alarm(json!({ "MetricName": "Errors" })),
            "Queue": { "Type": "AWS::SQS::Queue" },
            "Both": { "Type": "AWS::CloudWatch::CompositeAlarm" },
            "Query": { "Type": "AWS::Logs::QueryDefinition" },
        } });
        leave_out_unsupported(&mut body);
        let left: Vec<&String> = body["Resources"].as_object().unwrap().keys().collect();
        assert_eq!(left, ["Count", "Queue"]);
    }
}
