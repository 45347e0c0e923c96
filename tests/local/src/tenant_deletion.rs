//! Deleting everything that a tenant has of Douyin: leads with their notes and histories, who they are, the hashes of those who
//! were erased, syncs, deletions, events, and webhooks. For an operator whose tenant has left for good.
//!
//! The tenant's accounts have to be disconnected before, by the API, which destroys their tokens and ends their syncs: then
//! nothing writes leads any more. Whoever dies in between has deleted a part, and the next run deletes the rest. The rows of
//! the audit log stay for their retention; they hold nothing of a lead but its id.

use std::collections::HashMap;

use anyhow::{Result, ensure};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, DeleteRequest, WriteRequest};
use kernel::dynamo::{Item, n, s};

/// Tables and their keys, in the order in which they are emptied. With the index goes the counter, without which nobody would
/// see that there were leads.
const TABLES: [(&str, &[&str]); 9] = [
    ("t_douyin_lead", &["lead_bucket", "lead_id"]),
    ("t_lead_identity", &["identity"]),
    ("t_lead_deletion", &["user_id", "douyin_user_id"]),
    ("t_douyin_sync_task", &["task_id"]),
    ("t_webhook", &["user_id", "webhook_id"]),
    ("t_webhook_delivery", &["webhook_id", "delivery_id"]),
    ("t_outbox", &["user_id", "entry"]),
    ("t_event", &["user_id", "sequence"]),
    ("t_douyin_lead_index", &["user_id", "entry"]),
];

/// Rows that one request deletes.
const BATCH: usize = 25;

/// Deletes all rows of the tenant from the tables whose names begin with `prefix`; how many, by table.
///
/// # Errors
/// While the tenant has an account; when a table may not be read or written.
pub async fn delete_tenant(client: &Client, prefix: &str, tenant: u64) -> Result<Vec<(&'static str, usize)>> {
    let accounts = keys(client, &format!("{prefix}t_douyin_auth"), &["douyin_user_id"], tenant).await?;
    ensure!(
        accounts.is_empty(),
        "user {tenant} has {} Douyin accounts: disconnect them first (DELETE /api/v1/lead/douyin/accounts/…)",
        accounts.len()
    );
    let mut deleted = Vec::new();
    for (table, key) in TABLES {
        let name = format!("{prefix}{table}");
        let mut rows = keys(client, &name, key, tenant).await?;
        // The counter last.
        rows.sort_by_key(|row| row.get("entry") == Some(&s("counter")));
        for batch in rows.chunks(BATCH) {
            delete(client, &name, batch).await?;
        }
        deleted.push((table, rows.len()));
    }
    Ok(deleted)
}

/// The keys of a tenant's rows.
async fn keys(client: &Client, table: &str, key: &[&str], tenant: u64) -> Result<Vec<Item>> {
    let names: HashMap<String, String> = key.iter().map(|name| (format!("#{name}"), (*name).to_owned())).collect();
    let projection = key.iter().map(|name| format!("#{name}")).collect::<Vec<_>>().join(", ");
    let (mut found, mut start) = (Vec::new(), None);
    loop {
        let page = client
            .scan()
            .table_name(table)
            .consistent_read(true)
            .filter_expression("user_id = :tenant")
            .expression_attribute_values(":tenant", n(tenant))
            .set_expression_attribute_names(Some(names.clone()))
            .projection_expression(&projection)
            .set_exclusive_start_key(start)
            .send()
            .await?;
        found.extend(page.items.unwrap_or_default());
        start = page.last_evaluated_key;
        if start.is_none() {
            return Ok(found);
        }
    }
}

async fn delete(client: &Client, table: &str, keys: &[HashMap<String, AttributeValue>]) -> Result<()> {
    let mut pending = Vec::new();
    for key in keys {
        let gone = DeleteRequest::builder().set_key(Some(key.clone())).build()?;
        pending.push(WriteRequest::builder().delete_request(gone).build());
    }
    while !pending.is_empty() {
        let batch = HashMap::from([(table.to_owned(), pending)]);
        let done = client.batch_write_item().set_request_items(Some(batch)).send().await?;
        pending = done.unprocessed_items.and_then(|mut left| left.remove(table)).unwrap_or_default();
    }
    Ok(())
}
