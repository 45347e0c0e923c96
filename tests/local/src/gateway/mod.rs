//! The HTTP API in front of the functions, as API Gateway has it: what reaches a function, and what a browser is
//! answered before or after it.
//!
//! It is made of the API definition in the transformed template: its routes, its CORS settings and the throttling of
//! its stage. The functions get events of payload version 2.0 with decoded paths, raw query strings and base64 bodies, and a
//! client gets API Gateway's own errors where no function is asked or none answers. Sources:
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html> (events),
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html> (CORS),
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html> (limits).
//!
//! A request line that is no URI (a quotation mark, `<` or a blank in the query) is answered 400 without a body by the
//! HTTP server; whether API Gateway hands such a one on is not documented.

mod answer;
mod cors;
mod definition;
mod event;
mod routes;
mod serve;
mod throttle;

pub use definition::Api;
pub use serve::{Gateway, Invoke};
