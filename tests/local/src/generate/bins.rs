//! `functions/src/bin/<name>.rs`: the binary of each function.

use super::BANNER;
use super::declaration::{Declaration, Function, Trigger};
use super::part::Part;

pub(super) const FOLDER: &str = "functions/src/bin";

pub(super) fn parts(declaration: &Declaration) -> Vec<Part> {
    declaration
        .functions
        .iter()
        .map(|function| Part::file(format!("{FOLDER}/{}.rs", function.bin), text(function)))
        .collect()
}

fn text(function: &Function) -> String {
    let (folder, glue, serve) = match function.trigger {
        Trigger::Route(_) => ("routes", "http", "serve_http"),
        Trigger::Queue(_) => ("workers", "worker", "serve_sqs"),
        Trigger::Schedule(_) => ("workers", "worker", "serve_scheduled"),
    };
    let (title, module) = (function.title(), function.module());
    format!(
        "//! {BANNER}
//!
//! {title}

use std::process::ExitCode;

use functions::{folder}::{module}::{{App, handle}};
use functions::{glue}::{serve};
use kernel::Context;

fn main() -> ExitCode {{
    {serve}(async |env| App::new(&Context::load(env)?).await, handle)
}}
"
    )
}
