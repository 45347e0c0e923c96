//! What was promised against what happened.

use std::collections::HashMap;
use std::hash::Hash;

use it::tables::Row;
use jiff::Timestamp;
use sandbox::{Publication, PublicationKind, text_hash};

use super::tenants::Order;

/// How often each promise was broken.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Accounts that did not publish a post they had to.
    pub lost: i64,
    /// Publications, or companies asked for one, beyond one for each that had to.
    pub doubled: i64,
    /// Publications before their time.
    pub early: i64,
    /// Tasks that are not COMPLETED.
    pub not_completed: i64,
    /// Publications our tables do not tell of, and those told of that were none.
    pub untrue: i64,
}

impl Verdict {
    /// Compares the orders, the platforms' journal and our tables.
    pub fn of(orders: &[Order], due: Timestamp, journal: &[Publication], tasks: &[Row], results: &[Row]) -> Self {
        let (asked, posted): (Vec<_>, Vec<_>) = journal.iter().partition(|one| one.kind == PublicationKind::MomentTask);
        let who = |one: &&Publication| (one.account.clone(), one.text_hash.clone());
        let to_post = orders.iter().flat_map(|order| order.publishers.iter().map(|name| by(name, order)));
        let posts = balance(to_post, posted.iter().map(who));
        let requests = balance(orders.iter().map(|order| by(&order.company, order)), asked.iter().map(who));
        let ids = balance(posted.iter().map(|one| (one.text_hash.clone(), one.id.clone())), told(tasks, results));
        let completed = tasks.iter().filter(|task| is(task, "status", "COMPLETED")).count();
        Self {
            lost: missing(&posts),
            doubled: beyond(&posts) + beyond(&requests),
            early: length(journal.iter().filter(|one| one.at < due).count()),
            not_completed: length(orders.len().abs_diff(completed)),
            untrue: missing(&ids) + beyond(&ids),
        }
    }
}

/// A post as the journal knows it: by whom, and which text.
fn by(name: &str, order: &Order) -> (String, String) {
    (name.to_owned(), text_hash(&order.text))
}

/// Every SUCCESS in our tables: of which text, and under which id of the platform.
fn told(tasks: &[Row], results: &[Row]) -> Vec<(String, String)> {
    let texts: HashMap<&String, String> =
        tasks.iter().filter_map(|task| Some((task.get("id")?, text_hash(task.get("text_content")?)))).collect();
    let one = |result: &Row| Some((texts.get(result.get("task_id")?)?.clone(), result.get("moment_id")?.clone()));
    results.iter().filter(|result| is(result, "status", "SUCCESS")).filter_map(one).collect()
}

fn is(row: &Row, attribute: &str, value: &str) -> bool {
    row.get(attribute).is_some_and(|found| found == value)
}

/// How much oftener each is in `wanted` than in `found`.
fn balance<K: Hash + Eq>(wanted: impl IntoIterator<Item = K>, found: impl IntoIterator<Item = K>) -> HashMap<K, i64> {
    let mut balance = HashMap::new();
    for one in wanted {
        *balance.entry(one).or_default() += 1;
    }
    for one in found {
        *balance.entry(one).or_default() -= 1;
    }
    balance
}

fn missing<K>(balance: &HashMap<K, i64>) -> i64 {
    balance.values().filter(|left| **left > 0).sum()
}

fn beyond<K>(balance: &HashMap<K, i64>) -> i64 {
    -balance.values().filter(|left| **left < 0).sum::<i64>()
}

fn length(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "hello";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn published(kind: PublicationKind, account: &str, id: &str) -> Publication {
        let (account, id) = (account.to_owned(), id.to_owned());
        Publication { seq: 1, at: at(10), kind, account, id, text_hash: text_hash(TEXT), media: 0 }
    }

    fn row(fields: &[(&str, &str)]) -> Row {
        fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    /// A phone and a member, both as they should be, then changed.
    fn judge(change: impl FnOnce(&mut Vec<Publication>, &mut Vec<Row>, &mut Vec<Row>)) -> Verdict {
        let publishers = ["phone".to_owned(), "corp/lily".to_owned()].into();
        let order = Order { text: TEXT.to_owned(), company: "corp".to_owned(), publishers };
        let mut journal = vec![
            published(PublicationKind::MomentTask, "corp", "mom1"),
            published(PublicationKind::MemberPost, "corp/lily", "mom1"),
            published(PublicationKind::GatewayPost, "phone", "7"),
        ];
        let mut tasks = vec![row(&[("id", "1"), ("text_content", TEXT), ("status", "COMPLETED")])];
        let success = |id| row(&[("task_id", "1"), ("status", "SUCCESS"), ("moment_id", id)]);
        let mut results = vec![success("mom1"), success("7")];
        change(&mut journal, &mut tasks, &mut results);
        Verdict::of(&[order], at(10), &journal, &tasks, &results)
    }

    #[test]
    fn publish_oracle_of_a_correct_run_reports_nothing() {
        assert_eq!(judge(|_, _, _| ()), Verdict::default());
    }

    #[test]
    fn publish_oracle_counts_each_broken_promise_as_its_kind() {
        let none = Verdict::default;
        let twice = judge(|journal, _, _| journal.push(published(PublicationKind::GatewayPost, "phone", "8")));
        assert_eq!(twice, Verdict { doubled: 1, untrue: 1, ..none() });
        let asked_twice = judge(|journal, _, _| journal.push(published(PublicationKind::MomentTask, "corp", "mom2")));
        assert_eq!(asked_twice, Verdict { doubled: 1, ..none() });
        let stranger = judge(|journal, _, _| journal.push(published(PublicationKind::GatewayPost, "x", "9")));
        assert_eq!(stranger, Verdict { doubled: 1, untrue: 1, ..none() });
        let lost = judge(|journal, _, _| journal.truncate(2));
        assert_eq!(lost, Verdict { lost: 1, untrue: 1, ..none() });
        let early = judge(|journal, _, _| journal.iter_mut().for_each(|one| one.at = at(9)));
        assert_eq!(early, Verdict { early: 3, ..none() });
        let open =
            judge(|_, tasks, _| tasks[0] = row(&[("id", "1"), ("text_content", TEXT), ("status", "PROCESSING")]));
        assert_eq!(open, Verdict { not_completed: 1, ..none() });
        let silent = judge(|_, _, results| results.truncate(1));
        assert_eq!(silent, Verdict { untrue: 1, ..none() });
    }
}
