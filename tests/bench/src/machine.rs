//! What the figures were measured on. Other work on the machine shows in times, never in counts.

use std::fs;

/// One line about it.
pub fn describe() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let model = read("/proc/cpuinfo")
        .lines()
        .find_map(|line| Some(line.strip_prefix("model name")?.split_once(':')?.1.trim().to_owned()))
        .unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let load: Vec<String> = read("/proc/loadavg").split(' ').take(3).map(str::to_owned).collect();
    let profile = if cfg!(debug_assertions) { "debug" } else { "release-lite" };
    format!("{cores} cores ({model}), load {}, benchmark built as {profile}", load.join(" "))
}
