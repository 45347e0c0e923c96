//! What is to be written so that a tenant's index agrees with its leads. Each fix is one transaction, on the condition that
//! what it replaces, the leads it is made from and the tenant's counter are as they were read: who works on a lead or syncs
//! meanwhile is not overwritten, and the fix is left to the next run.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, Delete, Put, TransactWriteItem, Update};
use kernel::due;
use kernel::dynamo::{check, delete, n, put, s, update};

use super::expected::{BLOCK, Tenant, ids_of};
use super::{IDENTITIES, INDEX, LEADS};
use crate::rows::Row;

/// Leads whose rows guard one fix; with itself and the counter they fit a transaction. What depends on more of them is fixed
/// by several runs.
const MOST_LEADS: usize = 90;

/// One row to be written.
#[derive(Debug)]
pub(super) struct Fix {
    /// For whoever reads the report.
    pub what: String,
    actions: Vec<TransactWriteItem>,
}

impl Fix {
    /// `false`: something has changed since it was read, and nothing was written.
    pub async fn write(&self, client: &Client) -> Result<bool> {
        let sent = client.transact_write_items().set_transact_items(Some(self.actions.clone())).send().await;
        match sent {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(_)) => Ok(false),
                _ => Err(error.into()),
            },
        }
    }
}

/// A tenant's tables.
struct Repair<'a> {
    prefix: &'a str,
    tenant: &'a str,
    of: Tenant<'a>,
    fixes: Vec<Fix>,
}

/// All that is to be written. The counter comes last, because everything else is guarded by it.
pub(super) fn fixes(prefix: &str, tenant: &str, [leads, identities, index]: [&[Row]; 3]) -> Result<Vec<Fix>> {
    let mut repair = Repair { prefix, tenant, of: Tenant::of(leads, index)?, fixes: Vec::new() };
    repair.identities(identities)?;
    repair.names()?;
    repair.sets()?;
    repair.notes()?;
    repair.tally()?;
    repair.retention()?;
    repair.counter(identities)?;
    Ok(repair.fixes)
}

