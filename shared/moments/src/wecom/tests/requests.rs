//! The wire, request by request.

use bytes::Bytes;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::*;
use crate::provider::FailureKind;

/// The token in the query, as the platform wants it, and percent-encoded as any query.
const WITH_TOKEN: &str = "access_token=secret-TOKEN_1";

#[tokio::test]
async fn wecom_token_is_in_the_query_and_nowhere_else() {
    let server = Server::answering(200, json!({"errcode": 1})).await;
    call_all(&client(&server)).await;
    let seen = server.seen();
    assert_eq!(seen.len(), Endpoint::ALL.len());
    for request in seen {
        let is_gettoken = request.line.contains("/gettoken?");
        assert_eq!(request.line.contains(WITH_TOKEN), !is_gettoken, "{}", request.line);
        assert_eq!(request.line.matches(TOKEN).count(), usize::from(!is_gettoken), "{}", request.line);
        assert!(!String::from_utf8_lossy(&request.body).contains(TOKEN), "{}", request.line);
        assert!(!format!("{:?}", request.headers).contains(TOKEN), "{}", request.line);
        assert!(request.header("authorization").is_none());
    }
}

#[tokio::test]
async fn wecom_reads_are_requested_as_documented() {
    let server = Server::answering(200, json!({"errcode": 1})).await;
    call_all(&client(&server)).await;
    let mut lines: Vec<_> = server.seen().into_iter().map(|request| request.line).collect();
    lines.sort();
    assert_eq!(
        lines,
        [
            format!("GET /below/cgi-bin/externalcontact/get_follow_user_list?{WITH_TOKEN}"),
            format!("GET /below/cgi-bin/externalcontact/get_moment_task_result?{WITH_TOKEN}&jobid=job-1"),
            "GET /below/cgi-bin/gettoken?corpid=ww1&corpsecret=corp-secret%2B%2F%3D%26".to_owned(),
            format!("GET /below/cgi-bin/user/get?{WITH_TOKEN}&userid=zhangsan"),
            format!("POST /below/cgi-bin/externalcontact/add_moment_task?{WITH_TOKEN}"),
            format!("POST /below/cgi-bin/externalcontact/cancel_moment_task?{WITH_TOKEN}"),
            format!("POST /below/cgi-bin/externalcontact/get_moment_list?{WITH_TOKEN}"),
            format!("POST /below/cgi-bin/externalcontact/get_moment_task?{WITH_TOKEN}"),
            format!("POST /below/cgi-bin/media/upload_attachment?{WITH_TOKEN}&media_type=image&attachment_type=1"),
        ]
    );
}

#[tokio::test]
async fn wecom_moment_request_has_only_the_chosen_kind() {
    let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    let range = json!({"sender_list": {"user_list": ["zhangsan", "lisi"]}});
    for (attachments, text, expected) in [
        (Attachments::None, TEXT, json!({"text": {"content": TEXT}, "visible_range": range})),
        (
            Attachments::Images(ids(&["m1", "m2"])),
            TEXT,
            json!({"text": {"content": TEXT}, "visible_range": range, "attachments": [
                {"msgtype": "image", "image": {"media_id": "m1"}},
                {"msgtype": "image", "image": {"media_id": "m2"}},
            ]}),
        ),
        (
            Attachments::Video("m3".to_owned()),
            "",
            json!({"visible_range": range, "attachments": [{"msgtype": "video", "video": {"media_id": "m3"}}]}),
        ),
    ] {
        let server = Server::answering(200, json!({"errcode": 0, "errmsg": "ok", "jobid": "job-1"})).await;
        let draft = MomentDraft { text: text.to_owned(), ..draft(attachments) };
        let job = client(&server).add_moment_task(&token(), &draft).await.unwrap();
        assert_eq!(job, JobId("job-1".to_owned()));
        let request = server.only_request();
        assert_eq!(request.json(), expected);
        // Real characters: escapes are a documented cause of code 40033.
        assert!(!request.text().contains("\\u"), "{}", request.text());
        assert_eq!(request.text().contains("早安🌸"), !text.is_empty());
    }
}

