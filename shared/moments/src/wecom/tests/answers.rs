//! The wire, answer by answer.

use serde_json::{Value, json};

use super::*;
use crate::provider::{Detail, FailureKind, RateWindow};

#[tokio::test]
async fn wecom_job_is_running_done_or_failed() {
    let failed = |code, kind| {
        JobState::Failed(ProviderError {
            kind,
            provider: crate::provider::Provider::Wecom,
            endpoint: "externalcontact/add_moment_task",
            code: Some(code),
            detail: None,
        })
    };
    let done = |invalid: &[&str]| JobState::Done {
        moment_id: "momA".to_owned(),
        invalid_senders: invalid.iter().map(|id| (*id).to_owned()).collect(),
    };
    let ok = json!({"errcode": 0, "errmsg": "ok", "moment_id": "momA"});
    let with = |field: &str, value: Value| {
        let mut body = ok.clone();
        body[field] = value;
        body
    };
    for (status, result, state) in [
        (json!(1), json!(null), JobState::Running),
        (json!(2), json!({"errcode": 0}), JobState::Running),
        (json!(2), ok.clone(), JobState::Running),
        (json!("1"), json!({"errcode": 40201}), JobState::Running),
        (json!(3), ok.clone(), done(&[])),
        (json!(3), json!({"moment_id": "momA"}), done(&[])),
        (json!(3), with("invalid_sender_list", json!(null)), done(&[])),
        (json!(3), with("invalid_sender_list", json!({"department_list": [2]})), done(&[])),
        (json!(3), with("invalid_sender_list", json!({"user_list": null})), done(&[])),
        (json!(3), with("invalid_sender_list", json!({"user_list": ["lisi"], "department_list": []})), done(&["lisi"])),
        (json!(3), with("errcode", json!(40201)), failed(40201, FailureKind::ContentRejected)),
        // It failed inside, and does not say before or after the moment was made.
        (json!(3), json!({"errcode": -1}), failed(-1, FailureKind::OutcomeUnknown)),
        (json!(3), json!({"errcode": 81013}), failed(81013, FailureKind::TargetInvalid)),
        (json!(3), json!({"errcode": 41078}), failed(41078, FailureKind::Retry)),
        (json!(3), json!({"errcode": 45009}), failed(45009, FailureKind::RateLimited { window: RateWindow::Minute })),
    ] {
        let body = json!({"errcode": 0, "errmsg": "ok", "status": status, "type": "add_moment_task", "result": result});
        let server = Server::answering(200, &body).await;
        let answer = client(&server).job_result(&token(), &JobId("job-1".to_owned())).await.unwrap();
        assert_eq!(answer, state, "{body}");
    }
}

#[tokio::test]
async fn wecom_answer_without_its_required_field_is_unreadable() {
    for body in [
        json!({"errcode": 0}),
        json!({"errcode": 0, "status": 3}),
        json!({"errcode": 0, "status": 3, "result": {"errcode": 0}}),
        json!({"errcode": 0, "status": 3, "result": {"errcode": 0, "moment_id": ""}}),
        json!({"errcode": 0, "status": 3, "result": {"errcode": "soon", "moment_id": "momA"}}),
        json!({"errcode": 0, "status": 4, "result": {"moment_id": "momA"}}),
        json!({"errcode": 0, "status": null, "jobid": "", "media_id": null, "access_token": "", "expires_in": 7200}),
        json!({"errcode": 0, "jobid": {}, "media_id": "m", "access_token": "t", "moment_list": {}, "task_list": "x"}),
        json!({"errcode": 0, "moment_list": [{"create_time": 1}], "task_list": [{"userid": "a"}], "follow_user": [1]}),
        json!({"errcode": 0, "userid": "a", "task_list": [{"publish_status": 1}]}),
    ] {
        let server = Server::answering(200, &body).await;
        for (endpoint, result) in call_all(&client(&server)).await {
            if endpoint == Endpoint::CancelMomentTask {
                // Its success says nothing more than that.
                assert!(result.is_ok(), "{body}");
                continue;
            }
            let error = result.unwrap_err();
            let kind = if endpoint.is_repeatable() { FailureKind::Retry } else { FailureKind::OutcomeUnknown };
            assert_eq!((error.kind, error.detail), (kind, Some(Detail::Unreadable)), "{endpoint} {body}");
        }
    }
}

