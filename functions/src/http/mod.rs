//! HTTP in and out: a Lambda event becomes an [`ApiRequest`], a handler's result becomes the contract's envelope.
//!
//! A handler is a plain function, so a test calls it with an event of `events/` through [`dispatch`]:
//!
//! ```text
//! pub async fn handle(app: &App, request: ApiRequest) -> Result<ApiResponse, Problem> {
//!     let caller = request.caller(&app.auth, catalog::DOUYIN_LEADS.permission).await?;
//!     …
//! }
//! ```

mod body;
mod browser_cookie;
mod event;
mod idempotency_key;
mod paging;
mod problem;
mod query;
mod request;
mod response;
mod serde_messages;
mod serve;

pub use body::{MAX_BODY, enum_string, optional_enum_string};
pub(crate) use browser_cookie::BrowserCookie;
pub use event::HttpEvent;
#[cfg(feature = "openapi")]
pub(crate) use idempotency_key::MAX_KEY;
pub(crate) use idempotency_key::idempotency_key;
pub use paging::page_request;
pub use problem::Problem;
pub use request::ApiRequest;
pub use response::ApiResponse;
#[cfg(feature = "openapi")]
pub(crate) use response::{Envelope, ErrorBody};
pub use serve::{dispatch, serve_http};
