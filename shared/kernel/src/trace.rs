//! Which trace the work at hand belongs to: one task is on one trace, from the request that made it to its last step.
//!
//! A trace has the id that AWS gives to the request. It is kept in the task's row, because the work is taken up by a schedule or
//! the sweeper as well, whose messages begin traces of their own: whoever has read the row goes on with its trace ([`join`]).
//! Messages carry it in SQS's own attribute, so that lines before that read have it too.

use std::cell::RefCell;
use std::fmt::{self, Display};

use tracing::Span;

tokio::task_local! {
    static CURRENT: RefCell<Option<TraceId>>;
}

/// The field of the log that says it, which a span of the work declares empty.
const FIELD: &str = "trace.id";

/// The id of a trace, as X-Ray writes it: `1-58406520-a006649127e371903a2de979`, eight digits of time and 24 of chance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceId(String);

impl TraceId {
    /// The id itself, in lower case; `None` for what is none.
    pub fn parse(text: &str) -> Option<Self> {
        let (time, chance) = text.strip_prefix("1-")?.split_once('-')?;
        let is_hex =
            |digits: &str, length| digits.len() == length && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        (is_hex(time, 8) && is_hex(chance, 24)).then(|| Self(text.to_ascii_lowercase()))
    }

    /// The id in a tracing header, `Root=1-58406520-a006649127e371903a2de979;Parent=…;Sampled=…`, in any order.
    /// <https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader>
    pub fn of_header(header: &str) -> Option<Self> {
        header.split(';').find_map(|part| Self::parse(part.trim().strip_prefix("Root=")?))
    }

    /// The header that hands it on.
    pub fn to_header(&self) -> String {
        format!("Root={self}")
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Does `work` on the trace of the tracing header it came with. To be polled within the span that declares `trace.id`.
pub async fn within<F: Future>(header: Option<&str>, work: F) -> F::Output {
    let begun = async {
        if let Some(id) = header.and_then(TraceId::of_header) {
            go_on_with(id);
        }
        work.await
    };
    CURRENT.scope(RefCell::default(), begun).await
}

/// The trace of the work at hand; `None` where it has none.
pub fn current() -> Option<TraceId> {
    CURRENT.try_with(|current| current.borrow().clone()).ok().flatten()
}

/// Goes on with the trace that a row has, if it has one: from here on the log says it, and messages carry it.
pub fn join(of_row: Option<&str>) {
    if let Some(id) = of_row.and_then(TraceId::parse).filter(|id| current().as_ref() != Some(id)) {
        go_on_with(id);
    }
}

fn go_on_with(id: TraceId) {
    Span::current().record(FIELD, id.as_str());
    // Outside of `within` there is no work to hand it on.
    let _ = CURRENT.try_with(|current| current.replace(Some(id)));
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "1-58406520-a006649127e371903a2de979";

    #[test]
    fn tracing_header_has_a_root_or_no_trace() {
        for (header, expected) in [
            ("Root=1-58406520-a006649127e371903a2de979;Parent=53995c3f42cd8ad8;Sampled=1", Some(ID)),
            ("Self=1-67891234-12456789abcdef012345678a;Root=1-58406520-A006649127E371903A2DE979", Some(ID)),
            ("Sampled=0; Root=1-58406520-a006649127e371903a2de979", Some(ID)),
            ("Root=1-58406520-a006649127e371903a2de97", None),
            ("Root=2-58406520-a006649127e371903a2de979", None),
            ("Root=1-5840652x-a006649127e371903a2de979", None),
            ("Root=1-58406520-a006649127e371903a2de979\n", Some(ID)),
            ("Parent=53995c3f42cd8ad8", None),
            ("", None),
        ] {
            assert_eq!(TraceId::of_header(header).as_ref().map(TraceId::as_str), expected, "{header}");
        }
        let id = TraceId::parse(ID).unwrap();
        assert_eq!(TraceId::of_header(&id.to_header()), Some(id));
    }

    #[tokio::test]
    async fn work_is_on_the_trace_it_came_with_until_it_joins_another() {
        let other = "1-58406521-a006649127e371903a2de979";
        assert_eq!(current(), None);
        let seen = within(Some("Root=1-58406520-a006649127e371903a2de979"), async {
            let came_with = current();
            join(None);
            join(Some("no trace"));
            let kept = current();
            join(Some(other));
            (came_with, kept, current())
        });
        // The trace of one piece of work is not that of another beside it.
        let (seen, beside) = futures::join!(seen, within(None, async { current() }));
        let id = TraceId::parse(ID);
        assert_eq!(seen, (id.clone(), id, TraceId::parse(other)));
        assert_eq!((beside, current()), (None, None));
    }
}
