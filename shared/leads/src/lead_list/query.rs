//! What a caller may ask the list for.

use std::time::Duration;

use jiff::Timestamp;
use kernel::FieldProblem;
use kernel::instant::{after, whole_second};
use kernel::page::{MAX_PAGE, MAX_SIZE, PageRequest};
use kernel::rfc3339::Rfc3339;
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::lead_edit::OWNER_PROBLEM;
use crate::search::Filter;
use crate::store::lead::LeadStatus;
use crate::store::lead_index::segment::normalize;

const DEFAULT_SIZE: u64 = 10;
/// Longer keywords match no nickname and hardly a note; refusing them tells the user more than an empty list.
const MAX_KEYWORD: usize = 100;

/// The query of the list and of its file as it came: texts, so that every mistake is answered as this query's, field by field.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RawLeadQuery {
    /// `startTime`.
    #[cfg_attr(feature = "openapi", schemars(with = "Option<Rfc3339>"))]
    pub start_time: Option<String>,
    /// `endTime`.
    #[cfg_attr(feature = "openapi", schemars(with = "Option<Rfc3339>"))]
    pub end_time: Option<String>,
    /// `keyword`.
    #[cfg_attr(feature = "openapi", schemars(length(max = MAX_KEYWORD)))]
    pub keyword: Option<String>,
    /// `status`.
    #[cfg_attr(feature = "openapi", schemars(with = "Option<LeadStatus>"))]
    pub status: Option<String>,
    /// `sourceDouyinUserId`.
    pub source_douyin_user_id: Option<String>,
    /// `ownerId`.
    #[cfg_attr(feature = "openapi", schemars(length(max = crate::ids::LONGEST_OWNER_ID)))]
    pub owner_id: Option<String>,
    /// `page`.
    #[cfg_attr(feature = "openapi", schemars(with = "Option<u64>", range(min = 1, max = MAX_PAGE)))]
    pub page: Option<String>,
    /// `size`.
    #[cfg_attr(feature = "openapi", schemars(with = "Option<u64>", range(min = 1, max = MAX_SIZE)))]
    pub size: Option<String>,
}

/// A query that makes sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeadQuery {
    /// First second of the range.
    pub start_time: Option<Timestamp>,
    /// Last second of the range.
    pub end_time: Option<Timestamp>,
    /// What to look for.
    pub filter: Filter,
    pub page: PageRequest,
}

impl RawLeadQuery {
    /// The query of a file, which has no pages.
    ///
    /// # Errors
    /// [`Error::InvalidQuery`] when it asks for one.
    pub fn without_pages(self) -> Result<Self> {
        let given = [("page", &self.page), ("size", &self.size)].into_iter().filter(|(_, text)| text.is_some());
        let problems: Vec<_> = given
            .map(|(path, _)| FieldProblem::new(path, "导出的是符合条件的全部线索，不分页，请去掉此参数"))
            .collect();
        if problems.is_empty() { Ok(self) } else { Err(Error::InvalidQuery(problems)) }
    }

