//! Answers: the contract's envelope, redirects, and bare JSON for platforms.

use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, HeaderName, LOCATION, SET_COOKIE};
use http::{HeaderValue, Response, StatusCode};
use kernel::Error;
use kernel::advice::ErrorCode;
use serde::Serialize;

use super::problem::Problem;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
const CSV: HeaderValue = HeaderValue::from_static("text/csv; charset=utf-8");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// The `message` of an answer that went well; what matters to the user is in `data`.
const DONE: &str = "操作成功";

/// The same where the work only begins.
const ACCEPTED: &str = "已受理，正在处理";

/// What a handler answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiResponse {
    status: StatusCode,
    content: Content,
    cookie: Option<HeaderValue>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Content {
    Json(String),
    /// A file, and what the browser is told of it.
    Csv(String, HeaderValue),
    Redirect(HeaderValue),
}

/// Every JSON answer of the contract.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct Envelope<'a, T> {
    code: u16,
    message: &'a str,
    data: T,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorBody<'a>>,
}

#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub(crate) struct ErrorBody<'a> {
    #[serde(rename = "type")]
    code: ErrorCode,
    reason: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<FieldBody<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    oldest_sequence: Option<u64>,
    request_id: &'a str,
}

#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "FieldProblem"))]
pub(crate) struct FieldBody<'a> {
    path: &'a str,
    problem: &'a str,
}

impl ApiResponse {
    /// 200 with `data`.
    ///
    /// # Errors
    /// 500 when `data` cannot be written as JSON, which is a bug.
    pub fn ok(data: impl Serialize) -> Result<Self, Problem> {
        Self::enveloped(StatusCode::OK, DONE, data)
    }

    /// 201 with `data`, which is new.
    ///
    /// # Errors
    /// As [`ok`](Self::ok).
    pub fn created(data: impl Serialize) -> Result<Self, Problem> {
        Self::enveloped(StatusCode::CREATED, DONE, data)
    }

    /// 202 with `data`: the work goes on after this answer.
    ///
    /// # Errors
    /// As [`ok`](Self::ok).
    pub fn accepted(data: impl Serialize) -> Result<Self, Problem> {
        Self::enveloped(StatusCode::ACCEPTED, ACCEPTED, data)
    }

    /// Any other good answer in the envelope.
    ///
    /// # Errors
    /// As [`ok`](Self::ok).
    pub fn enveloped(status: StatusCode, message: &str, data: impl Serialize) -> Result<Self, Problem> {
        Self::json(status, &Envelope { code: status.as_u16(), message, data, error: None })
    }

    /// 200 with exactly `value`, for a platform that defines the answer itself.
    ///
    /// # Errors
    /// As [`ok`](Self::ok).
    pub fn raw_json(value: &impl Serialize) -> Result<Self, Problem> {
        Self::json(StatusCode::OK, value)
    }

    /// 200 with a CSV file, which the browser keeps under this name.
    ///
    /// # Errors
    /// 500 when the name is no header value: it is ASCII without quotes.
    pub fn csv_file(name: &str, text: String) -> Result<Self, Problem> {
        let disposition = HeaderValue::from_str(&format!("attachment; filename=\"{name}\""))
            .map_err(|_| Error::Internal("file name is no header value"))?;
        Ok(Self { status: StatusCode::OK, content: Content::Csv(text, disposition), cookie: None })
    }

    /// 302 to `location`, which the caller of this has checked against its allow-list.
    ///
    /// # Errors
    /// 500 when `location` is not ASCII: a URL that came through a parser is.
    pub fn redirect(location: &str) -> Result<Self, Problem> {
        let location =
            HeaderValue::from_str(location).map_err(|_| Error::Internal("redirect location is no header value"))?;
        Ok(Self { status: StatusCode::FOUND, content: Content::Redirect(location), cookie: None })
    }

    /// The same, setting a cookie.
    #[must_use]
    pub fn with_cookie(self, cookie: HeaderValue) -> Self {
        Self { cookie: Some(cookie), ..self }
    }

    fn json(status: StatusCode, value: &impl Serialize) -> Result<Self, Problem> {
        let text = serde_json::to_string(value).map_err(|_| Error::Internal("answer not serialised"))?;
        Ok(Self { status, content: Content::Json(text), cookie: None })
    }

