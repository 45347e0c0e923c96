//! Which policies hold in which account, and what AWS answers to who lacks a right.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use axum::body::{Body, Bytes};
use axum::http::request::Parts;
use axum::http::{self, Response, StatusCode, header};
use serde_json::json;

use super::front::{key_of, service_of};
use crate::iam::{self, Access, Decision, Enforcer};

/// The policies of the accounts that have some. In any other account everybody may do everything.
#[derive(Debug, Default)]
pub(super) struct Roles {
    enforcers: RwLock<BTreeMap<String, Arc<Enforcer>>>,
}

impl Roles {
    /// From now on these policies hold in an account.
    pub(super) fn enforce(&self, account: &str, enforcer: Arc<Enforcer>) {
        self.enforcers.write().unwrap_or_else(PoisonError::into_inner).insert(account.to_owned(), enforcer);
    }

    /// The access for want of which a request is refused.
    pub(super) fn refuses(&self, parts: &Parts, body: &Bytes) -> Option<Access> {
        let (account, bin) = iam::parts_of(key_of(&parts.headers));
        let bin = bin?;
        let enforcer = self.enforcers.read().unwrap_or_else(PoisonError::into_inner).get(account).cloned()?;
        let target = parts.headers.get("x-amz-target").and_then(|target| target.to_str().ok());
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let method = parts.method.as_str();
        let accesses = match service_of(&parts.headers) {
            "s3" => Access::of_s3(method, path)?,
            _ => Access::of(account, method, path, target, body)?,
        };
        match enforcer.decide(bin, &accesses) {
            Decision::Allowed => None,
            Decision::Denied(access) => Some(access),
        }
    }
}

/// The answer of a service to who lacks a right. The JSON services answer 400 and the REST ones 403; the SDK reads the
/// code from the body of the former and the header of the latter.
pub(super) fn denial(access: &Access) -> http::Result<Response<Body>> {
    const CODE: &str = "AccessDeniedException";
    let status = match access.action.split(':').next() {
        Some("scheduler" | "iam" | "s3") => StatusCode::FORBIDDEN,
        _ => StatusCode::BAD_REQUEST,
    };
    let text = format!("User is not authorized to perform: {} on resource: {}", access.action, access.resource);
    Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "application/x-amz-json-1.0")
        .header("x-amzn-errortype", CODE)
        .body(json!({ "__type": CODE, "message": text }).to_string().into())
}