#[tokio::test]
async fn wecom_moment_for_no_member_is_not_sent() {
    let server = Server::answering(200, json!({"errcode": 0, "jobid": "job-1"})).await;
    let everybody = MomentDraft { senders: Vec::new(), ..draft(Attachments::None) };
    let error = client(&server).add_moment_task(&token(), &everybody).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::TargetInvalid);
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn wecom_upload_is_one_part_named_media_with_a_length() {
    let answer =
        json!({"errcode": 0, "errmsg": "", "type": "video", "media_id": "media-9", "created_at": "1380000000"});
    for (kind, name, mime, query, file_name) in [
        (MediaUpload::Image, "春天.png", "image/png", "media_type=image&attachment_type=1", "__.png"),
        (MediaUpload::Video, "clip.mp4", "video/mp4", "media_type=video&attachment_type=1", "clip.mp4"),
    ] {
        let server = Server::answering(200, &answer).await;
        let content = Bytes::from(vec![0xff_u8; 300_000]);
        let uploaded = client(&server).upload_attachment(&token(), kind, name, mime, content.clone()).await.unwrap();
        assert_eq!(uploaded, UploadedMedia { media_id: "media-9".to_owned(), created_at: 1_380_000_000 });

        let request = server.only_request();
        assert!(request.line.ends_with(query), "{}", request.line);
        let boundary = request.header("content-type").unwrap().strip_prefix("multipart/form-data; boundary=").unwrap();
        let mut expected = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"media\"; filename=\"{file_name}\"\r\n\
             Content-Type: {mime}\r\n\r\n"
        )
        .into_bytes();
        expected.extend_from_slice(&content);
        expected.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        assert!(request.body == expected, "{}", String::from_utf8_lossy(&request.body[..400]));
        assert_eq!(request.header("content-length"), Some(expected.len().to_string().as_str()));
        assert!(request.header("transfer-encoding").is_none());
    }
}

#[tokio::test]
async fn wecom_upload_of_an_invalid_media_type_is_not_sent() {
    let server = Server::answering(200, json!({})).await;
    let content = Bytes::from_static(b"picture");
    let result = client(&server).upload_attachment(&token(), MediaUpload::Image, "a.jpg", "no type", content).await;
    assert_eq!(result.unwrap_err().kind, FailureKind::InvalidContent);
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn wecom_list_is_requested_page_by_page() {
    let pages = |seen: &crate::provider::testing::Seen| {
        let cursor = seen.json()["cursor"].as_str().unwrap_or_default().len();
        let name = if seen.line.contains("get_moment_list") { "moment_list" } else { "task_list" };
        let item = json!({
            "moment_id": format!("mom{cursor}"), "create_time": 1_700_000_000 + cursor,
            "userid": format!("user{cursor}"), "publish_status": cursor % 2,
        });
        let next = if cursor < 2 { "c".repeat(cursor + 1) } else { String::new() };
        axum::http::Response::new(json!({"errcode": 0, "next_cursor": next, name: [item]}).to_string().into())
    };
    let server = Server::making(pages).await;
    let wecom = client(&server);
    let moments = wecom.moment_list(&token(), 1_700_000_000, 1_700_000_600).await.unwrap();
    assert_eq!(moments.iter().map(|item| item.moment_id.as_str()).collect::<Vec<_>>(), ["mom0", "mom1", "mom2"]);
    let members = wecom.member_status(&token(), "mom1").await.unwrap();
    assert_eq!(members, [("user0".to_owned(), false), ("user1".to_owned(), true), ("user2".to_owned(), false)]);

    let bodies: Vec<Value> = server.seen().iter().map(|request| request.json()).collect();
    // The platform's range excludes both of its ends.
    let list = json!({"start_time": 1_699_999_999, "end_time": 1_700_000_601, "filter_type": 0, "limit": 20});
    let task = json!({"moment_id": "mom1", "limit": 1000});
    let with = |body: &Value, cursor: &str| {
        let mut body = body.clone();
        body["cursor"] = json!(cursor);
        body
    };
    assert_eq!(
        bodies,
        [list.clone(), with(&list, "c"), with(&list, "cc"), task.clone(), with(&task, "c"), with(&task, "cc")]
    );
}

#[tokio::test]
async fn wecom_cancel_names_the_moment() {
    let server = Server::answering(200, json!({"errcode": 0, "errmsg": "ok"})).await;
    client(&server).cancel(&token(), "mom1").await.unwrap();
    assert_eq!(server.only_request().json(), json!({"moment_id": "mom1"}));
}

#[tokio::test]
async fn wecom_token_is_read_with_its_lifetime() {
    let server =
        Server::answering(200, json!({"errcode": 0, "errmsg": "ok", "access_token": TOKEN, "expires_in": 7200})).await;
    let grant = client(&server).access_token("ww1", &SecretString::from(SECRET)).await.unwrap();
    assert_eq!((grant.token.expose_secret(), grant.expires_in), (TOKEN, Duration::from_secs(7200)));
}