impl Repair<'_> {
    fn table(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    fn entry(&self, entry: &str) -> Option<std::collections::HashMap<String, AttributeValue>> {
        Some([("user_id".to_owned(), n(self.tenant)), ("entry".to_owned(), s(entry))].into())
    }

    /// Adds a fix, on the condition that counter and leads are as they were read.
    fn add(&mut self, what: String, action: TransactWriteItem, leads: impl IntoIterator<Item = u64>) -> Result<()> {
        let mut actions = vec![action];
        actions.push(check(
            ConditionCheck::builder()
                .table_name(self.table(INDEX))
                .set_key(self.entry("counter"))
                .condition_expression("version = :read")
                .expression_attribute_values(":read", n(&self.of.counter["version"])),
        )?);
        for id in leads {
            let guard = ConditionCheck::builder()
                .table_name(self.table(LEADS))
                .key("lead_bucket", s(format!("{}#{}", self.tenant, id / 64)))
                .key("lead_id", n(id));
            actions.push(check(match self.of.leads.get(&id) {
                Some(lead) => guard
                    .condition_expression("version = :read")
                    .expression_attribute_values(":read", n(&lead["version"])),
                None => guard.condition_expression("attribute_not_exists(lead_id)"),
            })?);
        }
        self.fixes.push(Fix { what, actions });
        Ok(())
    }

    fn identities(&mut self, found: &[Row]) -> Result<()> {
        let fans = format!("{}#DOUYIN_FAN#", self.tenant);
        let mut found: BTreeMap<&str, &str> = found
            .iter()
            .filter(|row| row["identity"].starts_with(&fans))
            .map(|row| (row["identity"].as_str(), row["lead_id"].as_str()))
            .collect();
        for (identity, (lead, own)) in self.of.identities(self.tenant) {
            let read = found.remove(identity.as_str());
            if read == Some(lead.to_string().as_str()) {
                continue;
            }
            let mut fixed = Put::builder()
                .table_name(self.table(IDENTITIES))
                .item("identity", s(&identity))
                .item("user_id", n(self.tenant))
                .item("lead_id", n(lead));
            if let Some(own) = own {
                fixed = fixed.item("own_lead_id", n(own));
            }
            let fixed = match read {
                Some(read) => {
                    fixed.condition_expression("lead_id = :read").expression_attribute_values(":read", n(read))
                }
                None => fixed.condition_expression("attribute_not_exists(lead_id)"),
            };
            self.add(format!("the identity of lead {lead}"), put(fixed)?, [lead])?;
        }
        for (identity, read) in found {
            let gone = Delete::builder()
                .table_name(self.table(IDENTITIES))
                .key("identity", s(identity))
                .condition_expression("lead_id = :read")
                .expression_attribute_values(":read", n(read));
            self.add(format!("an identity of lead {read}, which is not its own"), delete(gone)?, [read.parse()?])?;
        }
        Ok(())
    }

    fn names(&mut self) -> Result<()> {
        let accounts = self.of.accounts();
        let slot_of = |id: u64| (format!("name#{:012}", (id - 1) / 32), ((id - 1) % 32).to_string());
        let expected: BTreeMap<(String, String), (u64, String)> =
            self.of.leads.iter().map(|(id, lead)| (slot_of(*id), (*id, self.of.name(lead, &accounts)))).collect();
        let mut found = BTreeMap::new();
        for (entry, row) in self.of.entries.range("name#".."name#~") {
            for (slot, text) in row.iter().filter(|(name, _)| name.bytes().all(|byte| byte.is_ascii_digit())) {
                found.insert(((*entry).to_owned(), slot.clone()), text.clone());
            }
        }
        let slots: BTreeSet<(String, String)> = expected.keys().chain(found.keys()).cloned().collect();
        for key in slots {
            let (is, read) = (expected.get(&key), found.get(&key));
            if is.map(|(_, text)| text) == read {
                continue;
            }
            let (entry, slot) = &key;
            let id = entry["name#".len()..].parse::<u64>()? * 32 + slot.parse::<u64>()? + 1;
            let mut fixed = Update::builder()
                .table_name(self.table(INDEX))
                .set_key(self.entry(entry))
                .expression_attribute_names("#slot", slot);
            fixed = match is {
                Some((_, text)) => {
                    fixed.update_expression("SET #slot = :text").expression_attribute_values(":text", s(text))
                }
                None => fixed.update_expression("REMOVE #slot"),
            };
            fixed = match read {
                Some(read) => fixed.condition_expression("#slot = :read").expression_attribute_values(":read", s(read)),
                None => fixed.condition_expression("attribute_not_exists(#slot)"),
            };
            self.add(format!("the name of lead {id}"), update(fixed)?, [id])?;
        }
        Ok(())
    }

    fn sets(&mut self) -> Result<()> {
        let expected = self.of.blocks();
        let in_sets = self.of.entries.range("set#".."set#~").chain(self.of.entries.range("owner#".."owner$"));
        let found: BTreeMap<String, Row> = in_sets.map(|(entry, row)| ((*entry).to_owned(), (*row).clone())).collect();
        let entries: BTreeSet<String> = expected.keys().chain(found.keys()).cloned().collect();
        for entry in entries {
            let of = if entry.starts_with("set#") { entry.split('#').nth(1) } else { entry.rsplit('#').next() };
            let block = of.unwrap_or_default();
            let is = expected.get(&entry).cloned().unwrap_or_default();
            let read: BTreeSet<u64> = match found.get(&entry) {
                Some(row) => ids_of(&entry, block, row)?.into_iter().collect(),
                None => BTreeSet::new(),
            };
            let wrong: Vec<u64> = is.symmetric_difference(&read).copied().take(MOST_LEADS).collect();
            if wrong.is_empty() {
                continue;
            }
            // Of more than are guarded at once the others stay as they are.
            let mut ids = read;
            for id in &wrong {
                if is.contains(id) {
                    ids.insert(*id)
                } else {
                    ids.remove(id)
                };
            }
            let version = found.get(&entry).map(|row| row["version"].parse::<u64>()).transpose()?;
            let fixed = Put::builder()
                .table_name(self.table(INDEX))
                .set_item(self.entry(&entry))
                .item("ids", AttributeValue::B(Blob::new(bits(block.parse()?, &ids))))
                .item("version", n(version.unwrap_or_default() + 1));
            let fixed = match version {
                Some(read) => {
                    fixed.condition_expression("version = :read").expression_attribute_values(":read", n(read))
                }
                None => fixed.condition_expression("attribute_not_exists(version)"),
            };
            self.add(format!("{} ids in {entry}", wrong.len()), put(fixed)?, wrong)?;
        }
        Ok(())
    }

    fn notes(&mut self) -> Result<()> {
        let expected = self.of.notes();
        let found: BTreeMap<String, Row> = self
            .of
            .entries
            .range("note#".."note#~")
            .map(|(entry, row)| ((*entry).to_owned(), (*row).clone()))
            .collect();
        let entries: BTreeSet<String> = expected.keys().chain(found.keys()).cloned().collect();
        for entry in entries {
            let (is, read) = (expected.get(&entry), found.get(&entry).and_then(|row| row.get("text")));
            if is.map(|(_, text)| text) == read {
                continue;
            }
            let id: u64 = entry["note#".len()..].parse()?;
            let condition = if read.is_some() { "#text = :read" } else { "attribute_not_exists(#text)" };
            let (table, key) = (self.table(INDEX), self.entry(&entry));
            let action = match is {
                Some((_, text)) => {
                    let fixed = Put::builder().table_name(table).set_item(key).item("text", s(text));
                    let fixed = fixed.condition_expression(condition).expression_attribute_names("#text", "text");
                    put(match read {
                        Some(read) => fixed.expression_attribute_values(":read", s(read)),
                        None => fixed,
                    })?
                }
                None => {
                    let gone = Delete::builder().table_name(table).set_key(key);
                    let gone = gone.condition_expression(condition).expression_attribute_names("#text", "text");
                    delete(match read {
                        Some(read) => gone.expression_attribute_values(":read", s(read)),
                        None => gone,
                    })?
                }
            };
            self.add(format!("the notes of lead {id}"), action, [id])?;
        }
        Ok(())
    }

    fn tally(&mut self) -> Result<()> {
        let is = ["CONTACTED", "CONVERTED"].map(|status| self.of.with_status(status) as u64);
        let row = self.of.entries.get("tally");
        let number = |name: &str| row.and_then(|row| row.get(name)).map(|number| number.parse::<u64>()).transpose();
        let read = [number("contacted")?, number("converted")?];
        if is == read.map(Option::unwrap_or_default) {
            return Ok(());
        }
        let mut conditions = Vec::new();
        let mut fixed = Put::builder()
            .table_name(self.table(INDEX))
            .set_item(self.entry("tally"))
            .item("contacted", n(is[0]))
            .item("converted", n(is[1]));
        for (name, read) in ["contacted", "converted"].into_iter().zip(read) {
            match read {
                Some(read) => {
                    conditions.push(format!("{name} = :{name}"));
                    fixed = fixed.expression_attribute_values(format!(":{name}"), n(read));
                }
                None => conditions.push(format!("attribute_not_exists({name})")),
            }
        }
        self.add("the tally".to_owned(), put(fixed.condition_expression(conditions.join(" AND ")))?, [])
    }

    /// Has the tenant's leads looked at by the sweeper's next round, from the first one on.
    fn retention(&mut self) -> Result<()> {
        if self.of.last == 0 || self.of.entries.contains_key("retention") {
            return Ok(());
        }
        let mut row = Put::builder()
            .table_name(self.table(INDEX))
            .set_item(self.entry("retention"))
            .item("retention_shard", s(due::shard(self.tenant.parse()?)))
            .item("version", n(1))
            .condition_expression("attribute_not_exists(version)");
        for name in ["looked_to", "round_time", "retention_due", "deleted"] {
            row = row.item(name, n(0));
        }
        self.add("the row by which old leads are found".to_owned(), put(row)?, [])
    }

    fn counter(&mut self, identities: &[Row]) -> Result<()> {
        let counter = self.of.counter;
        let erased = format!("{}#ERASED#", self.tenant);
        let erased = identities.iter().filter(|row| row["identity"].starts_with(&erased)).count();
        let merged = self.of.entries.range("merge#".."merge#~").count();
        let mut holes = self.of.holes();
        if holes.iter().all(|count| *count == 0) {
            holes.clear();
        }
        let text = |name: &str| counter.get(name).map(String::as_str).unwrap_or_default().to_owned();
        let number = |name: &str| counter.get(name).map_or(Ok(0), |number| number.parse::<usize>());
        let accounts = self.of.accounts();
        let joined = holes.iter().map(u64::to_string).collect::<Vec<_>>().join(",");
        if text("holes") == joined
            && number("erased_fans")? == erased
            && number("merged_leads")? == merged
            && self.of.met() == accounts
            && number("account_count")? == accounts.len()
        {
            return Ok(());
        }
        let fixed = Update::builder()
            .table_name(self.table(INDEX))
            .set_key(self.entry("counter"))
            .condition_expression("version = :read")
            .update_expression(
                "SET holes = :holes, erased_fans = :erased, merged_leads = :merged, account_count = :accounts, version = :next",
            )
            .expression_attribute_values(":read", n(&counter["version"]))
            .expression_attribute_values(":next", n(counter["version"].parse::<u64>()? + 1))
            .expression_attribute_values(":holes", AttributeValue::L(holes.iter().map(n).collect()))
            .expression_attribute_values(":erased", n(erased))
            .expression_attribute_values(":merged", n(merged))
            .expression_attribute_values(":accounts", n(accounts.len()));
        // Guarded by the counter, whose version it moves.
        let met = Put::builder()
            .table_name(self.table(INDEX))
            .set_item(self.entry("accounts"))
            .item("accounts", AttributeValue::L(accounts.into_iter().map(s).collect()));
        self.fixes.push(Fix { what: "the counter".to_owned(), actions: vec![update(fixed)?, put(met)?] });
        Ok(())
    }
}

/// A bit for each id of a block, without the zeros at the end.
fn bits(block: u64, ids: &BTreeSet<u64>) -> Vec<u8> {
    let mut bits = Vec::new();
    for id in ids {
        let place = (id - block * BLOCK) as usize;
        if bits.len() <= place / 8 {
            bits.resize(place / 8 + 1, 0_u8);
        }
        bits[place / 8] |= 1 << (place % 8);
    }
    bits
}
