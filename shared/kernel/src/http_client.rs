//! The HTTP client for what is not AWS: platforms and the key server.

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder};

use crate::error::{Error, Result};
use crate::trust;

/// A connection that is not open by then will not open: platforms answer the handshake within some 100 ms.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// What every client begins with: the trust store of the process. A client begun otherwise reads and parses the
/// system's certificates for itself, 7 ms of CPU.
///
/// # Errors
/// [`Error::Unavailable`] when the machine has no usable trust store.
pub fn builder() -> Result<ClientBuilder> {
    Ok(Client::builder().tls_backend_preconfigured(trust::client_config()?))
}

/// A client that gives up after `timeout`, counted from the start of a request to the last byte of its answer.
///
/// It follows no redirects: a platform's API has none, and following one could carry a token to another host. It
/// ignores `HTTP_PROXY` and its kin: a function has a direct way out, and a developer's proxy must not swallow the
/// calls to the sandbox on loopback.
///
/// # Errors
/// [`Error::Unavailable`] when the machine has no usable trust store.
pub fn build(timeout: Duration) -> Result<Client> {
    builder()?
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
