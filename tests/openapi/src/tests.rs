//! That the document is whole.

use std::collections::{BTreeMap, BTreeSet};

use functions::catalog::{OPEN_ROUTES, OpenRoute, ROUTES, Route};
use serde_json::Value;

use super::*;
use crate::schema::{Schema, Unnamed};

fn parsed() -> Value {
    serde_json::from_str(&document(&workspace()).unwrap()).unwrap()
}

#[test]
fn document_in_the_checkout_is_what_the_types_say() {
    let root = workspace();
    let found = fs::read_to_string(root.join(DOCUMENT)).unwrap();
    assert!(found == document(&root).unwrap(), "run `cargo dev generate`");
}

/// A route that nobody has described is missing here: functions/src/openapi is where it belongs.
#[test]
fn document_has_every_route_of_the_template_with_its_permission_and_no_other() {
    let document = parsed();
    let mut described = BTreeMap::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let access = operation.get("x-permission").or_else(|| operation.get("x-protected-by")).unwrap();
            let is_signed_in = operation["security"] != serde_json::json!([]);
            assert_eq!(is_signed_in, operation.get("x-permission").is_some(), "{path}");
            let route = (method.to_uppercase(), path.clone());
            described.insert(route, (operation["operationId"].as_str().unwrap(), access.as_str().unwrap()));
        }
    }
    let of_route = |it: &Route| ((it.method.to_owned(), it.path.to_owned()), (it.name, it.permission));
    let of_open = |it: &OpenRoute| ((it.method.to_owned(), it.path.to_owned()), (it.name, it.protected_by));
    let declared = ROUTES.iter().map(of_route).chain(OPEN_ROUTES.iter().map(of_open)).collect();
    assert_eq!(described, declared, "described (left), declared in template.yaml (right)");
}

#[test]
fn document_names_each_type_once_and_points_to_nothing_that_is_not_there() {
    let document = parsed();
    let components = &document["components"];
    for name in components["schemas"].as_object().unwrap().keys() {
        let is_plain =
            !name.ends_with("View") && (name.starts_with("Error") || !name.ends_with(|c: char| c.is_ascii_digit()));
        assert!(is_plain, "two types are called {name}, or it has no name for readers");
    }
    let mut pointed = BTreeSet::new();
    references(&document, &mut pointed);
    for reference in &pointed {
        assert!(document.pointer(reference.strip_prefix('#').unwrap()).is_some(), "{reference}");
    }
    for name in components["schemas"].as_object().unwrap().keys() {
        assert!(pointed.contains(&format!("#/components/schemas/{name}")), "{name} is used by nothing");
    }
}

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get("$ref") {
                found.insert(reference.clone());
            }
            fields.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

/// Each failure is an example under the name that it has in the catalogue of advice.
#[test]
fn document_takes_every_error_from_the_catalogue_of_advice() {
    for (path, methods) in parsed()["paths"].as_object().unwrap() {
        for operation in methods.as_object().unwrap().values() {
            let responses = operation["responses"].as_object().unwrap();
            for (status, response) in responses.iter().filter(|(status, _)| status.as_str() >= "400") {
                let examples = response["content"]["application/json"]["examples"].as_object().unwrap();
                assert!(!examples.is_empty() && !examples.contains_key("example"), "{path} {status}");
                assert!(response["description"].as_str().unwrap().contains("`："), "{path} {status}");
            }
        }
    }
}

/// Examples are events of events/ and recorded answers: what is sent or answered otherwise is no example.
#[test]
fn document_has_an_example_of_every_body_and_each_fits_its_schema() {
    let root = workspace();
    let api = Api::of_checkout(&root).unwrap();
    let (events, answers) = (folder(&root.join("events")).unwrap(), folder(&root.join(ANSWERS)).unwrap());
    for (path, methods) in parsed()["paths"].as_object().unwrap() {
        for operation in methods.as_object().unwrap().values() {
            let id = operation["operationId"].as_str().unwrap();
            let event = &events[id];
            let query = event["rawQueryString"].as_str().unwrap_or_default();
            assert_eq!(api.problem_of_request(id, query, event["body"].as_str()), None);
            let good = operation["responses"].as_object().unwrap().iter().filter(|(status, _)| status.as_str() < "300");
            let mut of_json = good.filter_map(|(_, response)| response["content"].get("application/json"));
            if let Some(first) = of_json.next() {
                let has_example = first.get("example").is_some() || of_json.any(|other| other.get("example").is_some());
                // The callback's own answer is one without a page to go back to.
                assert!(has_example || id == "douyin-auth-callback", "{path}: no answer is recorded for {id}");
            }
            if let Some(answer) = answers.get(id) {
                let status = answer["code"].as_u64().map_or(200, |status| u16::try_from(status).unwrap());
                assert_eq!(api.problem_of_answer(id, status, Some("application/json"), answer), None);
            }
        }
    }
    let known: BTreeSet<&String> = events.keys().collect();
    assert!(answers.keys().all(|name| known.contains(name)), "an answer of no function");
}

