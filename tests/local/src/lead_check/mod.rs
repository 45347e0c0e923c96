//! Whether the tables of leads agree with each other: what a lead's row says is what the list, the search and the next sync
//! find of it. What does not is written anew from the rows.

#![expect(clippy::indexing_slicing, reason = "`columns` has looked for these attributes before")]

mod agree;
mod columns;
mod expected;
mod repair;

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use aws_sdk_dynamodb::Client;

use crate::rows::{Row, scan};

pub(crate) const LEADS: &str = "t_douyin_lead";
pub(crate) const IDENTITIES: &str = "t_lead_identity";
pub(crate) const INDEX: &str = "t_douyin_lead_index";

/// The rows of all tenants, or of one.
#[derive(Debug)]
pub struct LeadTables {
    prefix: String,
    leads: Vec<Row>,
    identities: Vec<Row>,
    index: Vec<Row>,
}

/// What a repair came to.
#[derive(Debug, Default)]
pub struct Repaired {
    /// What was written anew.
    pub done: Vec<String>,
    /// What has changed since it was read, and was left alone.
    pub moved: Vec<String>,
    /// Rows that lack a column. The tables of their tenants were left alone.
    pub damaged: Vec<String>,
}

impl LeadTables {
    /// Reads all of the tables whose names begin with `prefix`, the index first: what is repaired is guarded by rows that were
    /// read before those that it is made from.
    ///
    /// # Errors
    /// When a table may not be read.
    pub async fn read(client: &Client, prefix: &str) -> Result<Self> {
        let table = |name: &str| format!("{prefix}{name}");
        let index = scan(client, &table(INDEX)).await?;
        let leads = scan(client, &table(LEADS)).await?;
        let identities = scan(client, &table(IDENTITIES)).await?;
        Ok(Self { prefix: prefix.to_owned(), leads, identities, index })
    }

    /// Leaves out all tenants but one.
    #[must_use]
    pub fn of(mut self, tenant: u64) -> Self {
        let tenant = tenant.to_string();
        for table in [&mut self.leads, &mut self.identities, &mut self.index] {
            table.retain(|row| row.get("user_id") == Some(&tenant));
        }
        self
    }

    /// Fails with all rows that lack a column, or with the first thing on which rows, identities and index of any tenant do
    /// not agree.
    ///
    /// # Errors
    /// See above.
    pub fn check(&self) -> Result<()> {
        let damaged = self.damaged();
        ensure!(damaged.is_empty(), "{}", damaged.join("\n"));
        for (tenant, tables) in self.by_tenant() {
            agree::check_tenant(&tenant, [&tables[0], &tables[1], &tables[2]])
                .with_context(|| format!("the leads of tenant {tenant}"))?;
        }
        Ok(())
    }

    /// Writes identities, index, sets and counts anew where they are not as the leads' rows and the log of merges say. Times,
    /// histories and notes cannot be made from anything else: what does not agree there stays, and [`check`](Self::check) names it.
    ///
    /// # Errors
    /// When a row makes no sense, or may not be written.
    pub async fn repair(&self, client: &Client) -> Result<Repaired> {
        let mut repaired = Repaired { damaged: self.damaged(), ..Repaired::default() };
        for (tenant, tables) in self.by_tenant() {
            let tables = [&*tables[0], &*tables[1], &*tables[2]];
            let fixes = repair::fixes(&self.prefix, &tenant, tables)
                .with_context(|| format!("the leads of tenant {tenant}"))?;
            for fix in fixes {
                let what = format!("tenant {tenant}: {}", fix.what);
                match fix.write(client).await? {
                    true => repaired.done.push(what),
                    false => repaired.moved.push(what),
                }
            }
        }
        Ok(repaired)
    }

    /// The rows that lack a column.
    fn damaged(&self) -> Vec<String> {
        columns::lacking(self.tables()).into_iter().map(|(_, told)| told).collect()
    }

    fn tables(&self) -> [&[Row]; 3] {
        [&self.leads, &self.identities, &self.index]
    }

    /// The tables of each tenant of whom no row lacks a column.
    fn by_tenant(&self) -> Vec<(String, [Vec<Row>; 3])> {
        let tables = self.tables();
        let damaged: Vec<&str> = columns::lacking(tables).into_iter().filter_map(|(tenant, _)| tenant).collect();
        let tenants = tables.into_iter().flatten().filter_map(|row| row.get("user_id"));
        let tenants: BTreeSet<&String> = tenants.filter(|tenant| !damaged.contains(&tenant.as_str())).collect();
        let of = |tenant: &String, table: &[Row]| -> Vec<Row> {
            table.iter().filter(|row| row.get("user_id") == Some(tenant)).cloned().collect()
        };
        tenants.into_iter().map(|tenant| (tenant.clone(), tables.map(|table| of(tenant, table)))).collect()
    }
}
