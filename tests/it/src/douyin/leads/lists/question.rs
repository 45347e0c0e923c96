//! Random questions to the lead list, most of which find something.

use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use super::history::OWNERS;
use super::model::{Lead, Model};

/// A question, with every text as it is sent.
#[derive(Debug, Clone, Default)]
pub struct Question {
    pub start: Option<(Timestamp, String)>,
    pub end: Option<(Timestamp, String)>,
    pub keyword: Option<String>,
    pub status: Option<&'static str>,
    pub source: Option<String>,
    pub owner: Option<&'static str>,
    pub page: Option<usize>,
    pub size: Option<usize>,
    page_text: String,
    size_text: String,
}

impl Question {
    /// A random one about these leads.
    pub fn random(random: &mut StdRng, model: &Model, accounts: &[String]) -> Self {
        let mut times = [0.4, 0.4].map(|chance| random.random_bool(chance).then(|| instant(random, model)));
        // Reversed ranges are refused, which another test is about.
        if let [Some(start), Some(end)] = &times
            && start > end
        {
            times.reverse();
        }
        let [start, end] = times.map(|time| time.map(|time| (time, written(random, time))));
        let page = random.random_bool(0.6).then(|| random.random_range(1..12));
        let size = random.random_bool(0.7).then(|| *[1, 2, 7, 10, 31, 32, 33, 64, 100].choose(random).unwrap());
        Self {
            start,
            end,
            keyword: random.random_bool(0.45).then(|| keyword(random, model)),
            status: random.random_bool(0.25).then(|| *["NEW", "CONTACTED", "CONVERTED"].choose(random).unwrap()),
            source: random.random_bool(0.25).then(|| accounts.choose(random).unwrap().clone()),
            owner: random.random_bool(0.25).then(|| *OWNERS.choose(random).unwrap()),
            page,
            size,
            page_text: page.map(|page: usize| page.to_string()).unwrap_or_default(),
            size_text: size.map(|size: usize| size.to_string()).unwrap_or_default(),
        }
    }

    pub fn parameters(&self) -> Vec<(&str, &str)> {
        [
            ("startTime", self.start.as_ref().map(|(_, text)| text.as_str())),
            ("endTime", self.end.as_ref().map(|(_, text)| text.as_str())),
            ("keyword", self.keyword.as_deref()),
            ("status", self.status),
            ("sourceDouyinUserId", self.source.as_deref()),
            ("ownerId", self.owner),
            ("page", self.page.map(|_| self.page_text.as_str())),
            ("size", self.size.map(|_| self.size_text.as_str())),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
    }
}

/// An instant at, just before, just after or somewhere between the times leads were acquired.
fn instant(random: &mut StdRng, model: &Model) -> Timestamp {
    let lead: &Lead = model.leads.choose(random).unwrap();
    let away = [0, 0, 0, 1, -1, 999, -999, 1_000, -1_000, 40_000_000, -40_000_000];
    let away = SignedDuration::from_millis(*away.choose(random).unwrap());
    Timestamp::from_second(lead.acquired).unwrap() + away
}

/// The instant as people of different places write it.
fn written(random: &mut StdRng, time: Timestamp) -> String {
    match random.random_range(0..4) {
        0 => time.to_string(),
        1 => time.display_with_offset(Offset::constant(8)).to_string(),
        2 => time.display_with_offset(Offset::constant(-11)).to_string(),
        _ => time.display_with_offset(Offset::from_seconds(19_800).unwrap()).to_string(),
    }
}

/// A piece of some nickname or notes, in whatever case and width it is typed; sometimes something nobody has.
fn keyword(random: &mut StdRng, model: &Model) -> String {
    if random.random_bool(0.1) {
        return ["", " ", "\u{3000}", "没有人", "zzz", "%", "_", "|", "0+|", ","].choose(random).unwrap().to_string();
    }
    let lead = model.leads.choose(random).unwrap();
    let text = if lead.notes.is_empty() || random.random_bool(0.3) { &lead.nickname } else { &lead.notes };
    let characters: Vec<char> = text.chars().collect();
    let from = random.random_range(0..=characters.len());
    let piece: String = characters.iter().skip(from).take(random.random_range(1..6)).collect();
    match random.random_range(0..5) {
        0 => piece.to_uppercase(),
        1 => piece.to_lowercase(),
        2 => piece.chars().map(wide).collect(),
        3 => format!("  {piece} "),
        _ => piece,
    }
}

/// The full-width form of an ASCII character.
fn wide(character: char) -> char {
    let code = u32::from(character);
    if (0x21..0x7f).contains(&code) { char::from_u32(code + 0xfee0).unwrap() } else { character }
}
