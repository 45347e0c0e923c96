//! The wire, answer by answer.

use super::*;
use crate::provider::{Detail, FailureKind};

#[tokio::test]
async fn gateway_online_answer_is_read_only_as_a_boolean() {
    for (data, online) in
        [(json!(true), Some(true)), (json!(false), Some(false)), (json!("true"), None), (json!({}), None)]
    {
        let server = Server::answering(200, success(data.clone())).await;
        let answer = client(&server).check_online(APP).await;
        assert_eq!(answer.clone().ok(), online, "{data}");
        if let Err(error) = answer {
            assert_eq!((error.kind, error.detail), (FailureKind::Retry, Some(Detail::Unreadable)), "{data}");
        }
    }
}

#[tokio::test]
async fn gateway_profile_may_lack_a_name() {
    for (nickname, expected) in [(json!("小王🌸"), "小王🌸"), (json!(null), "")] {
        let data = json!({"wxid": "wxid_1", "nickName": nickname, "alias": "a", "mobile": "1"});
        let server = Server::answering(200, success(data)).await;
        let profile = client(&server).profile(APP).await.unwrap();
        assert_eq!((profile.wxid.as_str(), profile.nickname.as_str()), ("wxid_1", expected));
    }
}

#[tokio::test]
async fn gateway_post_answer_needs_only_its_id() {
    for (data, id, wxid, create_time) in [
        (
            json!({"id": 9_223_372_036_854_775_808_u64, "userName": "w", "createTime": 7}),
            "9223372036854775808",
            "w",
            Some(7),
        ),
        (json!({"id": "14384012345678756671", "createTime": "7"}), "14384012345678756671", "", Some(7)),
        (json!({"id": 1, "userName": null, "createTime": null, "nickName": "秘密"}), "1", "", None),
    ] {
        for ret in [json!(200), json!(0), json!("200")] {
            let server = Server::answering(200, json!({"ret": ret, "msg": "操作成功", "data": data})).await;
            let expected = Post { id: id.to_owned(), wxid: wxid.to_owned(), create_time };
            assert_eq!(client(&server).send_text(APP, TEXT).await, Ok(expected), "{data}");
        }
    }
}

#[tokio::test]
async fn gateway_answer_without_its_required_field_is_unreadable() {
    for data in [
        json!(null),
        json!(7),
        json!({}),
        json!({"id": null, "wxid": "", "snsList": {}}),
        json!({"id": 1.4384e19, "wxid": null, "snsList": [{"id": 1}]}),
        json!({"id": -1, "snsList": [{"createTime": 1}]}),
        json!({"id": "", "snsList": "none"}),
    ] {
        let server = Server::answering(200, success(data.clone())).await;
        for (endpoint, result) in call_all(&client(&server)).await {
            if endpoint == Endpoint::UploadSnsVideo && data.is_object() {
                // What is in it is the gateway's business.
                assert!(result.is_ok(), "{data}");
                continue;
            }
            let kind = if endpoint.is_repeatable() { FailureKind::Retry } else { FailureKind::OutcomeUnknown };
            let error = result.unwrap_err();
            assert_eq!((error.kind, error.detail), (kind, Some(Detail::Unreadable)), "{endpoint} {data}");
        }
    }
}

#[tokio::test]
async fn gateway_image_post_with_an_image_missing_is_not_sent() {
    let urls = vec!["https://m.example.com/1.jpg".to_owned(); 2];
    for objects in [json!([]), json!([{}]), json!([{}, {}, {}])] {
        let server = Server::answering(200, success(objects.clone())).await;
        let error = client(&server).upload_images(APP, &urls).await.unwrap_err();
        assert_eq!(error.kind, FailureKind::MediaFetchFailed, "{objects}");
    }
    let server = Server::answering(200, success(json!([{}, "text"]))).await;
    assert_eq!(client(&server).upload_images(APP, &urls).await.unwrap_err().kind, FailureKind::Retry);
}

#[tokio::test]
async fn gateway_list_has_posts_with_their_texts() {
    let xml = |text: &str, media: &str| {
        format!(
            "<TimelineObject><id>14384012345678756671</id><username>wxid_1</username><contentDesc>{text}</contentDesc>\
             <ContentObject><contentStyle>1</contentStyle><mediaList>{media}</mediaList></ContentObject></TimelineObject>"
        )
    };
    let list = json!([
        {
            "id": 14_384_012_345_678_756_671_u64, "userName": "wxid_1", "nickName": "秘密", "createTime": 1_704_163_145,
            "snsXml": xml("早安 &amp; 🌸", "<media><id>1</id></media><media/>"), "likeCount": 0, "likeList": null,
            "commentCount": 0, "commentList": null, "withUserCount": 0, "withUserList": null,
        },
        {"id": "7", "createTime": "8", "snsXml": xml("", "")},
        {"id": 8, "userName": "wxid_1", "createTime": 9, "snsXml": "<TimelineObject><contentDesc>cut"},
        {"id": 9, "userName": "wxid_1", "createTime": 10},
    ]);
    let item = |id: &str, wxid: &str, create_time, text: Option<&str>, media_count| PostItem {
        id: id.to_owned(),
        wxid: wxid.to_owned(),
        create_time,
        text: text.map(str::to_owned),
        media_count,
    };
    let data = json!({"firstPageMd5": "m", "maxId": 9, "snsCount": 4, "requestTime": 1, "snsList": list});
    let server = Server::answering(200, success(data)).await;
    let page = client(&server).list(APP, List::Feed, None).await.unwrap();
    let posts = page.posts;
    assert_eq!(page.first_page_md5, "m");
    assert!(
        posts
            == [
                item("14384012345678756671", "wxid_1", 1_704_163_145, Some("早安 & 🌸"), Some(2)),
                item("7", "", 8, Some(""), Some(0)),
                item("8", "wxid_1", 9, None, None),
                item("9", "wxid_1", 10, None, None),
            ],
        "{posts:?}"
    );
    let server = Server::answering(200, success(json!({"snsList": null, "snsCount": 0}))).await;
    assert_eq!(client(&server).list(APP, List::Of("wxid_1"), None).await, Ok(PostPage::default()));
}
