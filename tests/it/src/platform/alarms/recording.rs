//! What a run has measured, and when.

use std::collections::BTreeMap;

/// Namespace of what the functions write themselves, in place of the stack's name.
pub const OWN: &str = "";

/// Where numbers come from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// Such as `AWS/Lambda`, or [`OWN`].
    pub namespace: String,
    pub name: String,
    /// Logical id of the resource that it is measured of.
    pub of: Option<String>,
}

impl Source {
    /// A number of the functions' own.
    pub fn own(name: &str) -> Self {
        Self { namespace: OWN.to_owned(), name: name.to_owned(), of: None }
    }

    /// A number that AWS measures of a resource.
    pub fn aws(namespace: &str, name: &str, of: &str) -> Self {
        Self { namespace: namespace.to_owned(), name: name.to_owned(), of: Some(of.to_owned()) }
    }
}

/// How the numbers of a period become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statistic {
    Sum,
    Maximum,
}

/// Numbers with their times, in seconds.
#[derive(Debug, Clone, Default)]
pub struct Recording(BTreeMap<Source, Vec<(i64, f64)>>);

impl Recording {
    pub fn put(&mut self, source: Source, second: i64, value: f64) {
        self.0.entry(source).or_default().push((second, value));
    }

    /// The number of a period, which begins with its first second and ends before its last.
    pub fn number(&self, source: &Source, statistic: Statistic, (from, until): (i64, i64)) -> Option<f64> {
        let numbers = self.0.get(source)?.iter().filter(|(second, _)| (from..until).contains(second));
        numbers.map(|(_, value)| *value).reduce(|left, right| match statistic {
            Statistic::Sum => left + right,
            Statistic::Maximum => left.max(right),
        })
    }
}