    /// Checks every field and names all that are wrong.
    ///
    /// # Errors
    /// [`Error::InvalidQuery`].
    pub fn parse(&self) -> Result<LeadQuery> {
        let mut problems = Vec::new();
        let mut wrong = |path: &str, problem: &str| problems.push(FieldProblem::new(path, problem));
        let mut time = |path: &str, text: &Option<String>| {
            let text = text.as_deref().filter(|text| !text.is_empty())?;
            let parsed = Rfc3339::parse(text).map(|time| time.0);
            if parsed.is_none() {
                wrong(path, "时间须为带时区的 RFC 3339 格式，例如 2026-11-20T08:00:00+08:00（“+”在网址中须写作 %2B）");
            }
            parsed
        };
        let (start, end) = (time("startTime", &self.start_time), time("endTime", &self.end_time));
        if let (Some(start), Some(end)) = (start, end)
            && start > end
        {
            wrong("startTime", "开始时间不能晚于结束时间");
        }
        // One of which nothing is left to look for is none, like an empty one.
        let keyword = self.keyword.as_deref().map(str::trim).filter(|keyword| !normalize(keyword).is_empty());
        if keyword.is_some_and(|keyword| keyword.chars().count() > MAX_KEYWORD) {
            wrong("keyword", &format!("关键词最多 {MAX_KEYWORD} 个字符，请缩短后重试"));
        }
        let status = match self.status.as_deref() {
            None | Some("") => None,
            Some("NEW") => Some(LeadStatus::New),
            Some("CONTACTED") => Some(LeadStatus::Contacted),
            Some("CONVERTED") => Some(LeadStatus::Converted),
            Some(_) => {
                wrong("status", "状态只能是 NEW、CONTACTED 或 CONVERTED");
                None
            }
        };
        let owner = self.owner_id.as_deref().filter(|owner| !owner.is_empty()).map(str::parse);
        if matches!(owner, Some(Err(_))) {
            wrong("ownerId", OWNER_PROBLEM);
        }
        let mut number = |path: &str, text: &Option<String>, default: u64, max: u64, problem: &str| {
            let Some(text) = text else { return default };
            let parsed = text.parse::<u64>().ok().filter(|number| (1..=max).contains(number));
            parsed.unwrap_or_else(|| {
                wrong(path, problem);
                default
            })
        };
        let page_problem = format!("页码须为 1 到 {MAX_PAGE} 的整数");
        let page = number("page", &self.page, 1, MAX_PAGE, &page_problem);
        let size_problem = format!("每页条数须为 1 到 {MAX_SIZE} 的整数");
        let size = number("size", &self.size, DEFAULT_SIZE, MAX_SIZE, &size_problem);
        if !problems.is_empty() {
            return Err(Error::InvalidQuery(problems));
        }
        Ok(LeadQuery {
            // Leads are dated to the second: a start within a second begins with the next one.
            start_time: start
                .map(|time| after(whole_second(time), Duration::from_secs(u64::from(time.subsec_nanosecond() > 0)))),
            end_time: end.map(whole_second),
            filter: Filter {
                keyword: keyword.map(str::to_owned),
                status,
                source: self.source_douyin_user_id.clone().filter(|source| !source.is_empty()),
                owner: owner.and_then(|owner| owner.ok()),
            },
            page: PageRequest { page, size },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(change: impl FnOnce(&mut RawLeadQuery)) -> Result<LeadQuery> {
        let mut query = RawLeadQuery::default();
        change(&mut query);
        query.parse()
    }

    #[test]
    fn lead_query_that_is_empty_is_the_first_ten() {
        for blank in ["  ", "\u{200b}\u{fe0f}"] {
            let query = raw(|query| query.keyword = Some(blank.into())).unwrap();
            assert_eq!(query.page, PageRequest { page: 1, size: 10 });
            assert!(query.filter.is_empty());
        }
    }

    #[test]
    fn lead_query_with_wrong_fields_names_each() {
        type Change = fn(&mut RawLeadQuery);
        let cases: [(&str, Change); 21] = [
            ("page", |q| q.page = Some("0".into())),
            ("page", |q| q.page = Some("-1".into())),
            ("page", |q| q.page = Some("x".into())),
            ("page", |q| q.page = Some("1.5".into())),
            ("page", |q| q.page = Some("99999999999999999999".into())),
            ("size", |q| q.size = Some("0".into())),
            ("size", |q| q.size = Some("101".into())),
            ("size", |q| q.size = Some("1000".into())),
            ("size", |q| q.size = Some("".into())),
            ("startTime", |q| q.start_time = Some("2026-11-20T08:00:00".into())),
            ("startTime", |q| q.start_time = Some("yesterday".into())),
            ("startTime", |q| q.start_time = Some("20261120T080000Z".into())),
            ("startTime", |q| q.start_time = Some("2026-11-20T16:00:00+0800".into())),
            ("startTime", |q| q.start_time = Some(" 2026-11-20T08:00:00Z".into())),
            ("endTime", |q| q.end_time = Some("2026-11-20T16:00:00+08:00[America/New_York]".into())),
            ("endTime", |q| q.end_time = Some("1763625600".into())),
            ("endTime", |q| q.end_time = Some("2026-02-30T00:00:00Z".into())),
            ("startTime", |q| {
                q.start_time = Some("2026-11-20T08:00:01Z".into());
                q.end_time = Some("2026-11-20T16:00:00+08:00".into());
            }),
            ("status", |q| q.status = Some("new".into())),
            ("keyword", |q| q.keyword = Some("长".repeat(1_000))),
            ("ownerId", |q| q.owner_id = Some("员".repeat(65))),
        ];
        for (path, change) in cases {
            match raw(change) {
                Err(Error::InvalidQuery(fields)) => assert_eq!(fields[0].path, path),
                other => panic!("{path}: {other:?}"),
            }
        }
    }

    #[test]
    fn lead_query_range_includes_both_ends() {
        let query = raw(|query| {
            query.start_time = Some("2026-11-20T16:00:00+08:00".into());
            query.end_time = Some("2026-11-20T08:00:00.5Z".into());
        })
        .unwrap();
        assert_eq!(query.start_time, query.end_time);
        let late = raw(|query| query.start_time = Some("2026-11-20T08:00:00.5Z".into())).unwrap();
        assert_eq!(late.start_time, query.start_time.map(|time| after(time, Duration::from_secs(1))));
    }
}
