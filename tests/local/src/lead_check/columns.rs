//! Rows that lack a column that every row of their kind has. Nothing can be made of them: they are told, and their tenant's
//! tables are compared and repaired once they are whole.

use crate::rows::Row;

const LEAD: &[&str] = &[
    "user_id",
    "lead_bucket",
    "lead_id",
    "douyin_user_id",
    "nickname",
    "acquire_time",
    "status",
    "notes",
    "follow_state",
    "version",
];
const IDENTITY: &[&str] = &["user_id", "identity", "lead_id"];

/// Those of an entry of the index, by what its name begins with.
fn of_entry(entry: &str) -> &'static [&'static str] {
    match entry.split('#').next().unwrap_or_default() {
        "counter" => &["lead_count", "last_acquire_time", "account_count", "version"],
        "accounts" => &["accounts"],
        "mark" => &["first_lead_id", "last_lead_id"],
        "set" | "owner" => &["ids", "version"],
        "merge" => &["into", "row", "lead_version"],
        "note" | "followup" => &["text"],
        "edit" => &["notes_changed"],
        "retention" => &["looked_to", "round_time", "retention_shard", "retention_due", "deleted", "version"],
        _ => &[],
    }
}

/// What one of these rows lacks, told by its table and its key.
pub(super) fn lacking([leads, identities, index]: [&[Row]; 3]) -> Vec<(Option<&str>, String)> {
    let mut found = Vec::new();
    for (table, key, row) in leads
        .iter()
        .map(|row| (super::LEADS, &["lead_bucket", "lead_id"][..], row))
        .chain(identities.iter().map(|row| (super::IDENTITIES, &["identity"][..], row)))
        .chain(index.iter().map(|row| (super::INDEX, &["user_id", "entry"][..], row)))
    {
        let columns = match table {
            super::LEADS => LEAD,
            super::IDENTITIES => IDENTITY,
            _ => of_entry(row.get("entry").map_or("", String::as_str)),
        };
        let lacks: Vec<&str> = columns.iter().copied().filter(|column| !row.contains_key(*column)).collect();
        if !lacks.is_empty() {
            let key: Vec<&str> = key.iter().filter_map(|name| row.get(*name)).map(String::as_str).collect();
            let told = format!("the row {} of {table} lacks {}", key.join(" "), lacks.join(", "));
            found.push((row.get("user_id").map(String::as_str), told));
        }
    }
    found
}
