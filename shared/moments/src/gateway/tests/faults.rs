//! What a call proves that got no answer or a refusal; and what is told of it.

use axum::body::Body;
use axum::http::Response;

use super::*;
use crate::provider::testing::{fault, log::Log};
use crate::provider::{FailureKind, Provider};

/// The table of [`crate::provider`]: fault by endpoint.
#[tokio::test]
async fn gateway_outcome_is_unknown_only_for_a_call_that_publishes() {
    for fault in fault::all().await {
        let gateway = Gateway::new(fault.base_url, SecretString::from(TOKEN), fault.timeout);
        for (endpoint, result) in call_all(&gateway).await {
            let publishes = matches!(endpoint, Endpoint::SendTextSns | Endpoint::SendImgSns | Endpoint::SendVideoSns);
            let kind =
                if publishes && !fault.nothing_written { FailureKind::OutcomeUnknown } else { FailureKind::Retry };
            let detail = Some(fault.detail.clone());
            let expected =
                ProviderError { kind, provider: Provider::Gateway, endpoint: endpoint.path(), code: None, detail };
            assert_eq!(result, Err(expected), "{} on {endpoint}", fault.name);
        }
    }
}

#[tokio::test]
async fn gateway_refusal_is_read_and_the_call_not_repeated() {
    use FailureKind as Kind;
    // The columns: uploads, sends, the others.
    for (msg, data, [upload, send, other]) in [
        ("发送朋友圈失败", json!({"code": "-1", "msg": "微信已离线"}), [Kind::AccountOffline; 3]),
        ("微信已离线", json!(null), [Kind::AccountOffline; 3]),
        ("获取失败", json!({"code": "-1", "msg": "[appId]设备不存在"}), [Kind::DeviceUnknown; 3]),
        ("imgUrls不可为空", json!(null), [Kind::InvalidContent; 3]),
        ("失败", json!({"code": "-1", "msg": null}), [Kind::MediaFetchFailed, Kind::OutcomeUnknown, Kind::Unknown]),
        ("", json!(7), [Kind::MediaFetchFailed, Kind::OutcomeUnknown, Kind::Unknown]),
    ] {
        let server = Server::answering(200, json!({"ret": 500, "msg": msg, "data": data})).await;
        for (endpoint, result) in call_all(&client(&server)).await {
            let kind = match endpoint {
                Endpoint::UploadSnsImage | Endpoint::UploadSnsVideo => upload,
                Endpoint::SendTextSns | Endpoint::SendImgSns | Endpoint::SendVideoSns => send,
                Endpoint::CheckOnline | Endpoint::GetProfile | Endpoint::SnsList | Endpoint::ContactsSnsList => other,
            };
            let error = result.unwrap_err();
            assert_eq!((error.kind, error.code, error.detail), (kind, Some(500), None), "{msg} on {endpoint}");
        }
        assert_eq!(server.seen().len(), Endpoint::ALL.len());
    }
}

#[tokio::test]
async fn gateway_call_that_publishes_uses_a_fresh_connection() {
    let server = Server::answering(200, success(json!({"id": 1, "wxid": "w"}))).await;
    let gateway = client(&server);
    gateway.profile(APP).await.unwrap();
    gateway.send_text(APP, TEXT).await.unwrap();
    gateway.profile(APP).await.unwrap();
    let peers: Vec<_> = server.seen().into_iter().map(|request| request.peer.port()).collect();
    let [before, publishing, after] = peers[..] else { panic!("{peers:?}") };
    assert!(before == after && before != publishing, "{peers:?}");
}

#[tokio::test]
async fn gateway_client_prints_no_token_that_was_echoed() {
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    let words = format!("HTTP HEADER: X-GEWE-TOKEN={TOKEN} 不可用或已过期");
    let mut printed = String::new();

    let answers = [
        json!({"ret": 500, "msg": words}),
        json!({"ret": 500, "msg": "失败", "data": {"code": "-1", "msg": words}}),
        json!({"ret": 401, "msg": format!("{words} {TEXT}"), "data": words}),
        json!({"ret": TOKEN, "msg": words}),
        json!({"ret": 200, "msg": words, "data": TOKEN}),
        json!({"ret": 200, "msg": words, "data": {"id": {"odd": TOKEN}}}),
    ];
    for (number, answer) in answers.into_iter().enumerate() {
        let server = Server::making(move |_| Response::new(Body::from(answer.to_string()))).await;
        for (endpoint, result) in call_all(&client(&server)).await {
            if number < 2 {
                assert_eq!(result.as_ref().unwrap_err().kind, FailureKind::BadCredentials, "{endpoint}");
            }
            printed.push_str(&format!("{result:?}"));
            printed.extend(result.err().map(|error| error.to_string()));
        }
    }
    Log::capture();
    for fault in fault::one_of_each().await {
        let gateway = Gateway::new(fault.base_url, SecretString::from(TOKEN), fault.timeout);
        for (_, result) in call_all(&gateway).await {
            printed.push_str(&format!("{gateway:?} {result:?}"));
            printed.extend(result.err().map(|error| error.to_string()));
        }
    }
    printed.push_str(&log.text());

    assert!(printed.contains("gateway called"));
    assert!(printed.contains("gateway.failure=gateway sns/sendTextSns: outcome_unknown"));
    for secret in [TOKEN, "secret", "秘密"] {
        let found = printed.find(secret).map(|at| printed[at..].chars().take(160).collect::<String>());
        assert!(found.is_none(), "{secret}: {found:?}");
    }
}

#[tokio::test]
async fn gateway_client_prints_no_name_text_or_signed_address() {
    let xml = "<TimelineObject><contentDesc>秘密正文</contentDesc></TimelineObject>";
    let server = Server::making(move |seen| {
        let data = if seen.line.ends_with("uploadSnsImage") {
            json!([{"fileUrl": "http://cdn.example.com/secret/0"}])
        } else if seen.line.ends_with("checkOnline") {
            json!(true)
        } else {
            json!({
                "id": 1, "userName": "wxid_1", "wxid": "wxid_1", "nickName": "秘密昵称", "createTime": 1,
                "fileUrl": "http://cdn.example.com/secret/0",
                "snsList": [{"id": 1, "userName": "wxid_1", "nickName": "秘密昵称", "createTime": 1, "snsXml": xml}],
            })
        };
        Response::new(Body::from(success(data).to_string()))
    })
    .await;
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    let mut printed = String::new();
    call_all(&client(&server)).await;
    Log::capture();
    for (_, result) in call_all(&client(&server)).await {
        printed.push_str(&result.unwrap());
    }
    printed.push_str(&log.text());
    assert!(printed.contains("text_bytes: Some(12)") && printed.contains("gateway called"), "{printed}");
    assert!(!printed.contains("secret") && !printed.contains("秘密"), "{printed}");
}
