//! The tables of functions in the README.

use super::declaration::{Access, Declaration, Trigger};
use super::part::Part;

pub(super) fn part(declaration: &Declaration) -> Part {
    let mut text = "| Method | Path | Function | Permission | What it does |\n|---|---|---|---|---|\n".to_owned();
    for (function, route) in declaration.routes() {
        let access = match &route.access {
            Access::Permission(permission) => format!("`{permission}`"),
            Access::ProtectedBy(words) => words.clone(),
        };
        let (method, path, bin, summary) = (&route.method, &route.path, &function.bin, &function.summary);
        text += &format!("| {method} | `{path}` | {bin} | {access} | {summary} |\n");
    }
    text += "\nNot behind the API:\n\n| Function | Started by | What it does |\n|---|---|---|\n";
    for function in declaration.workers() {
        let trigger = match &function.trigger {
            Trigger::Queue(queue) => format!("`{queue}`"),
            Trigger::Schedule(schedule) => format!("`{schedule}`"),
            Trigger::Route(_) => continue,
        };
        text += &format!("| {} | {trigger} | {} |\n", function.bin, function.summary);
    }
    Part::region("README.md", text)
}
