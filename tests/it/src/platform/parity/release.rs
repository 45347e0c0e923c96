//! What an update is watched by, and the network that the functions calling WeCom may be in.

use std::collections::BTreeSet;

use super::project::Template;

/// The alarms that a rule names: `ALARM("${SweeperErrorsAlarm}") OR …`.
fn named(rule: &str) -> BTreeSet<String> {
    rule.split("ALARM(\"${").skip(1).filter_map(|rest| rest.split('}').next()).map(str::to_owned).collect()
}

#[test]
fn release_alarm_is_made_of_all_alarms_on_functions_that_fail() {
    let template = Template::read();
    let rule = template.resource("ReleaseAlarm")["Properties"]["AlarmRule"]["Fn::Sub"].as_str().unwrap().to_owned();
    let fails = |alarm: &serde_json::Value| {
        let text = alarm.to_string();
        // Calls that fail, and messages of which most do; a single message says nothing about a release.
        text.contains(r#""MetricName":"Errors""#)
            || text.contains(r#""MetricName":"5xx""#)
            || text.contains("RecordsDone")
    };
    let alarms = template.of_type("AWS::CloudWatch::Alarm");
    let expected: BTreeSet<String> = alarms.filter(|(_, alarm)| fails(alarm)).map(|(id, _)| id.to_owned()).collect();
    assert_eq!(named(&rule), expected, "named by the rule (left), alarms on failures (right)");
    assert_eq!(rule.matches("ALARM(").count(), rule.matches(" OR ").count() + 1, "{rule}");
}

#[test]
fn functions_that_are_given_the_address_of_wecom_and_no_others_may_be_in_the_egress_network() {
    for (bin, function) in Template::read().functions() {
        let calls = function.properties["Environment"]["Variables"].get("WECOM_BASE_URL").is_some();
        let network = &function.properties["VpcConfig"]["Fn::If"];
        assert_eq!(network[0] == "HasEgressNetwork", calls, "{bin}");
        assert_eq!(network[2]["Ref"] == "AWS::NoValue", calls, "{bin}");
    }
}

#[test]
fn egress_network_is_made_only_if_it_is_wanted_and_leaves_by_one_address() {
    let template = Template::read();
    let parts: Vec<String> = template
        .ids()
        .filter(|id| template.resource(id)["Type"].as_str().is_some_and(|kind| kind.starts_with("AWS::EC2::")))
        .map(str::to_owned)
        .collect();
    assert!(parts.len() > 10, "{parts:?}");
    for id in &parts {
        assert_eq!(template.resource(id)["Condition"], "MakesEgressNetwork", "{id}");
    }
    let gateways = parts.iter().filter(|id| template.resource(id)["Type"] == "AWS::EC2::NatGateway").count();
    let addresses = parts.iter().filter(|id| template.resource(id)["Type"] == "AWS::EC2::EIP").count();
    assert_eq!((gateways, addresses), (1, 1));
    // A private subnet without the routes to the gateway would have no way out at all.
    for subnet in ["EgressSubnetA", "EgressSubnetB"] {
        let routed = template.of_type("AWS::EC2::SubnetRouteTableAssociation").any(|(_, association)| {
            association["SubnetId"]["Ref"] == subnet && association["RouteTableId"]["Ref"] == "EgressRoutes"
        });
        assert!(routed, "{subnet}");
    }
}
