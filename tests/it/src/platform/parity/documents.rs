//! What the documents tell whoever deploys has to be there, and has to be enough.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::project::{Template, read};

const OPERATIONS: &str = "docs/operations.md";

/// Names as the template makes them (`PublicBaseUrl`) that a text has in backticks.
fn names(text: &str) -> BTreeSet<&str> {
    let is_name = |word: &&str| {
        word.chars().all(|letter| letter.is_ascii_alphanumeric())
            && word.starts_with(|letter: char| letter.is_ascii_uppercase())
            && word.chars().skip(1).any(|letter| letter.is_ascii_uppercase())
            && word.contains(|letter: char| letter.is_ascii_lowercase())
    };
    text.split('`').skip(1).step_by(2).filter(is_name).collect()
}

/// The blocks of commands of a text.
fn blocks(text: &str) -> impl Iterator<Item = &str> {
    text.split("```").skip(1).step_by(2)
}

#[test]
fn parameters_and_outputs_named_by_the_documents_exist() {
    let template = Template::read();
    let chapters = [
        ("README.md", "Configuration"),
        ("README.md", "Deploying to AWS"),
        (OPERATIONS, "Deploying"),
        (OPERATIONS, "The address of the API"),
        (OPERATIONS, "What to enter where"),
    ];
    for (document, title) in chapters {
        let text = read(document);
        let chapter = text.split("\n## ").find_map(|chapter| chapter.strip_prefix(title)).expect(title);
        // Without the blocks, whose fences are backticks too.
        let prose: String = chapter.split("```").step_by(2).collect();
        let named = names(&prose);
        assert!(!named.is_empty(), "{title} of {document} names nothing");
        for name in named {
            let known = [template.parameter(name), template.output(name), template.resource(name)];
            assert!(known.iter().any(|it| !it.is_null()), "{document} names {name}, which template.yaml does not have");
        }
    }
}

/// Whoever deploys has to enter these addresses at the platforms, character by character.
#[test]
fn addresses_that_platforms_call_are_outputs_and_documented() {
    let template = Template::read();
    let operations = read(OPERATIONS);
    let functions = template.functions();
    let called = [
        ("DouyinRedirectUrl", "douyin-auth-callback"),
        ("DouyinWebhookUrl", "douyin-webhook"),
        ("GatewayWebhookUrl", "gateway-webhook"),
    ];
    for (output, bin) in called {
        let path = functions[bin].routes()[0].1.replace("{secret}", "");
        let address = json!({ "Fn::Sub": format!("${{PublicBaseUrl}}{path}") });
        assert_eq!(template.output(output)["Value"], address, "{output}");
        assert!(names(&operations).contains(output), "{OPERATIONS} does not name {output}");
    }
}

/// The settings of deploy/example.env by name, with those that are only shown (`#Name=default`).
fn example() -> (BTreeSet<String>, BTreeMap<String, String>) {
    let text = read("deploy/example.env");
    let settings = |shown: bool| {
        let lines = text.lines().filter(move |line| line.starts_with('#') == shown);
        lines.filter_map(|line| line.trim_start_matches('#').split_once('=')).filter_map(|(name, value)| {
            let is_name = name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
            is_name.then(|| (name.to_owned(), value.to_owned()))
        })
    };
    (settings(false).map(|(name, _)| name).collect(), settings(true).collect())
}

/// The script takes a base address from the stack, and refuses a file without any of the others.
#[test]
fn example_of_settings_has_every_parameter_with_its_default() {
    let template = Template::read();
    let (given, shown) = example();
    for name in template.required_parameters().filter(|name| *name != "PublicBaseUrl") {
        assert!(given.contains(name), "deploy/example.env does not give {name}");
    }
    let place =
        ["STACK_NAME", "AWS_ACCOUNT_ID", "AWS_REGION", "AWS_PROFILE", "ARTIFACT_BUCKET", "RELEASE_WATCH_MINUTES"];
    let known: BTreeSet<String> = template.parameters().map(str::to_owned).chain(place.map(str::to_owned)).collect();
    let all: BTreeSet<String> = given.iter().chain(shown.keys()).cloned().collect();
    assert_eq!(all, known, "deploy/example.env (left), template.yaml and where to deploy (right)");
    for (name, value) in &shown {
        let default = &template.parameter(name)["Default"];
        let default = default.as_str().map_or_else(|| default.to_string(), str::to_owned);
        assert!(default == "null" || default == *value, "the default of {name} is {default} and not {value}");
    }
}

#[test]
fn tools_of_a_deployment_are_of_the_versions_the_checks_use() {
    let (tools, checks) = (read("scripts/deployment/tools.py"), read(".ci/run"));
    let version = tools.lines().find_map(|line| line.strip_prefix("AWS_CLI = ")).expect("a version of the AWS CLI");
    assert!(checks.contains(&format!("awscli=={}", version.trim_matches('"'))), "the checks use another AWS CLI");
    assert!(tools.contains("tests/local/python/requirements.txt"), "cargo-lambda and zig are those of cargo dev");
}

/// SAM's own commands package the sources if they are not built first, and ask what cannot be answered.
#[test]
fn documented_deployment_is_the_script_and_nothing_else() {
    for document in ["README.md", OPERATIONS] {
        let text = read(document);
        assert!(blocks(&text).any(|block| block.contains("scripts/deploy ")), "{document} does not deploy");
        for other in ["sam deploy", "sam build", "--guided"] {
            assert!(!text.contains(other), "{document} deploys by {other}");
        }
    }
}

#[test]
fn documented_deployment_writes_nothing_that_is_tracked() {
    let ignored = read(".gitignore");
    for line in ["/target/", "/deploy/*", "!/deploy/example.env", "__pycache__/"] {
        assert!(ignored.lines().any(|it| it == line), "{line} is not in .gitignore");
    }
}
