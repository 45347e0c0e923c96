//! `POST /api/v1/workbench/wechat/moments/validate`: what stands against a post, without making it.

use kernel::Context;
use kernel::FieldProblem;
use kernel::advice::ErrorCode;
use kernel::config::ConfigError;
use kernel::jwt::Authenticator;
use moments::tasks::RequestCheck;
use serde::Serialize;

use crate::catalog;
use crate::http::{ApiRequest, ApiResponse, Problem};
use crate::post_request::{bearer_of, post_of};

/// What the requests of this function share.
#[derive(Debug)]
pub struct App {
    auth: Authenticator,
    check: RequestCheck,
}

impl App {
    /// Built once at init.
    pub async fn new(cx: &Context) -> Result<Self, ConfigError> {
        Ok(Self { auth: Authenticator::new(cx).await?, check: RequestCheck::new(cx)? })
    }
}

#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct Answer {
    valid: bool,
    problems: Vec<Objection>,
}

/// A field, what is wrong with it, and the code that the creation would answer with.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
struct Objection {
    path: String,
    problem: String,
    code: ErrorCode,
}

/// The path of what is wrong with a body as a whole.
const WHOLE_BODY: &str = "body";

/// Answers one request. A body of the wrong form is a finding like any other, but one that is no JSON object is a request
/// that nobody can judge: it is refused as everywhere.
pub async fn handle(app: &App, request: ApiRequest) -> Result<ApiResponse, Problem> {
    let caller = request.caller(&app.auth, catalog::MOMENT_VALIDATE.permission).await?;
    let wanted = match post_of(&request) {
        Ok(wanted) => wanted,
        Err(error) if error.fields().iter().all(|field| field.path == WHOLE_BODY) => return Err(error.into()),
        Err(error) => return answer(objections(error.fields(), error.advice().code)),
    };
    let found = app.check.objections(caller.user_id, &bearer_of(&request), &wanted).await?;
    let problems = found.iter().flat_map(|error| objections(error.fields(), error.advice().code)).collect();
    answer(problems)
}

fn answer(problems: Vec<Objection>) -> Result<ApiResponse, Problem> {
    ApiResponse::ok(Answer { valid: problems.is_empty(), problems })
}

fn objections(fields: &[FieldProblem], code: ErrorCode) -> Vec<Objection> {
    let fields = fields.iter().cloned();
    fields.map(|FieldProblem { path, problem }| Objection { path, problem, code }).collect()
}
