//! What a person is told when everything runs.

use anyhow::Result;
use jiff::SignedDuration;

use crate::console::{line, paint};
use crate::page::Reference;
use crate::record::Record;
use crate::token;

/// The user of the lines to try it with, who may do all that the stories need.
const USER: u64 = 1001;

const PERMISSIONS: [&str; 3] = ["lead:douyin:*", "webhook:manage", "workbench:wechat:*"];

/// Where each of them begins.
const FIRST_LOOKS: [&str; 2] = ["/api/v1/lead/douyin/auth/url", "/api/v1/workbench/wechat/moments/accounts"];

/// What runs where, and lines to try it with.
pub(crate) fn print(record: &Record, keep: bool, is_served: bool, reference: Reference) -> Result<()> {
    let token =
        token::issue(&record.jwt_secret, USER, &PERMISSIONS.map(str::to_owned), SignedDuration::from_hours(24))?;
    line("");
    line(&format!("  API      {}", paint(1, &record.api_url)));
    line(&format!(
        "  AWS      {}  (region {}, keys {} / {})",
        record.aws_url, record.region, record.access_key_id, record.secret_access_key
    ));
    line(&format!("  Sandbox  {}  (steered through {}/_sandbox/…)", record.sandbox_url, record.sandbox_url));
    line(&format!("  Page     {}  (API reference, tokens, levers of the sandbox)", paint(1, &record.page_url)));
    if let Some(remedy) = reference.remedy() {
        line(&format!("           {remedy}"));
    }
    line("  Details  target/local/stack.json, logs target/local/log/");
    if keep {
        line(
            "  Kept     tables, queues, keys and secrets, when this is stopped by Ctrl-C; the sandbox forgets its tokens",
        );
    }
    line("");
    line(&format!("  Try it as user {USER}:"));
    line(&format!("  TOKEN={token}"));
    for path in FIRST_LOOKS {
        line(&format!("  curl -sw '\\n' -H \"Authorization: Bearer $TOKEN\" '{}{path}'", record.api_url));
    }
    line("");
    if is_served {
        line("  The functions are rebuilt when you edit them. Ctrl-C stops everything.");
    } else {
        line(
            "  This line serves the functions from another shell, and rebuilds them when you edit them. Ctrl-C stops the rest.",
        );
    }
    line("");
    Ok(())
}
