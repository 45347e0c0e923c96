//! What the sections of the configuration declare and what the template sets: the same settings, limits and defaults.

use std::collections::{BTreeMap, BTreeSet};

use kernel::config::{Absent, Section, Setting};
use serde_json::{Value, json};

use super::project::{Function, Template};

/// The functions of a domain whose settings are declared in these sections.
fn of_moments(bin: &str) -> bool {
    ["moment-", "wechat-", "gateway-"].iter().any(|prefix| bin.starts_with(prefix))
}

fn declared(sections: &[&'static Section]) -> BTreeMap<&'static str, &'static Setting> {
    let settings: Vec<&Setting> = sections.iter().flat_map(|section| section.settings).collect();
    let by_name: BTreeMap<_, _> = settings.iter().map(|setting| (setting.name, *setting)).collect();
    assert_eq!(by_name.len(), settings.len(), "a setting is declared twice");
    by_name
}

fn functions(template: &Template) -> Vec<Function> {
    template.functions().into_values().filter(|function| of_moments(&function.bin)).collect()
}

#[test]
fn every_setting_is_set_by_the_template_and_every_variable_is_a_declared_setting() {
    let (of_kernel, of_domain) = (declared(&kernel::config::SECTIONS), declared(&moments::config::SECTIONS));
    let functions = functions(&Template::read());
    let set: BTreeSet<&str> =
        functions.iter().flat_map(|function| function.environment().keys()).map(String::as_str).collect();
    let unset: Vec<_> = of_domain.keys().filter(|name| !set.contains(*name)).collect();
    assert!(unset.is_empty(), "declared, and set for no function: {unset:?}");
    let undeclared: Vec<_> =
        set.iter().filter(|name| !of_domain.contains_key(*name) && !of_kernel.contains_key(*name)).collect();
    assert!(undeclared.is_empty(), "set, and declared in no section: {undeclared:?}");
}

/// A number that the template refuses and the code takes cannot be set; one the other way round stops the function.
#[test]
fn parameters_have_the_limits_and_defaults_of_their_settings() {
    let template = Template::read();
    let declared = declared(&moments::config::SECTIONS);
    let mut numbers = BTreeSet::new();
    for function in functions(&template) {
        for (name, value) in function.environment() {
            let Some(setting) = declared.get(name.as_str()) else { continue };
            let parameter = value["Ref"].as_str().map_or(&Value::Null, |id| template.parameter(id));
            if let Some(range) = &setting.range {
                let limits = [&parameter["MinValue"], &parameter["MaxValue"]];
                assert_eq!(
                    limits,
                    [&json!(range.start()), &json!(range.end())],
                    "limits of {name} in {}",
                    function.bin
                );
                numbers.insert(name.clone());
            }
            let default = match setting.absent {
                // A resource of the stack.
                Absent::Refused => continue,
                Absent::Nothing => "",
                Absent::Is(value) => value,
            };
            let given = &parameter["Default"];
            let given = given.as_str().map_or_else(|| given.to_string(), str::to_owned);
            assert_eq!(given, default, "default of {name} in {}", function.bin);
        }
    }
    let wanted: BTreeSet<String> =
        declared.values().filter(|it| it.range.is_some()).map(|it| it.name.to_owned()).collect();
    assert_eq!(numbers, wanted);
}
