//! The wire, request by request.

use super::*;
use crate::provider::FailureKind;

/// As documented, with ids and sizes that must come back to the last digit.
fn image(number: u64) -> Value {
    json!({
        "fileUrl": format!("http://szmmsns.qpic.cn/mmsns/{number}/0"), "thumbUrl": "http://szmmsns.qpic.cn/mmsns/a/150",
        "fileMd5": "0f343b0931126a20f133d67c2b018a3b", "length": 18_446_744_073_709_551_615_u64, "width": 1080,
        "height": 1920, "odd": {"new": [1.5, null, "字"]},
    })
}

#[tokio::test]
async fn gateway_call_is_a_post_with_the_token_in_the_header() {
    let server = Server::answering(200, json!({"ret": 500})).await;
    call_all(&client(&server)).await;
    let seen = server.seen();
    let mut lines: Vec<_> = seen.iter().map(|request| request.line.as_str()).collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "POST /below/gewe/v2/api/login/checkOnline",
            "POST /below/gewe/v2/api/personal/getProfile",
            "POST /below/gewe/v2/api/sns/contactsSnsList",
            "POST /below/gewe/v2/api/sns/sendImgSns",
            "POST /below/gewe/v2/api/sns/sendTextSns",
            "POST /below/gewe/v2/api/sns/sendVideoSns",
            "POST /below/gewe/v2/api/sns/snsList",
            "POST /below/gewe/v2/api/sns/uploadSnsImage",
            "POST /below/gewe/v2/api/sns/uploadSnsVideo",
        ]
    );
    for request in seen {
        assert_eq!(request.header("x-gewe-token"), Some(TOKEN), "{}", request.line);
        assert_eq!(request.json()["appId"], APP, "{}", request.line);
        assert!(!request.text().contains(TOKEN) && !request.text().contains("\\u"), "{}", request.text());
        assert!(request.header("content-length").is_some() && request.header("transfer-encoding").is_none());
    }
}

#[tokio::test]
async fn gateway_client_can_use_another_token() {
    let server = Server::answering(200, success(json!(true))).await;
    let mine = client(&server);
    let other = mine.with_token(SecretString::from("other"));
    assert!(mine.check_online(APP).await.unwrap() && other.check_online(APP).await.unwrap());
    let seen = server.seen();
    let tokens: Vec<_> = seen.iter().map(|request| request.header("x-gewe-token").unwrap()).collect();
    assert_eq!(tokens, [TOKEN, "other"]);
    assert_eq!(seen[0].peer, seen[1].peer, "over the same connection");

    let broken = mine.with_token(SecretString::from("a\r\nb"));
    assert_eq!(broken.send_text(APP, TEXT).await.unwrap_err().kind, FailureKind::BadCredentials);
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn gateway_upload_names_addresses() {
    let urls = ["https://m.example.com/1.jpg".to_owned(), "https://m.example.com/图.png".to_owned()];
    let server = Server::answering(200, success(json!([image(1), image(2)]))).await;
    let images = client(&server).upload_images(APP, &urls).await.unwrap();
    assert_eq!(images, [raw(image(1)), raw(image(2))]);
    assert_eq!(server.only_request().json(), json!({"appId": APP, "imgUrls": urls}));

    let server = Server::answering(200, success(image(3))).await;
    let video = client(&server).upload_video(APP, "https://m/t.jpg", "https://m/v.mp4").await.unwrap();
    assert_eq!(video, raw(image(3)));
    let expected = json!({"appId": APP, "thumbUrl": "https://m/t.jpg", "videoUrl": "https://m/v.mp4"});
    assert_eq!(server.only_request().json(), expected);
}

#[tokio::test]
async fn gateway_send_has_only_the_chosen_kind_and_objects_unchanged() {
    let answer =
        success(json!({"id": 14_384_012_345_678_756_671_u64, "userName": "wxid_1", "createTime": 1_704_163_145}));
    let server = Server::answering(200, answer).await;
    let gateway = client(&server);
    let images = [raw(image(1)), raw(image(2))];
    // What was stored in between comes back the same.
    let stored = serde_json::to_string(&images).unwrap();
    let images: Vec<RawObject> = serde_json::from_str(&stored).unwrap();
    let video = raw(image(3));

    for post in [
        gateway.send_text(APP, TEXT).await.unwrap(),
        gateway.send_images(APP, TEXT, &images).await.unwrap(),
        gateway.send_images(APP, "", &images).await.unwrap(),
        gateway.send_video(APP, TEXT, &video).await.unwrap(),
        gateway.send_video(APP, "", &video).await.unwrap(),
    ] {
        let wxid = "wxid_1".to_owned();
        assert_eq!(post, Post { id: "14384012345678756671".to_owned(), wxid, create_time: Some(1_704_163_145) });
    }
    let bodies: Vec<_> = server.seen().iter().map(|request| request.json()).collect();
    assert_eq!(
        bodies,
        [
            json!({"appId": APP, "content": TEXT}),
            json!({"appId": APP, "content": TEXT, "imgInfos": [image(1), image(2)]}),
            json!({"appId": APP, "imgInfos": [image(1), image(2)]}),
            json!({"appId": APP, "content": TEXT, "videoInfo": image(3)}),
            json!({"appId": APP, "videoInfo": image(3)}),
        ]
    );
    assert!(server.seen()[0].text().contains("早安🌸"));
}

#[tokio::test]
async fn gateway_list_page_is_requested_by_the_exact_id() {
    let server = Server::answering(200, success(json!({"snsList": []}))).await;
    let gateway = client(&server);
    let end = |max_id: &str| PageEnd { max_id: max_id.to_owned(), first_page_md5: "0f34".to_owned() };
    let exact = end("14384012345678756671");
    gateway.list(APP, List::Feed, None).await.unwrap();
    gateway.list(APP, List::Feed, Some(&exact)).await.unwrap();
    gateway.list(APP, List::Of("wxid_1"), None).await.unwrap();
    gateway.list(APP, List::Of("wxid_1"), Some(&exact)).await.unwrap();
    for id in ["", "mom1", "-1", "184467440737095516150"] {
        let refused = gateway.list(APP, List::Feed, Some(&end(id))).await.unwrap_err();
        assert_eq!(refused.kind, FailureKind::NotFound, "{id}");
    }
    let bodies: Vec<_> = server.seen().iter().map(|request| request.json()).collect();
    let first = json!({"appId": APP, "maxId": 0, "decrypt": true, "firstPageMd5": ""});
    let second =
        json!({"appId": APP, "maxId": 14_384_012_345_678_756_671_u64, "decrypt": true, "firstPageMd5": "0f34"});
    let of = |mut question: Value| {
        question["wxid"] = "wxid_1".into();
        question
    };
    assert_eq!(bodies, [first.clone(), second.clone(), of(first), of(second)]);
    assert!(server.seen()[1].text().contains("\"maxId\":14384012345678756671"));
}
