//! What the figures were measured on. Other work on the machine shows in times, never in counts.

use std::fs;

/// The processes that want a core, averaged over a minute: more than there are cores, and times are not ours alone.
pub fn load() -> String {
    let averages = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    averages.split(' ').next().unwrap_or_default().to_owned()
}

/// What it is.
pub fn describe() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let model = fs::read_to_string("/proc/cpuinfo")
        .unwrap_or_default()
        .lines()
        .find_map(|line| Some(line.strip_prefix("model name")?.split_once(':')?.1.trim().to_owned()))
        .unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let profile = if cfg!(debug_assertions) { "debug" } else { "release-lite" };
    format!("{cores} cores ({model}), benchmark built as {profile}")
}
