//! A minute with a thousand posts: tasks of many tenants, all due at one instant, published by a pool of publishers in
//! real time. What was really published is asked of the platforms, never of ourselves.

mod figures;
mod oracle;
mod play;
mod pool;
mod tenants;

use anyhow::Result;
use play::Run;

use crate::Options;
use crate::report::Figure;

/// Tasks in the run whose AWS calls are counted: every call passes one process more there, which times would show.
const COUNTED: usize = 40;

pub async fn measure(options: &Options) -> Result<Vec<Figure>> {
    let tasks = options.tasks();
    let run = Run::of(tasks, options.publishers, false).await?;
    let mut figures = figures::judged(&run);
    figures.extend(figures::told(&run, options.publishers));
    let counted = Run::of(COUNTED.min(tasks), options.publishers, true).await?;
    figures.extend(figures::counted(&counted));
    Ok(figures)
}