    /// The answer to a problem.
    pub(super) fn of_problem(problem: &Problem, request_id: &str) -> Self {
        let fields = problem.fields.iter().map(|field| FieldBody { path: &field.path, problem: &field.problem });
        let envelope = Envelope {
            code: problem.status.as_u16(),
            message: &problem.message,
            data: (),
            error: Some(ErrorBody {
                code: problem.code,
                reason: &problem.remedy,
                fields: fields.collect(),
                oldest_sequence: problem.oldest_sequence,
                request_id,
            }),
        };
        // Strings and numbers only: serialising them cannot fail.
        let text = serde_json::to_string(&envelope).unwrap_or_default();
        Self { status: problem.status, content: Content::Json(text), cookie: None }
    }

    /// The response on the wire. Nothing is cached: every answer belongs to one user.
    pub(super) fn into_http(self, request_id: &str) -> Response<String> {
        let mut response = match self.content {
            Content::Json(text) => {
                let mut response = Response::new(text);
                response.headers_mut().insert(CONTENT_TYPE, JSON);
                response
            }
            Content::Csv(text, disposition) => {
                let mut response = Response::new(text);
                response.headers_mut().insert(CONTENT_TYPE, CSV);
                response.headers_mut().insert(CONTENT_DISPOSITION, disposition);
                response
            }
            Content::Redirect(location) => {
                let mut response = Response::new(String::new());
                response.headers_mut().insert(LOCATION, location);
                response
            }
        };
        *response.status_mut() = self.status;
        response.headers_mut().insert(CACHE_CONTROL, NO_STORE);
        if let Some(cookie) = self.cookie {
            response.headers_mut().insert(SET_COOKIE, cookie);
        }
        if let Ok(id) = HeaderValue::from_str(request_id) {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(response: &Response<String>) -> &str {
        response.body()
    }

    #[test]
    fn response_of_success_has_the_envelope_in_the_order_of_the_contract() {
        let ok = ApiResponse::ok(json!({"taskId": "7"})).unwrap().into_http("r-1");
        assert_eq!(ok.status(), 200);
        assert_eq!(text(&ok), r#"{"code":200,"message":"操作成功","data":{"taskId":"7"}}"#);
        assert_eq!(ok.headers()["content-type"], "application/json; charset=utf-8");
        assert_eq!(ok.headers()["cache-control"], "no-store");
        assert_eq!(ok.headers()["x-request-id"], "r-1");

        let accepted = ApiResponse::accepted(()).unwrap().into_http("r-1");
        assert_eq!(accepted.status(), 202);
        assert_eq!(text(&accepted), r#"{"code":202,"message":"已受理，正在处理","data":null}"#);
    }

    #[test]
    fn response_of_a_problem_has_type_reason_fields_and_request_id() {
        let problem = Problem::from(Error::invalid("size", "应为整数"));
        let response = ApiResponse::of_problem(&problem, "r-1").into_http("r-1");
        assert_eq!(response.status(), 400);
        assert_eq!(
            text(&response),
            r#"{"code":400,"message":"请求参数有误。size：应为整数","data":null,"error":{"type":"INVALID_REQUEST","#
                .to_owned()
                + r#""reason":"请按提示修改后重新提交","fields":[{"path":"size","problem":"应为整数"}],"requestId":"r-1"}}"#
        );
        let without_fields = ApiResponse::of_problem(&Error::Corrupt("row").into(), "r-1").into_http("r-1");
        assert!(!text(&without_fields).contains("fields") && !text(&without_fields).contains("row"));
    }

    #[test]
    fn response_that_redirects_or_is_raw_has_no_envelope() {
        let redirect = ApiResponse::redirect("https://app.example/done?status=ok").unwrap().into_http("r-1");
        assert_eq!((redirect.status().as_u16(), text(&redirect)), (302, ""));
        assert_eq!(redirect.headers()["location"], "https://app.example/done?status=ok");
        assert_eq!(redirect.headers()["cache-control"], "no-store");
        assert!(ApiResponse::redirect("https://app.example/\r\nset-cookie: a=b").is_err());

        let file = ApiResponse::csv_file("leads.csv", "\u{feff}a,b\r\n".to_owned()).unwrap().into_http("r-1");
        assert_eq!((file.status().as_u16(), text(&file)), (200, "\u{feff}a,b\r\n"));
        assert_eq!(file.headers()["content-disposition"], "attachment; filename=\"leads.csv\"");
        assert_eq!(file.headers()["content-type"], "text/csv; charset=utf-8");

        let raw = ApiResponse::raw_json(&json!({"challenge": 7})).unwrap().into_http("r-1");
        assert_eq!(text(&raw), r#"{"challenge":7}"#);
    }
}
