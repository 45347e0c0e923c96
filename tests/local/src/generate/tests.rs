//! The generator against the checkout it is part of, and against hands that edit what it wrote.

use super::*;
use crate::paths;

fn generated() -> (Vec<Part>, Checkout) {
    let root = paths::workspace();
    let parts = parts(&root, &Declaration::read(&root).unwrap()).unwrap();
    let checkout = Checkout::read(&root, &parts).unwrap();
    (parts, checkout)
}

fn paths_of(differences: &[Difference]) -> Vec<&str> {
    differences.iter().map(|difference| difference.path.as_str()).collect()
}

#[test]
fn checkout_is_what_the_template_declares() {
    let (parts, checkout) = generated();
    let differences: Vec<String> = checkout.differences(&parts).unwrap().iter().map(ToString::to_string).collect();
    assert!(differences.is_empty(), "run `cargo dev generate`:\n{}", differences.join("\n"));
}

/// Every line of every part that nobody edits: one that is changed, left out or added is reported, and nothing but that file.
#[test]
fn check_of_a_part_edited_by_hand_names_that_part() {
    let (parts, checkout) = generated();
    for part in parts.iter().filter(|part| !part.is_first_draft()) {
        let text = &checkout.files[&part.path];
        let start = text.find(&part.text).unwrap_or_else(|| panic!("{} is not up to date", part.path));
        let (before, after) = (&text[..start], &text[start + part.text.len()..]);
        let lines: Vec<&str> = part.text.split_inclusive('\n').collect();
        for number in 0..lines.len() {
            let (head, line, tail) = (lines[..number].concat(), lines[number], lines[number + 1..].concat());
            for edited in [format!("{head}{tail}"), format!("{head}{line}{line}{tail}"), format!("{head}x{line}{tail}")]
            {
                let mut edited_checkout = checkout.clone();
                edited_checkout.files.insert(part.path.clone(), format!("{before}{edited}{after}"));
                let differences = edited_checkout.differences(&parts).unwrap();
                assert_eq!(paths_of(&differences), [&part.path], "line {}: {line}", number + 1);
            }
        }
    }
}

#[test]
fn check_of_a_generated_file_that_is_missing_or_belongs_to_nothing_names_it() {
    let (parts, checkout) = generated();
    for part in &parts {
        let mut without = checkout.clone();
        without.files.remove(&part.path);
        match without.differences(&parts) {
            Ok(differences) => assert_eq!(paths_of(&differences), [&part.path]),
            // A region is part of what people wrote, which cannot be made anew.
            Err(problem) => assert!(problem.to_string().contains(&part.path), "{problem}"),
        }
    }
    let mut with_stray = checkout;
    with_stray.files.insert("functions/src/bin/gone.rs".to_owned(), String::new());
    let differences = with_stray.differences(&parts).unwrap();
    assert_eq!(
        differences.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["functions/src/bin/gone.rs belongs to no function of template.yaml"]
    );
}

/// A template of one function, with what `metadata` and `events` say about it.
fn template(metadata: &str, events: &str) -> String {
    format!(
        "Resources:
  F:
    Type: AWS::Serverless::Function
    Metadata: {{ BuildProperties: {{ Binary: f }}, {metadata} }}
    Properties: {{ Events: {{ {events} }} }}
"
    )
}

const ROUTE: &str = "R: { Type: HttpApi, Properties: { Method: GET, Path: '/a/{b}' } }";
const SCHEDULE: &str = "S: { Type: ScheduleV2, Properties: { ScheduleExpression: rate(1 minute) } }";

#[test]
fn function_that_lacks_something_or_contradicts_itself_is_refused() {
    let whole = "Owner: leads, Summary: Does it, Permission: a:b";
    let declared = Declaration::parse(&template(whole, ROUTE)).unwrap();
    assert_eq!(declared.functions[0].title(), "`GET /a/{b}`: Does it.");
    for (metadata, events, problem) in [
        ("Summary: Does it, Permission: a:b", ROUTE, "no Owner"),
        ("Owner: sales, Summary: Does it, Permission: a:b", ROUTE, "Owner is none of"),
        ("Owner: leads, Permission: a:b", ROUTE, "no Summary"),
        ("Owner: leads, Summary: Does it., Permission: a:b", ROUTE, "plain sentence"),
        ("Owner: leads, Summary: Does it", ROUTE, "neither Permission nor ProtectedBy"),
        ("Owner: leads, Summary: Does it, Permission: a:b, ProtectedBy: x", ROUTE, "both"),
        ("Owner: leads, Summary: Does it, Permission: A B", ROUTE, "not how permissions are written"),
        (whole, SCHEDULE, "nobody calls it"),
        (whole, "", "nothing starts it"),
        (whole, &format!("{ROUTE}, {SCHEDULE}"), "more than one thing"),
    ] {
        let refused = format!("{:#}", Declaration::parse(&template(metadata, events)).unwrap_err());
        assert!(refused.contains(problem), "{metadata}, {events}: {refused}");
    }
    let twice = template(whole, ROUTE) + &template(whole, ROUTE).replace("Resources:\n  F:", "  G:");
    assert!(format!("{:#}", Declaration::parse(&twice).unwrap_err()).contains("two functions are called f"));
}

#[test]
fn permission_of_the_template_reaches_catalog_and_readme() {
    let root = paths::workspace();
    let text = |metadata: &str| -> Vec<Part> {
        parts(&root, &Declaration::parse(&template(metadata, ROUTE)).unwrap()).unwrap()
    };
    let (one, other) = (
        text("Owner: leads, Summary: Does it, Permission: a:b"),
        text("Owner: leads, Summary: Does it, Permission: a:c"),
    );
    let changed: Vec<&str> =
        one.iter().zip(&other).filter(|(one, other)| one != other).map(|(part, _)| &*part.path).collect();
    // And from the catalog it reaches the OpenAPI document, which `tests/openapi` holds against it.
    assert_eq!(changed, ["functions/src/catalog.rs", "README.md"]);
}
