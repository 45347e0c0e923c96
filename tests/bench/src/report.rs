//! Figures, what they may be at most, and the table of them.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;

use anyhow::{Context, Result};

use crate::{Options, machine};

/// Something measured, perhaps several times.
#[derive(Debug, Clone)]
pub struct Figure {
    what: String,
    unit: &'static str,
    values: Vec<f64>,
    limit: Option<f64>,
    by_the_worst: bool,
    note: String,
}

impl Figure {
    /// A count: each of the values has to be within the limit.
    pub fn count(what: impl Into<String>, unit: &'static str, values: impl IntoIterator<Item = f64>) -> Self {
        let values = sorted(values);
        Self { what: what.into(), unit, values, limit: None, by_the_worst: true, note: String::new() }
    }

    /// A time, or a ratio of times: the median has to be within the limit.
    pub fn time(what: impl Into<String>, unit: &'static str, values: impl IntoIterator<Item = f64>) -> Self {
        Self { by_the_worst: false, ..Self::count(what, unit, values) }
    }

    /// What it may be at most. A figure without is there to be known.
    #[must_use]
    pub fn at_most(self, limit: f64) -> Self {
        Self { limit: Some(limit), ..self }
    }

    /// How it was got, or what it leaves out.
    #[must_use]
    pub fn note(self, note: impl Into<String>) -> Self {
        Self { note: note.into(), ..self }
    }

    /// Whether it is within its limit. Nothing measured is not.
    fn is_kept(&self) -> bool {
        let judged = if self.by_the_worst { self.values.last().copied() } else { middle(&self.values) };
        self.limit.is_none_or(|limit| judged.is_some_and(|judged| judged <= limit))
    }

    /// The number of its note, one note for all figures that share it.
    fn reference<'a>(&'a self, notes: &mut Vec<&'a str>) -> Option<usize> {
        if self.note.is_empty() {
            return None;
        }
        let known = notes.iter().position(|note| *note == self.note);
        Some(
            1 + known.unwrap_or_else(|| {
                notes.push(&self.note);
                notes.len() - 1
            }),
        )
    }

    fn measured(&self) -> String {
        let (Some(min), Some(median), Some(max)) = (self.values.first(), middle(&self.values), self.values.last())
        else {
            return "nothing".to_owned();
        };
        if min == max {
            return format!("{} {}", number(*min), self.unit);
        }
        format!("{} / {} / {} {}", number(*min), number(median), number(*max), self.unit)
    }
}

/// The median of values in any order; 0 of none.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    middle(&sorted(values)).unwrap_or_default()
}

fn sorted(values: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_unstable_by(f64::total_cmp);
    values
}

fn middle(sorted: &[f64]) -> Option<f64> {
    let (low, high) = (sorted.get(sorted.len().saturating_sub(1) / 2)?, sorted.get(sorted.len() / 2)?);
    Some((low + high) / 2.0)
}

fn number(value: f64) -> String {
    let text = if value.abs() >= 1_000.0 { format!("{value:.0}") } else { format!("{value:.3}") };
    let short = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    short.to_owned()
}

/// All figures of a run.
pub struct Report {
    header: String,
    figures: Vec<(String, Figure)>,
}

impl Report {
    /// An empty one.
    pub fn new(options: &Options) -> Self {
        let quick = if options.quick { " **Quick run**: fewer leads and runs, no verdict to rely on." } else { "" };
        let (machine, load) = (machine::describe(), machine::load());
        let header = format!(
            "# Budgets\n\n{machine}, functions that run as processes built as {}.{quick}\n\nLoad {load} at the beginning",
            options.profile
        );
        Self { header, figures: Vec::new() }
    }

    /// Adds the figures of a benchmark.
    pub fn add(&mut self, benchmark: &str, figures: Vec<Figure>) {
        self.figures.extend(figures.into_iter().map(|figure| (benchmark.to_owned(), figure)));
    }

    /// Whether every budget is kept.
    pub fn is_kept(&self) -> bool {
        self.figures.iter().all(|(_, figure)| figure.is_kept())
    }

    /// Prints the table and keeps it as `target/bench/report.md`.
    pub fn publish(&self) -> Result<()> {
        let text = self.markdown();
        let path = local::paths::workspace().join("target/bench/report.md");
        fs::create_dir_all(path.parent().context("a file without a directory")?)?;
        fs::write(&path, &text)?;
        std::io::stdout().write_all(text.as_bytes()).context("standard output is closed")
    }

    fn markdown(&self) -> String {
        let load = machine::load();
        let mut text = format!(
            "{}, {load} at the end.\n\n| benchmark | figure | limit | measured (min / median / max) | verdict |\n",
            self.header
        );
        text.push_str("|---|---|---|---|---|\n");
        let mut notes: Vec<&str> = Vec::new();
        for (benchmark, figure) in &self.figures {
            let limit = figure.limit.map_or_else(|| "–".to_owned(), |limit| format!("≤ {}", number(limit)));
            let verdict = match (figure.limit, figure.is_kept()) {
                (None, _) => "–",
                (Some(_), true) => "kept",
                (Some(_), false) => "**BROKEN**",
            };
            let what = match figure.reference(&mut notes) {
                None => figure.what.clone(),
                Some(number) => format!("{} [{number}]", figure.what),
            };
            // Writing to a String cannot fail.
            let _ = writeln!(text, "| {benchmark} | {what} | {limit} | {} | {verdict} |", figure.measured());
        }
        text.push('\n');
        for (number, note) in (1..).zip(notes) {
            let _ = writeln!(text, "{number}. {note}");
        }
        let broken = self.figures.iter().filter(|(_, figure)| !figure.is_kept()).count();
        let _ = writeln!(text, "\n{broken} budgets broken.");
        text
    }
}

/// Tells the person who waits what goes on; standard output is for the table.
pub fn progress(benchmark: &str, what: &str) {
    // A closed terminal is no reason to stop measuring.
    let _ = writeln!(std::io::stderr().lock(), "  {benchmark}: {what}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn report_judges_counts_by_the_worst_and_times_by_the_median() {
        let values = [3.0, 1.0, 9.0];
        assert!(!Figure::count("", "", values).at_most(8.0).is_kept());
        assert!(Figure::count("", "", values).at_most(9.0).is_kept());
        assert!(Figure::time("", "", values).at_most(3.0).is_kept());
        assert!(!Figure::time("", "", values).at_most(2.9).is_kept());
        assert!(!Figure::time("", "", []).at_most(1.0).is_kept(), "what was not measured is not kept");
        assert!(Figure::time("", "", []).is_kept());
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), 2.5);
    }

    #[test]
    fn report_numbers_are_short() {
        for (value, text) in [(0.0, "0"), (1.0 / 3.0, "0.333"), (12.5, "12.5"), (120.0, "120"), (12_345.6, "12346")] {
            assert_eq!(number(value), text);
        }
        assert_eq!(Figure::time("", "ms", [1.0, 2.0, 4.0]).measured(), "1 / 2 / 4 ms");
        assert_eq!(Figure::count("", "calls", [3.0, 3.0]).measured(), "3 calls");
    }
}
