//! Who may ask: only this page. A page of another site that is open in the same browser reaches loopback too, by an address
//! of its own name that leads here, or by a form.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::serve::Served;

pub(super) async fn guard(State(served): State<Served>, request: Request, next: Next) -> Response {
    if !is_ours(&served.origins, request.headers()) {
        return (StatusCode::FORBIDDEN, "only the page itself may ask this").into_response();
    }
    let mut response = next.run(request).await;
    let policy = HeaderValue::from_str(&served.content_policy);
    let settings: [(HeaderName, Option<HeaderValue>); 4] = [
        (header::CONTENT_SECURITY_POLICY, policy.ok()),
        (header::X_CONTENT_TYPE_OPTIONS, Some(HeaderValue::from_static("nosniff"))),
        (header::REFERRER_POLICY, Some(HeaderValue::from_static("no-referrer"))),
        // The files are edited while the page is open.
        (header::CACHE_CONTROL, Some(HeaderValue::from_static("no-cache"))),
    ];
    for (name, value) in settings {
        if let Some(value) = value {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// Whether it was asked for under the page's address, and by the page where a browser says by whom.
fn is_ours(origins: &[String], headers: &HeaderMap) -> bool {
    let text = |name: HeaderName| headers.get(name).map(HeaderValue::to_str);
    let Some(Ok(host)) = text(header::HOST) else { return false };
    let asked = origins.iter().find(|origin| origin.strip_prefix("http://") == Some(host));
    match (asked, text(header::ORIGIN)) {
        (Some(_), None) => true,
        (Some(asked), Some(Ok(origin))) => asked == origin,
        _ => false,
    }
}

/// What a browser may load and ask: this page, the API, and the pictures of the sandbox. So nothing leaves the machine, whatever
/// the reference would like to load.
pub(super) fn content_policy(api_url: &str, sandbox_url: &str) -> String {
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self' data:; \
         img-src 'self' data: {sandbox_url}; connect-src 'self' {api_url}; frame-src 'self'; frame-ancestors 'self'; \
         base-uri 'none'; form-action 'none'"
    )
}
