//! The HTTP client for what is not AWS: platforms and the key server.

use std::time::Duration;

use reqwest::Client;
use reqwest::redirect::Policy;

use crate::error::{Error, Result};

/// A connection that is not open by then will not open: platforms answer the handshake within some 100 ms.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// A client that gives up after `timeout`, counted from the start of a request to the last byte of its answer.
///
/// Building one parses the machine's trust store: 3.4 ms of CPU, 44 to 70 ms at the share of a 128 MB Lambda. So it
/// is built only in functions that call a platform, once, and by the key cache at its first fetch.
///
/// It follows no redirects: a platform's API has none, and following one could carry a token to another host. It
/// ignores `HTTP_PROXY` and its kin: a function has a direct way out, and a developer's proxy must not swallow the
/// calls to the sandbox on loopback.
///
/// # Errors
/// [`Error::Unavailable`] when the machine has no usable trust store.
pub fn build(timeout: Duration) -> Result<Client> {
    Client::builder()
        .user_agent(concat!("cunkebao/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .no_proxy()
        .connect_timeout(CONNECT_TIMEOUT.min(timeout))
        .timeout(timeout)
        .build()
        .map_err(|_| Error::Unavailable("http client"))
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::HeaderMap;
    use axum::response::Redirect;
    use axum::routing::get;

    use super::*;
    use crate::jwks::tests::serve;

    #[tokio::test]
    async fn it_names_itself_and_follows_no_redirect() {
        let user_agent = |headers: HeaderMap| async move { headers["user-agent"].to_str().unwrap().to_owned() };
        let app =
            Router::new().route("/who", get(user_agent)).route("/away", get(async || Redirect::temporary("/who")));
        let base = serve(app).await;
        let client = build(Duration::from_secs(5)).unwrap();

        let who = client.get(format!("{base}/who")).send().await.unwrap().text().await.unwrap();
        assert!(who.starts_with("cunkebao/"), "{who}");
        assert_eq!(client.get(format!("{base}/away")).send().await.unwrap().status(), 307);
    }

    #[tokio::test]
    async fn a_silent_server_is_given_up_on() {
        let app = Router::new().route("/", get(std::future::pending::<String>));
        let client = build(Duration::from_millis(50)).unwrap();
        assert!(client.get(serve(app).await).send().await.unwrap_err().is_timeout());
    }
}
