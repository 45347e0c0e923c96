//! Sending one delivery: one POST, within a time limit, to a public address, without following redirects.

use std::time::Duration;

use jiff::Timestamp;
use kernel::public_http::{AddressProblem, Judge, Lookup, PublicHttp, Target, is_not_public, system};
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{RequestBuilder, Response};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::timeout;

use crate::body::Outgoing;
use crate::kind::Kind;

/// A connection that is not open by then will not open.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// What is read of an answer. Whatever follows is not read.
const MOST_OF_ANSWER: usize = 1_024;

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// What signs a delivery to a program.
#[derive(Debug, Clone)]
pub(crate) struct Signed {
    /// The event's id: the same at each attempt.
    pub id: String,
    pub at: Timestamp,
    /// One signature for each valid secret.
    pub signature: String,
}

/// What a receiver has answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub status: u16,
    /// How the body begins.
    pub beginning: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// The address may not be asked.
    Address(AddressProblem),
    NotConnected,
    TimedOut,
    ConnectionLost,
}

impl NoAnswer {
    /// The word in the log of deliveries.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Address(AddressProblem::NotPublic) => "ADDRESS_NOT_PUBLIC",
            Self::Address(_) => "URL_REFUSED",
            Self::NotConnected => "NOT_CONNECTED",
            Self::TimedOut => "TIMED_OUT",
            Self::ConnectionLost => "CONNECTION_LOST",
        }
    }

    /// Whether it took long: more attempts at the same receiver would too.
    pub const fn is_slow(self) -> bool {
        matches!(self, Self::TimedOut | Self::NotConnected)
    }

    fn of(error: &reqwest::Error) -> Self {
        if is_not_public(error) {
            Self::Address(AddressProblem::NotPublic)
        } else if error.is_timeout() {
            Self::TimedOut
        } else if error.is_connect() {
            Self::NotConnected
        } else {
            Self::ConnectionLost
        }
    }
}

/// Sends deliveries.
#[derive(Debug)]
pub(crate) struct Sender {
    http: PublicHttp,
    timeout: Duration,
}

impl Sender {
    /// A sender that lets `judge` decide which addresses may be asked, and gives each of them so long to answer.
    pub fn new(judge: Judge, timeout: Duration) -> Self {
        Self::resolving(judge, timeout, system())
    }

    fn resolving(judge: Judge, timeout: Duration, lookup: Lookup) -> Self {
        Self { http: PublicHttp::new(judge, lookup, CONNECT_TIMEOUT.min(timeout)), timeout }
    }

    /// Posts a delivery to the address of a webhook.
    pub async fn post(
        &self,
        kind: Kind,
        url: &SecretString,
        outgoing: Outgoing,
        signed: Option<Signed>,
    ) -> Result<Answer, NoAnswer> {
        let Target { mut url, trusted } = self.http.judge().written(url.expose_secret()).map_err(NoAnswer::Address)?;
        if !outgoing.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&outgoing.query);
        }
        let target = Target { url, trusted };
        let Ok(client) = self.http.client(&target).await else {
            tracing::error!("the HTTP client for webhooks cannot be built");
            return Err(NoAnswer::NotConnected);
        };
        let mut request = client.post(target.url).header(CONTENT_TYPE, JSON).body(outgoing.body);
        if let Some(Signed { id, at, signature }) = signed {
            request = request
                .header("webhook-id", id)
                .header("webhook-timestamp", at.as_second())
                .header("webhook-signature", signature);
        }
        timeout(self.timeout, answer(kind, request)).await.unwrap_or(Err(NoAnswer::TimedOut))
    }
}

async fn answer(kind: Kind, request: RequestBuilder) -> Result<Answer, NoAnswer> {
    let mut response = request.send().await.map_err(|error| NoAnswer::of(&error))?;
    let status = response.status().as_u16();
    // What a program has answered is said by its status. Of a bot only the body says it.
    let beginning = match (beginning(&mut response).await, kind.bot()) {
        (Ok(beginning), _) => beginning,
        (Err(_), None) => Vec::new(),
        (Err(error), Some(_)) => return Err(error),
    };
    Ok(Answer { status, beginning })
}

async fn beginning(response: &mut Response) -> Result<Vec<u8>, NoAnswer> {
    let mut read = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(|error| NoAnswer::of(&error))? {
        let room = MOST_OF_ANSWER - read.len();
        read.extend(piece.iter().take(room));
        if read.len() == MOST_OF_ANSWER {
            break;
        }
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::sync::Arc;

    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn receiver_inside_a_network_is_not_asked_by_whatever_name() {
        for (url, addresses, expected) in [
            ("https://crm.example.com/", &["127.0.0.1"][..], AddressProblem::NotPublic),
            ("https://crm.example.com/", &["8.8.8.8", "169.254.169.254"], AddressProblem::NotPublic),
            ("https://crm.example.com/", &["::ffff:10.0.0.1"], AddressProblem::NotPublic),
            ("https://127.0.0.1/", &["8.8.8.8"], AddressProblem::NotPublic),
            ("http://crm.example.com/", &["8.8.8.8"], AddressProblem::NotHttps),
            ("https://crm.example.com:8443/", &["8.8.8.8"], AddressProblem::ForbiddenPort(8_443)),
        ] {
            let found: Vec<IpAddr> = addresses.iter().map(|address| address.parse().unwrap()).collect();
            let lookup: Lookup = Arc::new(move |_| {
                let found = found.clone();
                async move { Ok(found) }.boxed()
            });
            let sender = Sender::resolving(Judge::default(), Duration::from_secs(1), lookup);
            let outgoing = Outgoing { query: Vec::new(), body: b"{}".to_vec() };
            let answered = sender.post(Kind::Generic, &SecretString::from(url), outgoing, None).await;
            assert_eq!(answered, Err(NoAnswer::Address(expected)), "{url} {addresses:?}");
        }
    }
}
