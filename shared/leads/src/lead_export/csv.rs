//! CSV as RFC 4180 says and as Excel reads it: a byte order mark, CRLF, and no cell that it would take for a formula.

use kernel::instant::CHINA;

use crate::store::lead::{Lead, LeadStatus};

/// Bytes that the file may have in the JSON of a function's answer, which Lambda refuses above 6 MB (6,291,456 bytes).
const LONGEST: usize = 5_500_000;

const COLUMNS: [&str; 9] =
    ["线索编号", "渠道", "昵称", "抖音用户编号", "获取时间（北京时间）", "状态", "备注", "负责人", "来源抖音账号"];

/// The file so far.
#[derive(Debug)]
pub(super) struct Csv {
    text: String,
    /// How long it is in JSON, where quotes and line ends take more.
    length: usize,
}

impl Csv {
    /// A file with its first line.
    pub fn with_header() -> Self {
        let mut csv = Self { text: "\u{feff}".to_owned(), length: 3 };
        csv.line(&COLUMNS.map(str::to_owned));
        csv
    }

    /// Adds a lead, if it fits.
    #[must_use]
    pub fn push(&mut self, lead: &Lead) -> bool {
        let status = match lead.status {
            LeadStatus::New => "新线索",
            LeadStatus::Contacted => "已联系",
            LeadStatus::Converted => "已转化",
        };
        let acquired = CHINA.to_datetime(lead.acquire_time).strftime("%Y-%m-%d %H:%M:%S").to_string();
        let sources: Vec<&str> = lead.sources.iter().map(|source| source.as_str()).collect();
        self.line(&[
            lead.lead_id.to_string(),
            "抖音获客".to_owned(),
            lead.nickname.clone(),
            lead.fan_open_id.to_string(),
            acquired,
            status.to_owned(),
            lead.notes.clone(),
            lead.owner.as_ref().map(ToString::to_string).unwrap_or_default(),
            sources.join(";"),
        ]);
        self.length <= LONGEST
    }

    pub fn into_text(self) -> String {
        self.text
    }

    fn line(&mut self, cells: &[String]) {
        let line = cells.iter().map(|text| cell(text)).collect::<Vec<_>>().join(",") + "\r\n";
        self.length += line.chars().map(length_in_json).sum::<usize>();
        self.text.push_str(&line);
    }
}

/// A cell's text: one that begins as a formula does gets an apostrophe before it, which Excel takes for text. The wide
/// forms are for programs that read them as the narrow ones.
fn cell(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    let text = if is_formula { format!("'{text}") } else { text.to_owned() };
    match text.contains([',', '"', '\r', '\n', '\t', ';']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

/// Bytes of a character in JSON.
const fn length_in_json(character: char) -> usize {
    match character {
        '"' | '\\' | '\n' | '\r' | '\t' => 2,
        '\0'..='\u{1f}' => 6,
        _ => character.len_utf8(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_cell_is_no_formula_and_one_cell() {
        for (text, expected) in [
            ("小明", "小明"),
            ("", ""),
            ("=1+1", "'=1+1"),
            ("+86 138", "'+86 138"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "\"'\t=1\""),
            ("\r=1", "\"'\r=1\""),
            ("＝cmd|' /C calc'!A0", "'＝cmd|' /C calc'!A0"),
            ("a,=1", "\"a,=1\""),
            ("他说\"好\"", "\"他说\"\"好\"\"\""),
            ("=HYPERLINK(\"x\",\"y\")", "\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\""),
            ("第一行\n第二行", "\"第一行\n第二行\""),
        ] {
            assert_eq!(cell(text), expected, "{text:?}");
        }
    }

    #[test]
    fn csv_length_is_that_of_its_json() {
        let mut csv = Csv::with_header();
        csv.line(&["a\"\\\u{1}\u{7f}🌸\r\n\t".to_owned(), "=小".to_owned()]);
        let json = serde_json::to_string(&csv.text).unwrap();
        assert_eq!(csv.length, json.len() - 2);
    }
}
