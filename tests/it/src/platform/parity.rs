//! What `cargo dev generate` cannot promise about the functions of template.yaml: that their names, limits, rights,
//! environments and sample events agree with each other, and that every handler belongs to one of them.

pub(super) mod alarms;
mod commands;
mod configuration;
mod documents;
mod environment;
mod expanded;
mod instants;
mod modules;
pub(super) mod project;
mod release;
mod stores;
mod watched;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use project::{Function, Template, event, read, stems};

fn pascal_case(bin: &str) -> String {
    bin.split('-').map(|word| word[..1].to_uppercase() + &word[1..]).collect()
}

#[test]
fn function_has_one_name_everywhere() {
    let functions = Template::read().functions();
    let names: BTreeSet<String> = functions.keys().cloned().collect();
    assert_eq!(stems("events", "json"), names, "files in events");
    for (bin, function) in &functions {
        assert_eq!(function.id, pascal_case(bin) + "Function", "logical id of {bin}");
        let name = json!({ "Fn::Sub": format!("${{AWS::StackName}}-{bin}") });
        assert_eq!(function.properties["FunctionName"], name, "FunctionName of {bin}");
    }
    let (routes, workers): (Vec<&Function>, Vec<&Function>) =
        functions.values().partition(|function| !function.routes().is_empty());
    for (folder, functions) in [("functions/src/routes", routes), ("functions/src/workers", workers)] {
        let mut handlers: BTreeSet<String> = functions.iter().map(|function| function.bin.replace('-', "_")).collect();
        handlers.insert("mod".to_owned());
        assert_eq!(stems(folder, "rs"), handlers, "files in {folder}");
    }
}

#[test]
fn sample_event_names_its_function() {
    for (bin, function) in Template::read().functions() {
        let sample = event(&bin);
        for (method, path) in function.routes() {
            assert_eq!(sample["version"], "2.0", "{bin}");
            assert_eq!(sample["routeKey"], format!("{method} {path}"), "{bin}");
            let http = &sample["requestContext"]["http"];
            assert_eq!(http["method"], method, "{bin}");
            let parameters = sample["pathParameters"].as_object().into_iter().flatten();
            let filled = parameters
                .fold(path, |path, (name, value)| path.replace(&format!("{{{name}}}"), value.as_str().unwrap()));
            assert_eq!(sample["rawPath"], filled, "{bin}");
            assert_eq!(http["path"], filled, "{bin}");
        }
        for schedule in function.events("ScheduleV2") {
            let input: Value = serde_json::from_str(schedule["Input"].as_str().unwrap()).unwrap();
            assert_eq!(sample, input, "{bin}");
        }
    }
}

#[test]
fn function_environment_has_its_own_timeout() {
    let template = Template::read();
    let longest_platform_call = template.parameter("DouyinTimeoutSeconds")["MaxValue"].as_u64().unwrap();
    for (bin, function) in template.functions() {
        let timeout = function.timeout();
        assert_eq!(function.environment()["FUNCTION_TIMEOUT_SECONDS"], timeout.to_string(), "{bin}");
        if !function.routes().is_empty() {
            assert!(timeout < 30, "{bin}: API Gateway gives up after 30 s");
        }
        if let Some(seconds) = function.environment().get("DOUYIN_TIMEOUT_SECONDS") {
            // Its own limit, or whatever the parameter may be set to.
            let longest = seconds.as_str().map_or(longest_platform_call, |seconds| seconds.parse().unwrap());
            assert!(2 * longest < timeout, "{bin}: no room for two calls of the platform");
        }
        // The most that its parameter may be set to.
        let seconds = |name: &str| -> u64 {
            let parameter = |value: &Value| template.parameter(value["Ref"].as_str().unwrap())["MaxValue"].as_u64();
            function.environment().get(name).map_or(0, |value| parameter(value).unwrap())
        };
        // What follows one another: creating takes a draft and then its media in two rounds, a step of the publisher at
        // most a token, an upload and the call that publishes.
        let calls = 3 * seconds("PROVIDER_TIMEOUT_SECONDS")
            + seconds("CONTENT_TIMEOUT_SECONDS")
            + 2 * seconds("MEDIA_TIMEOUT_SECONDS");
        assert!(calls < timeout, "{bin}: no room for {calls} s of calls");
        if bin == "wechat-account-connect" {
            let env = [("FUNCTION_TIMEOUT_SECONDS", timeout.to_string())].into_iter().collect();
            assert!(moments::config::Clients::to_connect(&env).is_ok(), "{bin}: no room for three calls");
        }
    }
}

