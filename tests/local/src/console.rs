//! What the person in front of the terminal sees: plain lines, and a spinner under them while something takes time.
//! All of it goes to standard error; standard output is for results (`cargo dev token`).

use std::io::{IsTerminal, Write, stderr};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// Whether colours and moving bars make sense.
pub(crate) fn interactive() -> bool {
    stderr().is_terminal()
}

/// Prints one line above whatever is moving. A closed terminal is no reason to stop.
pub(crate) fn line(text: &str) {
    BARS.suspend(|| {
        let _ = writeln!(stderr().lock(), "{text}");
    });
}

/// `text` in an ANSI colour, when there is a terminal to show it.
pub(crate) fn paint(colour: u8, text: &str) -> String {
    if interactive() { format!("\u{1b}[{colour}m{text}\u{1b}[0m") } else { text.to_owned() }
}

/// Something that takes time: announced when it starts, ended by one line that says what came of it.
#[derive(Debug)]
pub(crate) struct Step {
    bar: ProgressBar,
    title: String,
    started: Instant,
}

impl Step {
    /// Announces `title`. Without a terminal that is a line of its own, so that a long wait is explained in a log too.
    pub(crate) fn start(title: &str) -> Self {
        if !interactive() {
            line(&format!("  … {title}"));
        }
        let style =
            ProgressStyle::with_template("  {spinner} {msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
        let bar = BARS.add(ProgressBar::new_spinner().with_style(style).with_message(title.to_owned()));
        bar.enable_steady_tick(Duration::from_millis(100));
        Self { bar, title: title.to_owned(), started: Instant::now() }
    }

    /// Shows what it is busy with right now.
    pub(crate) fn detail(&self, text: &str) {
        let room: String = text.chars().take(90).collect();
        self.bar.set_message(format!("{}: {room}", self.title));
    }

    /// Ends it well; `outcome` says what is there now.
    pub(crate) fn done(self, outcome: &str) {
        self.bar.finish_and_clear();
        let took = self.started.elapsed();
        let took = if took < Duration::from_secs(2) { String::new() } else { format!(" ({} s)", took.as_secs()) };
        line(&format!("  {} {outcome}{took}", paint(32, "✓")));
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// A progress bar with a known end, below the lines.
pub(crate) fn progress(total: u64, unit: &str) -> ProgressBar {
    let template = format!("  {{bar:40}} {{pos}}/{{len}} {unit}, {{elapsed}}");
    let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
    BARS.add(ProgressBar::new(total).with_style(style))
}
