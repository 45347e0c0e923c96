//! The lead list as a file that Excel opens: all leads that fit a query, or none of them when they are too many.
//!
//! The answer of a function is one text of at most 6 MB, as JSON has it, so the file is held whole: rows are read a few
//! hundred at a time and appended to it. What would not fit is refused with what to do; a file is never cut off.

mod csv;

use futures::{StreamExt, TryStreamExt, stream};
use kernel::audit::Row;
use kernel::caller::Caller;
use serde_json::{Value, json};

use crate::audit;
use crate::error::{Error, Result};
use crate::ids::LeadId;
use crate::lead_list::{LeadQuery, matching, records};
use crate::store::Stores;
use csv::Csv;

/// Leads of one file.
pub const MAX_LEADS: u64 = 10_000;

/// Leads read at once.
const CHUNK: usize = 100;

/// By so many queries, if they are neighbours of whom half are wanted: a unit reads some ten of them then, and one of those
/// that are read one by one.
const QUERIES: u64 = 5;

/// Requests under way at once.
const PARALLEL: usize = 4;

/// A file of leads, newest first.
#[derive(Debug)]
pub struct Export {
    /// The text, with the byte order mark by which Excel knows UTF-8.
    pub csv: String,
    /// How many leads it has.
    pub leads: u64,
}

/// The file of the caller's leads that fit the query, whatever page that asks for.
///
/// That it was made is written down before it is answered: a row of the audit log without a file is an answer that was lost.
///
/// # Errors
/// [`Error::TooManyToExport`] for more than [`MAX_LEADS`], [`Error::TooLongToExport`] for more text than an answer holds.
pub async fn export(stores: &Stores, caller: &Caller, query: &LeadQuery) -> Result<Export> {
    let user_id = caller.user_id;
    let ids = matching(stores, user_id, query).await?;
    if ids.len() > MAX_LEADS {
        return Err(Error::TooManyToExport { found: ids.len() });
    }
    let newest_first: Vec<LeadId> = ids.iter().rev().map(|id| LeadId::new(id.into())).collect();
    // Chunks of their own: the compiler cannot prove that a future of borrowed ones is `Send` for every lifetime.
    let chunks: Vec<Vec<LeadId>> = newest_first.chunks(CHUNK).map(<[LeadId]>::to_vec).collect();
    let mut read = stream::iter(chunks).map(|chunk| records(stores, user_id, chunk, QUERIES)).buffered(PARALLEL);
    let (mut csv, mut leads) = (Csv::with_header(), 0);
    while let Some(rows) = read.try_next().await? {
        for lead in &rows {
            if !csv.push(lead) {
                return Err(Error::TooLongToExport);
            }
            leads += 1;
        }
    }
    let filter = &query.filter;
    let asked = json!({
        "leads": leads,
        "startTime": query.start_time.map(|time| time.to_string()),
        "endTime": query.end_time.map(|time| time.to_string()),
        "status": filter.status,
        "sourceDouyinUserId": filter.source,
        "ownerId": filter.owner,
        // What was looked for may be somebody's name.
        "hasKeyword": filter.keyword.is_some(),
    });
    let row = Row {
        tenant: user_id,
        actor: &caller.actor,
        action: audit::LEADS_EXPORTED,
        object: "leads".to_owned(),
        before: Value::Null,
        after: asked,
    };
    stores.write_down(&row).await?;
    Ok(Export { csv: csv.into_text(), leads })
}
