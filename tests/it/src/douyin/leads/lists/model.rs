//! The leads as plain rows, and the list as a plain walk over them.

use anyhow::{Result, ensure};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use unicode_normalization::UnicodeNormalization;

use super::history::USER;
use super::question::Question;
use crate::World;
use crate::tables::Row;

/// A lead, as its row has it.
#[derive(Debug, Clone)]
pub struct Lead {
    pub id: u64,
    pub acquired: i64,
    pub nickname: String,
    pub notes: String,
    status: String,
    owner: Option<String>,
    avatar: String,
    fan: String,
    sources: Vec<String>,
}

impl Lead {
    fn of(row: &Row) -> Self {
        let text = |name: &str| row[name].clone();
        Self {
            id: row["lead_id"].parse().unwrap(),
            acquired: row["acquire_time"].parse().unwrap(),
            nickname: text("nickname"),
            notes: text("notes"),
            status: text("status"),
            owner: row.get("owner_id").cloned(),
            avatar: text("avatar_url"),
            fan: text("douyin_user_id"),
            sources: row["sources"].split(',').map(str::to_owned).collect(),
        }
    }

    fn record(&self) -> Value {
        json!({
            "leadId": self.id, "channel": "抖音获客", "nickname": self.nickname, "avatarUrl": self.avatar,
            "douyinUserId": self.fan, "acquireTime": Timestamp::from_second(self.acquired).unwrap().to_string(),
            "status": self.status, "notes": self.notes, "ownerId": self.owner,
        })
    }

    /// Whether everything but its status fits. Both ends of a range belong to it; a keyword is looked for in nickname and
    /// notes.
    fn fits(&self, question: &Question) -> bool {
        let acquired = Timestamp::from_second(self.acquired).unwrap();
        let keyword = question.keyword.as_deref().map(str::trim).filter(|keyword| !keyword.is_empty()).map(folded);
        let found = |text: &str| keyword.as_deref().is_none_or(|keyword| folded(text).contains(keyword));
        question.start.as_ref().is_none_or(|(start, _)| acquired >= *start)
            && question.end.as_ref().is_none_or(|(end, _)| acquired <= *end)
            && question.owner.is_none_or(|owner| self.owner.as_deref() == Some(owner))
            && question.source.as_ref().is_none_or(|source| self.sources.contains(source))
            && (found(&self.nickname) || found(&self.notes))
    }
}

/// Text as a search compares it: neither letter case nor the width of forms counts.
fn folded(text: &str) -> String {
    // Nor what is not shown: of these texts, the joiners and variation selectors of emoji.
    let shown: String =
        text.chars().filter(|one| !matches!(one, '\u{200b}'..='\u{200d}' | '\u{fe00}'..='\u{fe0f}')).collect();
    let text = shown.as_str();
    // Through the capitals, which know no ß; the standard library then writes a final σ as ς.
    let lower = text.nfkc().collect::<String>().to_uppercase().to_lowercase().replace('ς', "σ");
    lower.nfkc().collect()
}

/// All leads of the user, newest first.
pub struct Model {
    pub leads: Vec<Lead>,
}

impl Model {
    pub async fn read(world: &World) -> Result<Self> {
        let rows = world.rows("t_douyin_lead").await?;
        let own = rows.iter().filter(|row| row["user_id"] == USER.to_string());
        let mut leads: Vec<Lead> = own.map(Lead::of).collect();
        leads.sort_by_key(|lead| std::cmp::Reverse(lead.id));
        Ok(Self { leads })
    }

    /// What everything rests on: ids are dense, times never decrease with them. And what this test needs to be one:
    /// leads of several times, with notes, in every state, of one account and of both.
    pub fn check_itself(&self) -> Result<()> {
        let ids: Vec<u64> = self.leads.iter().map(|lead| lead.id).collect();
        ensure!(ids == (1..=ids.len() as u64).rev().collect::<Vec<_>>(), "lead ids are not dense: {ids:?}");
        ensure!(self.leads.is_sorted_by(|newer, older| newer.acquired >= older.acquired), "times decrease with ids");
        let both = self.leads.iter().filter(|lead| lead.sources.len() == 2).count();
        ensure!(both > 0 && both < ids.len(), "{both} of {} leads follow both accounts", ids.len());
        ensure!(self.leads.iter().any(|lead| !lead.notes.is_empty()), "no lead has notes");
        ensure!(self.leads.iter().any(|lead| lead.status != "NEW"), "no lead was worked on");
        ensure!(self.leads.iter().any(|lead| lead.owner.is_some()), "no lead has an owner");
        ensure!(self.leads.first().map(|lead| lead.acquired) != self.leads.last().map(|lead| lead.acquired));
        Ok(())
    }

    /// The page a question asks for.
    pub fn answer(&self, question: &Question) -> Value {
        let fitting: Vec<&Lead> = self.leads.iter().filter(|lead| lead.fits(question)).collect();
        let with = |status: &str| fitting.iter().copied().filter(|lead| lead.status == status).collect::<Vec<&Lead>>();
        let counts: Map<_, _> = ["NEW", "CONTACTED", "CONVERTED"]
            .map(|status| (status.to_owned(), with(status).len().into()))
            .into_iter()
            .collect();
        let fitting = question.status.map_or_else(|| fitting.clone(), with);
        let (page, size) = (question.page.unwrap_or(1), question.size.unwrap_or(10));
        let records = fitting.iter().skip((page - 1) * size).take(size).map(|lead| lead.record());
        json!({
            "records": records.collect::<Vec<_>>(), "total": fitting.len(), "size": size, "current": page,
            "pages": fitting.len().div_ceil(size), "statusCounts": counts,
        })
    }
}
