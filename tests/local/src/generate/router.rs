//! The watch router in the root manifest, by which `cargo lambda watch` serves all routes on one port.

use super::declaration::Declaration;
use super::part::Part;

pub(super) fn part(declaration: &Declaration) -> Part {
    let mut paths: Vec<(&str, Vec<String>)> = Vec::new();
    for (function, route) in declaration.routes() {
        let target = format!("{{ method = \"{}\", function = \"{}\" }}", route.method, function.bin);
        match paths.iter_mut().find(|(path, _)| *path == route.path) {
            Some((_, targets)) => targets.push(target),
            None => paths.push((&route.path, vec![target])),
        }
    }
    let lines = paths.iter().map(|(path, targets)| match targets.as_slice() {
        [target] => format!("\"{path}\" = [{target}]\n"),
        targets => format!("\"{path}\" = [\n    {},\n]\n", targets.join(",\n    ")),
    });
    Part::region("Cargo.toml", lines.collect())
}