/// AWS asks for six times the timeout, so that a message never reappears while its worker may still be alive.
#[test]
fn queue_visibility_outlasts_its_worker() {
    let template = Template::read();
    let functions = template.functions();
    let mut sources = 0;
    for (id, source) in template.of_type("AWS::Lambda::EventSourceMapping") {
        let worker_id = &source["FunctionName"]["Ref"];
        let worker = functions.values().find(|function| *worker_id == function.id).unwrap();
        let queue_id = source["EventSourceArn"]["Fn::GetAtt"].as_str().unwrap().strip_suffix(".Arn").unwrap();
        let queue = &template.resource(queue_id)["Properties"];
        let visibility = queue["VisibilityTimeout"].as_u64().unwrap();
        assert!(visibility >= 6 * worker.timeout(), "{queue_id}: {visibility} s");
        assert_eq!(worker.environment()["QUEUE_VISIBILITY_SECONDS"], visibility.to_string(), "{}", worker.bin);
        assert_eq!(source["FunctionResponseTypes"], json!(["ReportBatchItemFailures"]), "{id}");
        assert!(queue["RedrivePolicy"]["deadLetterTargetArn"].is_object(), "{queue_id} has no dead-letter queue");
        sources += 1;
    }
    assert!(sources > 0, "template.yaml declares no event source");
}

#[test]
fn function_logs_into_the_group_of_its_owner_with_retention() {
    let template = Template::read();
    for (bin, function) in template.functions() {
        let owner = template.resource(&function.id)["Metadata"]["Owner"].as_str().unwrap();
        let group_id = pascal_case(owner) + "LogGroup";
        assert_eq!(function.properties["LoggingConfig"]["LogGroup"], json!({ "Ref": group_id }), "{bin}");
        let group = &template.resource(&group_id)["Properties"];
        assert_eq!(group["LogGroupName"], json!({ "Fn::Sub": format!("/aws/lambda/${{AWS::StackName}}/{owner}") }));
        assert!(!group["RetentionInDays"].is_null(), "{group_id} keeps its logs for ever");
    }
}

/// What `Globals` give to every function, also to those that recognise no callers: settings and addresses, which open
/// nothing. Whatever else names a resource belongs into the blocks of those who may use it.
const GIVEN_TO_ALL: [&str; 9] = [
    "AUDIT_RETENTION_DAYS",
    "FUNCTION_TIMEOUT_SECONDS",
    "JWT_AUDIENCE",
    "JWT_ISSUER",
    "JWT_JWKS_URL",
    "LOG_LEVEL",
    "METRICS_NAMESPACE",
    "PLATFORM_SECRET_ID",
    "TABLE_PREFIX",
];

#[test]
fn template_globals_give_all_functions_these_variables_and_no_others() {
    let template = Template::read();
    let given = template.globals()["Environment"]["Variables"].as_object().unwrap();
    let given: BTreeSet<&str> = given.keys().map(String::as_str).collect();
    assert_eq!(given, BTreeSet::from(GIVEN_TO_ALL));
}

/// A block is to fit on a screen. What is longer has many resources, and each of its lines is one of them.
const LONGER_BLOCKS: [&str; 13] = [
    "DouyinAuthCallbackFunction",
    "DouyinAuthConfirmFunction",
    "DouyinFanSyncWorkerFunction",
    "DouyinTokenKeeperFunction",
    "EventSequencerFunction",
    "MomentPublisherFunction",
    "MomentSyncFunction",
    "MomentTaskUpdateFunction",
    "MomentValidateFunction",
    "SweeperFunction",
    "WebhookDelivererFunction",
    "WechatAccountConnectFunction",
    "WechatCorpUpdateFunction",
];

#[test]
fn template_block_of_a_function_fits_on_a_screen() {
    let (text, template) = (read("template.yaml"), Template::read());
    let longer = template.functions().into_values().map(|function| function.id).filter(|id| {
        let block = text.split_once(&format!("\n  {id}:\n")).unwrap().1;
        let lines = 1 + block.lines().take_while(|line| line.starts_with("    ")).count();
        assert!(lines <= 94, "{id} has {lines} lines");
        lines > 40
    });
    assert_eq!(longer.collect::<BTreeSet<_>>(), LONGER_BLOCKS.map(str::to_owned).into());
}

/// What a function's use case is built with although this function makes no use of it: its environment names the
/// resource, and still it has no right to it.
///
/// The last four have no right to the secret, whose address `Globals` give to all.
const UNTOUCHED: [(&str, &str); 6] = [
    ("moment-task-cancel", "PublishQueue"),
    ("moment-task-retry", "PublishScheduleGroup"),
    ("event-sequencer", "PlatformSecret"),
    ("sweeper", "PlatformSecret"),
    ("webhook-deliverer", "PlatformSecret"),
    ("wechat-health-checker", "PlatformSecret"),
];

