//! What may be configured: settings in sections. A setting that is in no section cannot be read, so the tables of
//! `docs/configuration.md`, which are made of the sections, are complete.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use url::Url;

use super::{ConfigError, Env};

/// Settings that belong together.
#[derive(Debug)]
pub struct Section {
    /// The heading in the documentation.
    pub title: &'static str,
    /// The settings that belong together.
    pub settings: &'static [Setting],
}

/// One environment variable of a function.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The environment variable that sets it.
    pub name: &'static str,
    /// What it holds if nobody sets it.
    pub absent: Absent,
    /// The numbers it may hold, when it holds a number.
    pub range: Option<RangeInclusive<u64>>,
    /// Whether Lambda, or whoever runs the function, sets it and not the template.
    pub by_runtime: bool,
    /// What it means, with its unit.
    pub about: &'static str,
}

/// What a setting means that is absent or empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absent {
    /// The function does not start.
    Refused,
    /// What it is about is switched off, as `about` says.
    Nothing,
    /// This value, if none is set.
    Is(&'static str),
}

impl Setting {
    /// One without which the function does not start.
    pub const fn required(name: &'static str, about: &'static str) -> Self {
        Self { name, absent: Absent::Refused, range: None, by_runtime: false, about }
    }

    /// One that may be absent.
    pub const fn optional(name: &'static str, about: &'static str) -> Self {
        Self { name, absent: Absent::Nothing, range: None, by_runtime: false, about }
    }

    /// One that has a value if nobody sets it.
    pub const fn with_default(name: &'static str, value: &'static str, about: &'static str) -> Self {
        Self { name, absent: Absent::Is(value), range: None, by_runtime: false, about }
    }

    /// The same for a number from `least` to `most`.
    #[must_use]
    pub const fn between(mut self, least: u64, most: u64) -> Self {
        self.range = Some(least..=most);
        self
    }

    /// The same, set by whoever runs the function.
    #[must_use]
    pub const fn by_runtime(mut self) -> Self {
        self.by_runtime = true;
        self
    }
}

impl Section {
    /// The values of this section in an environment.
    pub const fn of<'a>(&'static self, env: &'a Env) -> Values<'a> {
        Values { section: self, env }
    }
}

/// The values of one section. Every error names the variable.
#[derive(Debug, Clone, Copy)]
pub struct Values<'a> {
    section: &'static Section,
    env: &'a Env,
}

impl Values<'_> {
    fn setting(&self, name: &str) -> Result<&'static Setting, ConfigError> {
        let known = self.section.settings.iter().find(|setting| setting.name == name);
        known.ok_or_else(|| ConfigError::Undeclared { name: name.to_owned(), section: self.section.title })
    }

    /// The value as it is, or the setting's default.
    ///
    /// # Errors
    /// When there is neither.
    pub fn text(&self, name: &str) -> Result<String, ConfigError> {
        self.optional(name)?.ok_or_else(|| ConfigError::Missing(name.to_owned()))
    }

    /// The value or the default, if there is one of them.
    ///
    /// # Errors
    /// When the section has no such setting.
    pub fn optional(&self, name: &str) -> Result<Option<String>, ConfigError> {
        let setting = self.setting(name)?;
        Ok(self.env.get(name).or_else(|| match setting.absent {
            Absent::Is(value) => Some(value.to_owned()),
            Absent::Refused | Absent::Nothing => None,
        }))
    }

    /// A whole number in the setting's range.
    ///
    /// # Errors
    /// When it is absent, not a number, or out of range.
    pub fn number<T: TryFrom<u64>>(&self, name: &str) -> Result<T, ConfigError> {
        self.optional_number(name)?.ok_or_else(|| ConfigError::Missing(name.to_owned()))
    }

    /// The same, unless it is absent.
    ///
    /// # Errors
    /// When it is not a number, or out of range.
    pub fn optional_number<T: TryFrom<u64>>(&self, name: &str) -> Result<Option<T>, ConfigError> {
        let setting = self.setting(name)?;
        let Some(text) = self.optional(name)? else { return Ok(None) };
        let number: u64 = text.parse().map_err(|error| invalid(name, error))?;
        if let Some(range) = setting.range.as_ref().filter(|range| !range.contains(&number)) {
            return Err(invalid(name, format!("must be from {} to {}", range.start(), range.end())));
        }
        T::try_from(number).map(Some).map_err(|_| invalid(name, "is too large"))
    }

    /// Whole seconds.
    ///
    /// # Errors
    /// As [`Values::number`].
    pub fn seconds(&self, name: &str) -> Result<Duration, ConfigError> {
        self.number(name).map(Duration::from_secs)
    }

    /// An address.
    ///
    /// # Errors
    /// When it is absent or cannot be parsed.
    pub fn url(&self, name: &str) -> Result<Url, ConfigError> {
        Url::parse(&self.text(name)?).map_err(|error| invalid(name, error))
    }

    /// A comma-separated list, blanks dropped; empty when absent.
    ///
    /// # Errors
    /// When the section has no such setting.
    pub fn list(&self, name: &str) -> Result<Vec<String>, ConfigError> {
        let text = self.optional(name)?.unwrap_or_default();
        Ok(text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect())
    }
}

fn invalid(name: &str, problem: impl Display) -> ConfigError {
    ConfigError::Invalid { name: name.to_owned(), problem: problem.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    static SECTION: Section = Section {
        title: "Sizes",
        settings: &[
            Setting::required("NAME", "a name"),
            Setting::optional("COLOURS", "colours"),
            Setting::with_default("SIZE", "7", "a size").between(1, 45),
        ],
    };

    fn read<T>(variables: &[(&str, &str)], read: impl FnOnce(Values<'_>) -> T) -> T {
        let env: Env = variables.iter().copied().collect();
        read(SECTION.of(&env))
    }

    #[test]
    fn setting_that_is_absent_is_its_default_or_an_error_with_its_name() {
        assert_eq!(read(&[], |it| it.number("SIZE")), Ok(7_u32));
        assert_eq!(read(&[("SIZE", "")], |it| it.number("SIZE")), Ok(7_u32));
        assert_eq!(read(&[], |it| it.list("COLOURS")), Ok(Vec::new()));
        let missing = read(&[("NAME", "")], |it| it.text("NAME")).unwrap_err();
        assert_eq!(missing.to_string(), "environment variable NAME is missing");
    }

    #[test]
    fn setting_with_a_wrong_value_is_an_error_with_its_name() {
        for (value, problem) in [("many", "invalid digit"), ("0", "from 1 to 45"), ("46", "from 1 to 45")] {
            let error = read(&[("SIZE", value)], |it| it.number::<u32>("SIZE")).unwrap_err().to_string();
            assert!(error.contains("SIZE") && error.contains(problem), "{error}");
        }
        assert!(read(&[("NAME", "no address")], |it| it.url("NAME")).unwrap_err().to_string().contains("NAME"));
    }

    #[test]
    fn setting_of_no_section_cannot_be_read() {
        let error = read(&[("WEIGHT", "1")], |it| it.optional("WEIGHT")).unwrap_err();
        assert_eq!(error.to_string(), "WEIGHT is not declared in the section Sizes");
    }

    #[test]
    fn setting_list_drops_blanks() {
        assert_eq!(
            read(&[("COLOURS", " red,, blue ")], |it| it.list("COLOURS")),
            Ok(vec!["red".into(), "blue".into()])
        );
    }
}
