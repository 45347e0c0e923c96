//! What the figures were measured on. Other work on the machine shows in times, never in counts.

use std::fs;

/// The processes that want a core, averaged over a minute: more than there are cores, and times are not ours alone.
pub fn load() -> String {
    let averages = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    averages.split(' ').next().unwrap_or_default().to_owned()
}

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

/// Processor time, in seconds.
#[derive(Debug, Clone, Copy)]
pub struct Busy {
    pub ours: f64,
    /// Of the processes it has started, and they in turn: the emulated AWS, as long as no function runs as a process.
    pub emulator: f64,
    /// How long these were ready to run while others had the cores.
    pub emulator_waited: f64,
}

impl Busy {
    /// What was spent so far.
    pub fn now() -> Self {
        let (mut emulator, mut emulator_waited) = (0.0, 0.0);
        let mut family = vec![std::process::id()];
        while let Some(parent) = family.pop() {
            for child in children(parent) {
                emulator += spent(child);
                emulator_waited += waited(child);
                family.push(child);
            }
        }
        Self { ours: spent(std::process::id()), emulator, emulator_waited }
    }

    /// What was spent since `earlier`.
    pub fn since(self, earlier: Self) -> Self {
        Self {
            ours: self.ours - earlier.ours,
            emulator: self.emulator - earlier.emulator,
            emulator_waited: self.emulator_waited - earlier.emulator_waited,
        }
    }
}

/// The processes that one of this process's threads has started.
fn children(process: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let lists = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<_>>()).collect()
}

/// Processor time of a process; nothing of one that has ended.
fn spent(process: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    of_stat(&stat)
}

/// How long the first thread of a process was ready to run and did not: the second field, in nanoseconds. Nothing where
/// the kernel does not tell.
fn waited(process: u32) -> f64 {
    let schedstat = fs::read_to_string(format!("/proc/{process}/schedstat")).unwrap_or_default();
    schedstat.split_whitespace().nth(1).and_then(|field| field.parse::<f64>().ok()).unwrap_or_default() / 1e9
}

/// The 14th and 15th field, in hundredths of a second on every Linux. The second is a name in parentheses that may hold
/// anything.
fn of_stat(stat: &str) -> f64 {
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    after_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum::<f64>() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn process_cpu_time_is_user_and_system_whatever_the_name() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194304 100 0 0 0 250 50 9 9 20 0 1 0 5 0 0";
        assert!((of_stat(stat) - 3.0).abs() < f64::EPSILON, "{}", of_stat(stat));
        assert!(of_stat("") == 0.0);
    }
}