/// A resource in the environment without a right to it fails at the first call; a right without the resource in the
/// environment is one too many. Tables are not in the environment: `rights` plays the functions with their rights.
#[test]
fn template_rights_and_environment_name_the_same_resources() {
    let template = Template::read();
    for (bin, function) in template.functions() {
        let given: BTreeSet<&str> = function
            .environment()
            .values()
            .filter_map(|value| value["Ref"].as_str())
            .filter(|id| template.resource(id).is_object())
            .collect();
        // What is somebody else's is named by a parameter that the function is given.
        let foreign: Vec<&Value> =
            function.environment().values().filter(|it| names_parameter(&template, it)).collect();
        let statements = function.statements().into_iter().filter(|it| it["Action"] != "iam:PassRole");
        let statements = statements.filter(|it| !foreign.contains(&&it["Resource"]));
        let is_table = |id: &&str| template.resource(id)["Type"] == "AWS::DynamoDB::Table";
        let permitted: BTreeSet<&str> = statements.map(|it| resource_of(&bin, it)).filter(|id| !is_table(id)).collect();
        let untouched: BTreeSet<&str> = UNTOUCHED.iter().filter(|(of, _)| *of == bin).map(|(_, it)| *it).collect();
        assert!(permitted.is_disjoint(&untouched), "{bin} has a right to what it is said not to touch");
        let known: BTreeSet<&str> = permitted.union(&untouched).copied().collect();
        assert_eq!(given, known, "{bin}: environment (left), policies (right)");
    }
}

fn names_parameter(template: &Template, value: &Value) -> bool {
    value["Ref"].as_str().is_some_and(|id| template.parameter(id).is_object())
}

/// How a statement names the schedules of a group: their names are made by the functions, so all of them.
const SCHEDULES: &str = "arn:${AWS::Partition}:scheduler:${AWS::Region}:${AWS::AccountId}:schedule/${";

/// How a statement names the lists of words in a bucket, and the media of tasks.
const WORDS: &str = ".Arn}/words/*";
const MEDIA: &str = ".Arn}/media/*";

/// The logical id of the one resource a statement is about.
fn resource_of<'a>(bin: &str, statement: &'a Value) -> &'a str {
    assert_eq!(statement["Effect"], "Allow", "{bin}");
    assert!(!statement["Action"].to_string().contains('*'), "{bin}: {}", statement["Action"]);
    let resource = &statement["Resource"];
    let forms = [
        ("Fn::GetAtt", "", ".Arn"),
        ("Fn::GetAtt", "", ".Id"),
        ("Fn::Sub", "${", ".Arn}/index/"),
        ("Fn::Sub", "${", WORDS),
        ("Fn::Sub", "${", MEDIA),
        ("Fn::Sub", SCHEDULES, "}/*"),
    ];
    let id = forms.into_iter().find_map(|(function, before, after)| {
        Some(resource[function].as_str()?.strip_prefix(before)?.split_once(after)?.0)
    });
    let bare = [WORDS, MEDIA, "}/*"].into_iter().fold(resource.to_string(), |text, form| text.replace(form, ""));
    assert!(!bare.contains('*'), "{bin}: {resource}");
    id.unwrap_or_else(|| panic!("{bin}: {resource} is not one resource of this template"))
}

/// Whoever makes a schedule hands it a role, and needs the right to; the role has to reach what the schedule is told
/// to reach. The emulator checks neither.
#[test]
fn template_schedule_role_allows_schedules_and_their_targets() {
    let template = Template::read();
    let mut makers = 0;
    for (bin, function) in template.functions() {
        let environment = function.environment();
        let makes = function.statements().into_iter().any(|it| allows(it, "scheduler:CreateSchedule"));
        let handing_on = function.statements().into_iter().find(|it| allows(it, "iam:PassRole"));
        assert_eq!(makes, handing_on.is_some(), "{bin}: making schedules (left), handing on a role (right)");
        let Some(handing_on) = handing_on else { continue };
        let role = &environment["SCHEDULE_ROLE_ARN"];
        assert_eq!(handing_on["Resource"], *role, "{bin}");
        let condition = json!({ "StringEquals": { "iam:PassedToService": "scheduler.amazonaws.com" } });
        assert_eq!(handing_on["Condition"], condition, "{bin}");
        let role = template.resource(role["Fn::GetAtt"].as_str().unwrap().strip_suffix(".Arn").unwrap());
        let rights = role["Properties"]["Policies"][0]["PolicyDocument"]["Statement"].as_array().unwrap();
        let reached: Vec<&Value> =
            rights.iter().filter(|it| allows(it, "sqs:SendMessage")).map(|it| &it["Resource"]).collect();
        assert_eq!(reached, [&environment["SCHEDULE_QUEUE_ARN"], &environment["SCHEDULE_DEAD_LETTER_ARN"]], "{bin}");
        makers += 1;
    }
    assert!(makers > 0, "no function makes schedules");
}

fn allows(statement: &Value, action: &str) -> bool {
    let actions = &statement["Action"];
    actions == action || actions.as_array().is_some_and(|all| all.iter().any(|it| it == action))
}

#[test]
fn template_redirect_url_is_the_callback_route() {
    let functions = Template::read().functions();
    let callback = &functions["douyin-auth-callback"].routes()[0].1;
    let expected = json!({ "Fn::Sub": format!("${{PublicBaseUrl}}{callback}") });
    for (bin, function) in &functions {
        if let Some(url) = function.environment().get("DOUYIN_REDIRECT_URI") {
            assert_eq!(*url, expected, "{bin}");
        }
    }
}
