//! A company as callers see it. Neither its secret nor its proxy's address is part of it.

use std::net::IpAddr;

use moments::accounts::{Company, CorpHealth};
use moments::ids::CorpKey;
use moments::store::corp::CorpProblem;
use serde::Serialize;

/// A company app.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "Corp"))]
#[serde(rename_all = "camelCase")]
pub struct CorpView {
    corp_key: CorpKey,
    corp_id: String,
    agent_id: Option<u64>,
    members: usize,
    has_egress_proxy: bool,
    health: HealthView,
}

/// OK, or what keeps the company's calls from WeCom.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "CorpHealthStatus"))]
#[serde(untagged)]
enum HealthStatus {
    Ok(AllIsWell),
    Problem(CorpProblem),
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(inline))]
enum AllIsWell {
    #[serde(rename = "OK")]
    Ok,
}

#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "CorpHealth"))]
#[serde(rename_all = "camelCase")]
struct HealthView {
    status: HealthStatus,
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seen_ip: Option<IpAddr>,
}

impl From<Company> for CorpView {
    fn from(company: Company) -> Self {
        let CorpHealth { problem, reason, seen_ip } = company.health;
        Self {
            agent_id: company.corp_key.agent_id(),
            corp_key: company.corp_key,
            corp_id: company.corp_id,
            members: company.members,
            has_egress_proxy: company.has_proxy,
            health: HealthView {
                status: problem.map_or(HealthStatus::Ok(AllIsWell::Ok), HealthStatus::Problem),
                reason,
                seen_ip,
            },
        }
    }
}