#[tokio::test]
async fn wecom_moment_is_read_in_the_old_and_the_new_form() {
    let list = json!([
        {
            "moment_id": "mom1", "creator": "zhangsan", "create_time": "1605000000", "create_type": 1,
            "visible_type": 1, "text": {"content": "早安🌸"},
            "image": [{"media_id": "i1"}, {"media_id": "i2"}], "location": {"name": "广州"},
        },
        {"moment_id": "mom2", "create_time": 1_605_000_001, "create_type": 0, "video": {"media_id": "v", "thumb_media_id": "t"}},
        {"moment_id": "mom3", "text": null, "image": null, "video": null, "link": {"title": "t", "url": "u"}},
        {"moment_id": "mom4", "create_time": "?", "create_type": "0", "text": {}, "image": [], "video": {}},
        {"moment_id": "mom5", "text": {"content": ""}, "image": [{"media_id": ""}], "video": {"media_id": "", "thumb_media_id": ""}},
        {"moment_id": "mom6", "image": [{"media_id": "i"}, {}], "video": {"media_id": null}},
    ]);
    let item = |id: &str, create_time, text: &str, image_count, has_video, by_corp| MomentItem {
        moment_id: id.to_owned(),
        create_time,
        text: text.to_owned(),
        image_count,
        has_video,
        by_corp,
    };
    let server = Server::answering(200, json!({"errcode": 0, "next_cursor": "", "moment_list": list})).await;
    let moments = client(&server).moment_list(&token(), 0, 1).await.unwrap();
    assert!(
        moments
            == [
                item("mom1", Some(1_605_000_000), "早安🌸", 2, false, false),
                item("mom2", Some(1_605_000_001), "", 0, true, true),
                item("mom3", None, "", 0, false, true),
                item("mom4", None, "", 0, false, true),
                item("mom5", None, "", 0, false, true),
                item("mom6", None, "", 1, false, true),
            ],
        "{moments:?}"
    );
    for empty in [json!({"moment_list": []}), json!({"moment_list": null, "next_cursor": null})] {
        let server = Server::answering(200, empty).await;
        assert!(client(&server).moment_list(&token(), 0, 1).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn wecom_list_that_is_read_in_part_is_an_error() {
    let endless =
        Server::answering(200, json!({"errcode": 0, "next_cursor": "c", "moment_list": [], "task_list": []})).await;
    let wecom = client(&endless);
    for error in
        [wecom.moment_list(&token(), 0, 1).await.unwrap_err(), wecom.member_status(&token(), "mom1").await.unwrap_err()]
    {
        assert_eq!((error.kind, error.detail), (FailureKind::Retry, Some(Detail::TooLong)));
    }
    assert_eq!(endless.seen().len(), 200);

    let second_fails = |seen: &crate::provider::testing::Seen| {
        let body = if seen.json()["cursor"].is_null() {
            json!({"errcode": 0, "next_cursor": "c", "task_list": [{"userid": "a", "publish_status": 1}]})
        } else {
            json!({"errcode": 41079, "errmsg": "moment dispatching", "task_list": []})
        };
        axum::http::Response::new(body.to_string().into())
    };
    let server = Server::making(second_fails).await;
    let error = client(&server).member_status(&token(), "mom1").await.unwrap_err();
    assert_eq!((error.kind, error.code), (FailureKind::Retry, Some(41079)));
}

#[tokio::test]
async fn wecom_member_is_published_only_with_status_one() {
    let list = json!([
        {"userid": "a", "publish_status": 1}, {"userid": "b", "publish_status": 0},
        {"userid": "c", "publish_status": "1"}, {"userid": "d", "publish_status": 2},
    ]);
    let server = Server::answering(200, json!({"errcode": 0, "task_list": list})).await;
    let members = client(&server).member_status(&token(), "mom1").await.unwrap();
    let published: Vec<_> = members.iter().map(|(id, published)| (id.as_str(), *published)).collect();
    assert_eq!(published, [("a", true), ("b", false), ("c", true), ("d", false)]);
}

#[tokio::test]
async fn wecom_member_is_read_with_and_without_a_name() {
    for (status, name, expected) in [
        (json!(1), json!("张三"), ("张三", MemberStatus::Active)),
        (json!(2), json!("张三"), ("张三", MemberStatus::Disabled)),
        (json!("4"), json!(""), ("ZhangSan", MemberStatus::NotActivated)),
        (json!(5), json!(null), ("ZhangSan", MemberStatus::Left)),
        (json!(3), json!("张三"), ("张三", MemberStatus::Unknown)),
    ] {
        let body = json!({"errcode": 0, "userid": "ZhangSan", "name": name, "status": status, "department": [1]});
        let server = Server::answering(200, &body).await;
        let member = client(&server).user(&token(), "zhangsan").await.unwrap();
        assert_eq!(member.userid, "ZhangSan");
        assert_eq!((member.name.as_str(), member.status), expected, "{body}");
    }
    let server = Server::answering(200, json!({"errcode": 0, "follow_user": ["zhangsan", "lisi"]})).await;
    assert_eq!(client(&server).follow_users(&token()).await.unwrap(), ["zhangsan", "lisi"]);
}
