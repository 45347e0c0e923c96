//! What the code declares that may be set, and what the template sets: the same settings, limits and defaults.

use std::collections::{BTreeMap, BTreeSet};

use kernel::config::{Absent, Section, Setting};
use serde_json::{Value, json};

use super::project::Template;

/// Every setting of every section, by its variable.
fn settings() -> BTreeMap<&'static str, &'static Setting> {
    let sections: [&[&Section]; 4] =
        [&kernel::config::SECTIONS, &leads::config::SECTIONS, &moments::config::SECTIONS, &webhooks::config::SECTIONS];
    let mut settings = BTreeMap::new();
    for setting in sections.concat().into_iter().flat_map(|section| section.settings) {
        assert!(settings.insert(setting.name, setting).is_none(), "{} is in two sections", setting.name);
    }
    settings
}

/// A variable that is in no section is read by nobody; a setting that nobody sets cannot be set.
#[test]
fn template_variables_are_settings_and_settings_are_variables() {
    let functions = Template::read().functions();
    let variables = functions.values().flat_map(|function| function.environment().keys());
    let variables: BTreeSet<&str> = variables.map(String::as_str).collect();
    let settings = settings();
    let settable: BTreeSet<&str> = settings.values().filter(|it| !it.by_runtime).map(|it| it.name).collect();
    assert_eq!(variables, settable, "variables of template.yaml (left), settings of the sections (right)");
}

/// A number that the template takes and the function does not stops the function; one the other way round cannot be set.
#[test]
fn template_parameters_have_limits_and_defaults_of_their_settings() {
    let (template, settings) = (Template::read(), settings());
    let mut numbers = BTreeSet::new();
    for (bin, function) in template.functions() {
        for (name, value) in function.environment() {
            let setting = settings[name.as_str()];
            let parameter = value["Ref"].as_str().map_or(&Value::Null, |id| template.parameter(id));
            if parameter.is_null() {
                // A resource, an address made of others, or what the function's own time limit leaves no choice about.
                let fixed = value.as_str().and_then(|text| text.parse().ok());
                let fits = |number: u64| setting.range.as_ref().is_none_or(|range| range.contains(&number));
                assert!(fixed.is_none_or(fits), "{bin} is given {name}={value}, which it does not take");
                continue;
            }
            if let Some(range) = &setting.range {
                let limits = (&parameter["MinValue"], &parameter["MaxValue"]);
                assert_eq!(limits, (&json!(range.start()), &json!(range.end())), "limits of the parameter for {name}");
                numbers.insert(name.clone());
            }
            let default = match setting.absent {
                // It has to be given, so the parameter has no default either.
                Absent::Refused => Value::Null,
                Absent::Nothing => json!(""),
                Absent::Is(text) if setting.range.is_some() => json!(text.parse::<u64>().unwrap()),
                Absent::Is(text) => json!(text),
            };
            // An empty text is as good as none, and a required one may stand in for an optional one.
            let given = &parameter["Default"];
            let is_stricter = given.is_null() && setting.absent == Absent::Nothing;
            assert!(*given == default || is_stricter, "default of the parameter for {name}: {given}");
        }
    }
    let with_a_default = settings.values().filter(|it| it.range.is_some() && it.absent != Absent::Refused);
    assert_eq!(numbers, with_a_default.map(|it| it.name.to_owned()).collect(), "numbers that have a parameter");
}
