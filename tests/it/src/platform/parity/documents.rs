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
    let chapters = [("README.md", "Configuration"), ("README.md", "Deploying to AWS"), (OPERATIONS, "Deploying")];
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

#[test]
fn documented_parameters_are_those_that_have_to_be_given() {
    let template = Template::read();
    let operations = read(OPERATIONS);
    let example =
        blocks(&operations).find_map(|block| block.strip_prefix("yaml\n")).expect("an example of deploy.yaml");
    let example: BTreeMap<String, String> = yaml_serde::from_str(example).unwrap();
    for name in template.required_parameters() {
        assert!(example.contains_key(name), "{OPERATIONS} does not give {name}");
    }
    for name in example.keys() {
        assert!(!template.parameter(name).is_null(), "{OPERATIONS} gives {name}, which template.yaml does not take");
    }
}

#[test]
fn documented_tools_are_of_the_versions_the_checks_use() {
    let (operations, used) = (read(OPERATIONS), read("tests/local/python/requirements.txt"));
    let install = blocks(&operations).find(|block| block.contains("pip install")).expect("the tools to install");
    for tool in ["cargo-lambda", "ziglang"] {
        let pinned = used.lines().find(|line| line.starts_with(&format!("{tool}=="))).unwrap();
        assert!(install.contains(pinned), "{OPERATIONS} does not install {pinned}");
    }
    assert!(install.contains("aws-sam-cli=="), "{OPERATIONS} does not pin aws-sam-cli");
}

/// Without `sam build` SAM packages the sources, and every function of a green stack fails to start. The questions of the
/// guided deployment cannot be answered: Enter aborts, and a secret cannot be left empty.
#[test]
fn documented_deployments_build_first_and_ask_nothing() {
    let mut deployments = 0;
    for document in ["README.md", OPERATIONS] {
        let text = read(document);
        for block in blocks(&text).filter(|block| block.contains("sam deploy")) {
            let built =
                block.find("sam build").zip(block.find("sam deploy")).is_some_and(|(build, deploy)| build < deploy);
            assert!(built, "{document} deploys what was not built:{block}");
            assert!(!block.contains("--guided"), "{document}:{block}");
            deployments += 1;
        }
    }
    assert_eq!(deployments, 1, "one place tells how to deploy");
}

#[test]
fn documented_deployment_writes_nothing_that_is_tracked() {
    let ignored = read(".gitignore");
    for path in ["/.aws-sam/", "/deploy.yaml"] {
        assert!(ignored.lines().any(|line| line == path), "{path} is not in .gitignore");
    }
    assert!(!read("samconfig.toml").contains("--guided"), "samconfig.toml is for a deployment that asks nothing");
}
