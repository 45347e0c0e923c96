//! What a call proves that got no answer; and what is told of it.

use axum::body::Body;
use axum::http::Response;
use serde_json::json;

use super::*;
use crate::provider::testing::{fault, log::Log};
use crate::provider::{FailureKind, Provider};

/// The table of [`crate::provider`]: fault by endpoint.
#[tokio::test]
async fn wecom_outcome_is_unknown_only_for_the_call_that_publishes() {
    for fault in fault::all().await {
        let wecom = Wecom::new(fault.base_url, fault.timeout);
        for (endpoint, result) in call_all(&wecom).await {
            if endpoint == Endpoint::CancelMomentTask && result.is_ok() {
                // `{}` and the like are a success of a call that brings nothing.
                assert_eq!(fault.name, "garbage");
                continue;
            }
            let kind = match endpoint {
                Endpoint::AddMomentTask if !fault.nothing_written => FailureKind::OutcomeUnknown,
                _ => FailureKind::Retry,
            };
            let detail = Some(fault.detail.clone());
            let expected =
                ProviderError { kind, provider: Provider::Wecom, endpoint: endpoint.path(), code: None, detail };
            assert_eq!(result, Err(expected), "{} on {endpoint}", fault.name);
        }
    }
}

/// A refusal in the platform's own envelope proves that nothing was done.
#[tokio::test]
async fn wecom_refusal_is_read_and_the_call_not_repeated() {
    for (code, kind) in
        [(40014, FailureKind::TokenInvalid), (45033, FailureKind::Retry), (999_999, FailureKind::Unknown)]
    {
        let server = Server::answering(200, json!({"errcode": code, "errmsg": "busy"})).await;
        for (endpoint, result) in call_all(&client(&server)).await {
            let error = result.unwrap_err();
            assert_eq!((error.kind, error.code), (kind, Some(code)), "{endpoint}");
        }
        assert_eq!(server.seen().len(), Endpoint::ALL.len());
    }
}

#[tokio::test]
async fn wecom_call_that_publishes_uses_a_fresh_connection() {
    let server = Server::answering(200, json!({"errcode": 0, "follow_user": [], "jobid": "job-1"})).await;
    let wecom = client(&server);
    wecom.follow_users(&token()).await.unwrap();
    wecom.add_moment_task(&token(), &draft(Attachments::None)).await.unwrap();
    wecom.follow_users(&token()).await.unwrap();
    let peers: Vec<_> = server.seen().into_iter().map(|request| request.peer.port()).collect();
    let [before, publishing, after] = peers[..] else { panic!("{peers:?}") };
    assert!(before == after && before != publishing, "{peers:?}");
}

#[tokio::test]
async fn wecom_client_prints_no_secret_and_no_content() {
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    let words = format!("invalid {TOKEN} {SECRET} {TEXT}, hint: [{TOKEN}], from ip: {TOKEN}, more");
    let name = "张秘密";
    let mut printed = String::new();

    for code in [0, 1, 40001, 60020] {
        let echo = json!({
            "errcode": code, "errmsg": words, "access_token": TOKEN, "expires_in": 7200, "jobid": "job-1", "status": 1,
            "media_id": "m", "created_at": 1, "follow_user": ["zhangsan"], "userid": "zhangsan", "name": name,
            "moment_list": [{"moment_id": "mom1", "create_time": 1, "text": {"content": TEXT}}],
            "task_list": [{"userid": "zhangsan", "publish_status": 1}],
        });
        let server = Server::making(move |_| Response::new(Body::from(echo.to_string()))).await;
        for (endpoint, result) in call_all(&client(&server)).await {
            assert_eq!(result.is_ok(), code == 0, "{endpoint} {result:?}");
            printed.push_str(&format!("{result:?}"));
            printed.extend(result.err().map(|error| error.to_string()));
        }
    }
    Log::capture();
    for fault in fault::one_of_each().await {
        let wecom = Wecom::new(fault.base_url, fault.timeout);
        for (_, result) in call_all(&wecom).await {
            printed.push_str(&format!("{wecom:?} {result:?}"));
            printed.extend(result.err().map(|error| error.to_string()));
        }
    }
    printed.push_str(&format!("{:?}", draft(Attachments::None)));
    printed.push_str(&log.text());

    assert!(printed.contains("wecom called"));
    assert!(printed.contains("wecom.failure=wecom externalcontact/add_moment_task: outcome_unknown"));
    for secret in [TOKEN, "secret", "秘密"] {
        let found = printed.find(secret).map(|at| printed[at..].chars().take(160).collect::<String>());
        assert!(found.is_none(), "{secret}: {found:?}");
    }
}