#[test]
fn document_has_an_example_of_each_type_of_events_and_each_fits_its_schema() {
    let document = parsed();
    let mut shown = 0;
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        for example in schema["examples"].as_array().into_iter().flatten() {
            let checked = Schema { document: &document, schema, unnamed: Unnamed::Refused };
            assert_eq!(checked.problem(example, name), None);
            shown += 1;
        }
    }
    assert_eq!(shown, document["components"]["schemas"]["EventData"]["anyOf"].as_array().unwrap().len());
}

/// `sam build` selects the package of the functions alone, as cargo does in its folder; features of others do not reach it.
#[test]
fn functions_that_ship_are_built_without_the_document() {
    let root = workspace();
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap();
    assert!(read("template.yaml").contains("\n    CodeUri: functions\n"));
    for manifest in ["functions", "shared/kernel", "shared/leads", "shared/moments", "shared/webhooks"] {
        let manifest = format!("{manifest}/Cargo.toml");
        let text = read(&manifest);
        assert!(text.contains("\nschemars = { workspace = true, optional = true }\n"), "{manifest}");
        assert!(!text.contains("\ndefault = "), "{manifest} switches a feature on");
    }
    let manifest = read("functions/Cargo.toml");
    let dependencies = manifest.split_once("\n[dependencies]\n").unwrap().1;
    assert!(!dependencies.contains("\"openapi\""), "a dependency of the functions has the feature");
}

#[test]
fn answer_or_request_that_the_document_does_not_say_is_a_problem() {
    let root = workspace();
    let api = Api::of_checkout(&root).unwrap();
    let id = "douyin-lead-update";
    let answer =
        |status, body: &Value| api.problem_of_answer(id, status, Some("application/json; charset=utf-8"), body);
    let good = folder(&root.join(ANSWERS)).unwrap().remove(id).unwrap();
    assert_eq!(answer(200, &good), None);
    let mut more = good.clone();
    more["data"]["phone"] = "13800000000".into();
    assert!(answer(200, &more).unwrap().contains("phone is not described"));
    let mut less = good.clone();
    less["data"].as_object_mut().unwrap().remove("version");
    assert!(answer(200, &less).unwrap().contains("version is missing"));
    assert!(answer(418, &good).unwrap().contains("not described as answering 418"));

    let failure = |code: &str, reason: &str| {
        serde_json::json!({
            "code": 404, "message": "未找到要操作的内容", "data": null,
            "error": { "type": code, "reason": reason, "requestId": "r-1" },
        })
    };
    let reason = kernel::advice::NOT_FOUND.remedy;
    assert_eq!(answer(404, &failure("NOT_FOUND", &reason)), None);
    assert!(answer(404, &failure("LEAD_GONE", &reason)).is_some(), "a code that is none");
    assert!(answer(404, &failure("NOT_FOUND", "请稍后再试")).unwrap().contains("no example"), "another sentence");

    let request = |body| api.problem_of_request(id, "", Some(body));
    assert_eq!(request(r#"{"status":"CONTACTED","notes":null}"#), None);
    assert!(request(r#"{"state":"CONTACTED"}"#).unwrap().contains("state is not described"));
    assert!(request(r#"{"status":"DONE"}"#).is_some());
    assert_eq!(api.problem_of_request("douyin-leads", "size=100&keyword=", None), None);
    assert!(api.problem_of_request("douyin-leads", "size=101", None).unwrap().contains("query.size"));
}
