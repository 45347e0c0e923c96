//! Files for moments.

use super::*;
use crate::wecom::{FileKind, WecomEndpoint as E};

#[tokio::test]
async fn wecom_upload_is_for_its_kind_and_purpose() {
    let scene = Scenario::start().await;
    let image = MediaFile::jpeg(640, 480).generate("a");
    let table: [(&[(&str, &str)], i64); 7] = [
        (&[("media_type", "image"), ("attachment_type", "1")], 0),
        (&[("media_type", "image"), ("attachment_type", "2")], 0),
        (&[("media_type", "image")], 40_058),
        (&[("media_type", "image"), ("attachment_type", "3")], 40_058),
        (&[("media_type", "voice"), ("attachment_type", "1")], 40_005),
        (&[("media_type", "file"), ("attachment_type", "1")], 40_005),
        (&[("media_type", "video"), ("attachment_type", "1")], 41_090),
    ];
    for (query, expected) in table {
        let answer = scene.upload_to(E::UploadAttachment, query, &image).await;
        assert_eq!(code(&answer), expected, "{query:?}");
        assert_eq!(answer["media_id"].as_str().unwrap().is_empty(), expected != 0);
        assert!(answer["created_at"].is_number());
    }
    let empty = scene.upload_to(E::UploadAttachment, &[("media_type", "image"), ("attachment_type", "1")], b"").await;
    assert_eq!(code(&empty), 44_001);
    let uploads = scene.wecom().uploads();
    assert_eq!(uploads.len(), 2);
    assert_eq!(
        (uploads[0].kind, uploads[0].bytes, uploads[0].pixels),
        (FileKind::Image, image.len(), Some((640, 480)))
    );
}

#[tokio::test]
async fn wecom_moment_takes_only_fresh_ids_of_its_purpose() {
    let scene = Scenario::start().await;
    let file = MediaFile::jpeg(64, 48).generate("a");
    let attach = [("media_type", "image"), ("attachment_type", "1")];
    let good = scene.image().await;
    let plain = scene.upload_to(E::Upload, &[("type", "image")], &file).await;
    assert!(plain["created_at"].is_string(), "written differently there");
    let product = scene.upload_to(E::UploadAttachment, &[attach[0], ("attachment_type", "2")], &file).await;
    let other = Scenario { token: scene.wecom().issue_token("corp-2").unwrap(), ..scene };
    let foreign = other.upload_to(E::UploadAttachment, &attach, &file).await;
    let scene = Scenario { token: other.wecom().issue_token(CORP).unwrap(), ..other };
    let moment = async |kind: &str, media_id: &str| {
        let body = json!({"attachments": [{"msgtype": kind, kind: {"media_id": media_id}}]});
        code(&scene.post(E::AddMomentTask, &body).await)
    };
    for answer in [&plain, &product, &foreign] {
        assert_eq!(moment("image", text(answer, "/media_id")).await, 40_007);
        assert_eq!(scene.last(E::AddMomentTask).violations, ["a media_id that is unknown, too old or from elsewhere"]);
    }
    assert_eq!(moment("video", &good).await, 40_007, "it is a picture");
    assert_eq!(moment("image", &good).await, 0);
    scene.advance(3 * 86_400 - 1);
    let scene = Scenario { token: scene.wecom().issue_token(CORP).unwrap(), ..scene };
    let moment = async |media_id: &str| {
        let body = json!({"attachments": [{"msgtype": "image", "image": {"media_id": media_id}}]});
        code(&scene.post(E::AddMomentTask, &body).await)
    };
    assert_eq!(moment(&good).await, 0, "used again");
    scene.advance(1);
    assert_eq!(moment(&good).await, 40_007, "three days old");
}

#[tokio::test]
async fn wecom_upload_form_of_the_http_library_is_proper() {
    let scene = Scenario::start().await;
    scene.image().await;
    assert!(scene.sandbox.journal().violations().is_empty());
    let video = MediaFile::mp4(12_000).sized(10 * 1024 * 1024).generate("a");
    let query = [("media_type", "video"), ("attachment_type", "1")];
    assert_eq!(code(&scene.upload_to(E::UploadAttachment, &query, &video).await), 0);
    let raw = scene.http.post(scene.url(E::UploadAttachment)).query(&query).body(vec![1; 64]);
    let answer: Value = raw.send().await.unwrap().json().await.unwrap();
    assert_eq!(code(&answer), 44_001);
    assert_eq!(scene.last(E::UploadAttachment).violations, ["not a readable multipart form"]);
}
