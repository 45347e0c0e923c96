//! Posting in two steps, and reading back.

use super::*;
use crate::gewe::{DeviceState, GeweEndpoint as E, XmlStyle};
use crate::media::{Delivery, SampleMedium};

impl Scenario {
    async fn upload(&self, urls: &[String]) -> Value {
        self.call(E::UploadImage, PHONE, json!({"imgUrls": urls})).await
    }

    fn picture(&self, name: &str) -> String {
        self.sandbox.media().put_file(name, MediaFile::jpeg(640, 480))
    }
}

#[tokio::test]
async fn gewe_post_ids_above_2_to_the_63_are_bare_numbers() {
    let scene = Scenario::start().await;
    let raw =
        scene.request(E::SendText).json(&json!({"appId": scene.gewe().device(PHONE).unwrap().app_id, "content": "a"}));
    let raw = raw.send().await.unwrap().text().await.unwrap();
    let truth = scene.gewe().published_posts()[0].id;
    assert!(truth > i64::MAX as u64 && raw.contains(&format!("\"id\":{truth},")), "{raw}");
    let answer: Value = serde_json::from_str(&raw).unwrap();
    assert_eq!(answer["data"]["id"].as_u64(), Some(truth));
    assert_eq!(scene.list(PHONE).await[0]["id"].as_u64(), Some(truth));

    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a client that does"
    )]
    let rounded = truth as f64 as u64;
    assert_eq!(failure(&scene.call(E::Delete, PHONE, json!({"snsId": rounded})).await), ("删除朋友圈失败", None));
    assert_eq!(scene.call(E::Delete, PHONE, json!({"snsId": truth})).await, json!({"ret": 200, "msg": "操作成功"}));
    assert!(scene.list(PHONE).await.is_empty());
    assert!(scene.gewe().published_posts()[0].deleted, "removed, and yet it was published");
}

#[tokio::test]
async fn gewe_image_upload_fetches_first_and_is_returned_unchanged() {
    let scene = Scenario::start().await;
    let urls = ["a.jpg", "b.jpg", "c.jpg"].map(|name| scene.picture(name));
    let uploaded = scene.upload(&urls).await;
    assert_eq!(["a.jpg", "b.jpg", "c.jpg"].map(|name| scene.sandbox.media().hits(name)), [1, 1, 1], "really fetched");
    let images = uploaded["data"].as_array().unwrap().clone();
    let size = MediaFile::jpeg(640, 480).generate("a.jpg").len();
    assert_eq!(
        (&images[0]["width"], &images[0]["height"], &images[0]["length"]),
        (&json!(640), &json!(480), &json!(size))
    );
    assert_ne!(images[0]["fileMd5"], images[1]["fileMd5"]);

    let send = async |device: &str, images: Value| {
        scene.call(E::SendImage, device, json!({"imgInfos": images, "content": "三张"})).await
    };
    let changed = |field: &str, value: Value| {
        let mut image = images[0].clone();
        image[field] = value;
        json!([image])
    };
    let mut incomplete = images[0].clone();
    incomplete.as_object_mut().unwrap().remove("width");
    for (wrong, detail) in [
        (json!([]), None),
        (changed("fileMd5", json!("0")), Some("文件信息与上传结果不一致")),
        (changed("width", json!(641)), Some("文件信息与上传结果不一致")),
        (changed("fileUrl", json!(urls[0])), Some("文件不存在，请先上传")),
        (json!([incomplete]), Some("文件信息与上传结果不一致")),
        (json!(vec![images[0].clone(); 10]), Some("imgInfos最多9张")),
        (json!("x"), Some("imgInfos格式错误")),
    ] {
        assert_eq!(failure(&send(PHONE, wrong.clone()).await).1, detail, "{wrong}");
    }
    assert_eq!(failure(&send("phone-2", json!(images)).await).1, Some("文件不存在，请先上传"), "another device's");
    let mut without_length = images.clone();
    without_length[0].as_object_mut().unwrap().remove("length");
    let sent = send(PHONE, json!(without_length)).await;
    assert_eq!(sent["ret"], 200, "{sent}");
    let device = scene.gewe().device(PHONE).unwrap();
    assert_eq!((&sent["data"]["userName"], &sent["data"]["nickName"]), (&json!(device.wxid), &json!(device.nickname)));
    assert_eq!(sent["data"]["createTime"], scene.sandbox.clock().now().as_second());
    let posts = scene.gewe().posts_of(PHONE);
    assert_eq!((posts.len(), posts[0].media, posts[0].text.as_str()), (1, 3, "三张"));
    assert_eq!(scene.sandbox.journal().publications_of(PHONE).len(), 1);
}

#[tokio::test]
async fn gewe_upload_of_what_cannot_be_fetched_is_refused() {
    let scene = Scenario::start().await;
    scene.gewe().configure(|settings| {
        settings.download_timeout_milliseconds = 1000;
        settings.download_limit_bytes = 100_000;
    });
    let media = scene.sandbox.media();
    let good = scene.picture("good.jpg");
    let picture = || SampleMedium::new(MediaFile::jpeg(64, 64).sized(50_000));
    let table = [
        (media.put("missing.jpg", SampleMedium::status(404)), "文件下载失败"),
        ("http://127.0.0.1:1/closed.jpg".to_owned(), "文件下载失败"),
        ("no address".to_owned(), "文件下载失败"),
        (media.put("silent.jpg", picture().delivered(Delivery::Silent)), "文件下载失败"),
        (media.put("cut.jpg", picture().delivered(Delivery::Truncated { bytes: 1000 })), "文件下载失败"),
        (media.put("endless.jpg", picture().delivered(Delivery::Endless)), "文件下载失败"),
        (media.put("page.jpg", SampleMedium::html_as_image()), "图片格式错误"),
        (media.put_file("video.jpg", MediaFile::mp4(1000)), "图片格式错误"),
    ];
    for (url, detail) in table {
        let answer = scene.upload(&[good.clone(), url.clone()]).await;
        assert_eq!(failure(&answer), ("上传朋友圈图片失败", Some(detail)), "{url}");
    }
    let redirected = media.put("moved.jpg", SampleMedium::redirect(good));
    assert_eq!(scene.upload(&[redirected]).await["ret"], 200, "redirects are followed");
    let none = scene.call(E::UploadImage, PHONE, json!({"imgUrls": []})).await;
    assert_eq!(none, json!({"ret": 500, "msg": "imgUrls不可为空"}));
}

#[tokio::test]
async fn gewe_posts_of_videos_and_links_are_listed() {
    let scene = Scenario::start().await;
    let video = scene.sandbox.media().put_file("v.mp4", MediaFile::mp4(8000));
    let thumb = scene.picture("v.jpg");
    let swapped = scene.call(E::UploadVideo, PHONE, json!({"videoUrl": thumb, "thumbUrl": video})).await;
    assert_eq!(failure(&swapped).1, Some("图片格式错误"));
    let uploaded = scene.call(E::UploadVideo, PHONE, json!({"videoUrl": video, "thumbUrl": thumb})).await;
    assert!(uploaded["data"]["fileUrl"].is_string() && uploaded["data"].get("width").is_none(), "{uploaded}");
    let sent = scene.call(E::SendVideo, PHONE, json!({"videoInfo": uploaded["data"], "content": "v"})).await;
    assert_eq!(sent["ret"], 200, "{sent}");
    let as_image = scene.call(E::SendImage, PHONE, json!({"imgInfos": [uploaded["data"]]})).await;
    assert_eq!(failure(&as_image).1, Some("文件不存在，请先上传"));
    let link =
        json!({"title": "标题", "description": "d", "linkUrl": "https://example.com/?a=1&b=2", "thumbUrl": thumb});
    assert_eq!(scene.call(E::SendLink, PHONE, link).await["ret"], 200);
    let xmls: Vec<String> =
        scene.list(PHONE).await.iter().map(|item| item["snsXml"].as_str().unwrap().to_owned()).collect();
    assert!(xmls[0].contains("https://example.com/?a=1&") && xmls[0].contains("标题"), "{}", xmls[0]);
    assert!(xmls[1].contains("snsvideodownload"), "{}", xmls[1]);
}

#[tokio::test]
async fn gewe_list_goes_back_page_by_page_with_text_in_both_forms() {
    let scene = Scenario::start().await;
    for number in 0..23 {
        scene.post_text(&format!("第{number}条 <b>&\n末行")).await;
        scene.call(E::SendText, "phone-2", json!({"content": "somebody else"})).await;
    }
    let own = scene.gewe().device(PHONE).unwrap().wxid;
    let (mut max_id, mut ids, mut sizes, mut forms) = (json!(0), Vec::new(), Vec::new(), [0, 0]);
    let mut first_page = json!("");
    loop {
        let question = json!({"wxid": own, "maxId": max_id, "decrypt": true, "firstPageMd5": first_page});
        let answer = scene.call(E::ContactList, PHONE, question).await;
        first_page = answer["data"]["firstPageMd5"].clone();
        let page = answer["data"]["snsList"].as_array().unwrap();
        if page.is_empty() {
            break;
        }
        assert_eq!(
            (&answer["data"]["snsCount"], &answer["data"]["maxId"]),
            (&json!(page.len()), &page[page.len() - 1]["id"])
        );
        for item in page {
            let number = 22 - ids.len();
            let xml = item["snsXml"].as_str().unwrap();
            let cdata = xml.contains(&format!("<contentDesc><![CDATA[第{number}条 <b>&\n末行]]></contentDesc>"));
            let escaped = xml.contains(&format!("<contentDesc>第{number}条 &lt;b&gt;&amp;&#x0A;末行</contentDesc>"));
            assert!(cdata != escaped && item["likeList"].is_null(), "{xml}");
            forms[usize::from(escaped)] += 1;
            ids.push(item["id"].as_u64().unwrap());
        }
        sizes.push(page.len());
        max_id = answer["data"]["maxId"].clone();
    }
    assert_eq!(sizes, [10, 10, 3]);
    assert!(ids.is_sorted_by(|one, next| one > next) && forms.iter().all(|count| *count > 5), "{forms:?}");
    assert!(scene.sandbox.journal().violations().is_empty());
    scene.call(E::List, PHONE, json!({"maxId": max_id, "firstPageMd5": ""})).await;
    let noted = scene.sandbox.journal().violations().pop().unwrap().violations;
    assert_eq!(noted, ["a later page without the firstPageMd5 of the first one"]);
    scene.gewe().configure(|settings| settings.xml = XmlStyle::Cdata);
    assert!(scene.list(PHONE).await.iter().all(|item| item["snsXml"].as_str().unwrap().contains("CDATA")));
}

#[tokio::test]
async fn gewe_list_can_delay_shadow_and_add_manual_posts() {
    let scene = Scenario::start().await;
    scene.gewe().configure(|settings| settings.list_delay_seconds = 30);
    scene.post_text("late").await;
    assert!(scene.list(PHONE).await.is_empty(), "posted, and not listed yet");
    scene.advance(30);
    assert_eq!(scene.list(PHONE).await.len(), 1);

    scene.gewe().configure(|settings| settings.list_delay_seconds = 0);
    scene.gewe().shadow(PHONE, true);
    assert_eq!(scene.post_text("seen by nobody").await["ret"], 200);
    assert_eq!(scene.list(PHONE).await.len(), 2, "its author sees it");
    let posts = scene.gewe().posts_of(PHONE);
    assert_eq!((posts[0].shadowed, posts[1].shadowed), (false, true));

    scene.gewe().post_by_hand(PHONE, "late").unwrap();
    assert_eq!(scene.list(PHONE).await.len(), 3);
    assert!(scene.gewe().posts_of(PHONE)[2].by_hand);
    assert_eq!(scene.sandbox.journal().publications().len(), 2, "by hand is nobody's publication");
    scene.gewe().set_state(PHONE, DeviceState::Offline);
    assert_eq!(failure(&scene.call(E::List, PHONE, json!({})).await).1, Some("微信已离线"));
}

/// The authors of a list, newest post first.
fn authors(answer: &Value) -> Vec<&str> {
    let items = answer["data"]["snsList"].as_array().unwrap_or_else(|| panic!("{answer}"));
    items.iter().map(|item| item["userName"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn gewe_feed_has_posts_of_friends_and_can_be_limited_to_a_person() {
    let scene = Scenario::start().await;
    let wxid = |device: &str| scene.gewe().device(device).unwrap().wxid;
    let (mine, other) = (wxid(PHONE), wxid("phone-2"));
    scene.post_text("same").await;
    scene.call(E::SendText, "phone-2", json!({"content": "same"})).await;
    let stranger = scene.gewe().post_by_friend("小李", "same").unwrap();
    assert_eq!(scene.gewe().post_by_friend("phone-1", "same"), None, "a device is no such friend");
    assert_eq!(scene.gewe().published_posts().len(), 2, "what friends do is not ours");
    assert_eq!(scene.sandbox.journal().publications().len(), 2);

    let feed = scene.call(E::List, PHONE, json!({})).await;
    let theirs = authors(&feed)[0].to_owned();
    assert_eq!(authors(&feed), [&*theirs, &*other, &*mine]);
    let of = async |wxid: &str| scene.call(E::ContactList, PHONE, json!({"wxid": wxid})).await;
    for wxid in [&mine, &other, &theirs] {
        assert_eq!(authors(&of(wxid).await), [wxid]);
    }
    assert!(authors(&of("wxid_nobody").await).is_empty());
    let one = scene.call(E::Details, PHONE, json!({"snsId": stranger})).await;
    assert_eq!((&one["data"]["userName"], one["data"]["id"].as_u64()), (&json!(theirs), Some(stranger)));
    assert_eq!(failure(&scene.call(E::Details, PHONE, json!({"snsId": 7})).await), ("朋友圈详情失败", None));
    let none = scene.call(E::ContactList, PHONE, json!({})).await;
    assert_eq!(none, json!({"ret": 500, "msg": "wxid不可为空"}));

    scene.gewe().shadow("phone-2", true);
    scene.call(E::SendText, "phone-2", json!({"content": "seen by nobody"})).await;
    assert_eq!(authors(&scene.call(E::List, PHONE, json!({})).await).len(), 3);
    scene.gewe().configure(|settings| settings.devices_are_friends = false);
    assert_eq!(authors(&scene.call(E::List, PHONE, json!({})).await), [&*theirs, &*mine]);

    scene.gewe().configure(|settings| (settings.list_delay_seconds, settings.contact_list_delay_seconds) = (30, 60));
    scene.post_text("late").await;
    let shown = async || {
        let feed = scene.call(E::List, PHONE, json!({})).await;
        (authors(&feed).len(), authors(&of(&mine).await).len())
    };
    assert_eq!(shown().await, (2, 1));
    scene.advance(30);
    assert_eq!(shown().await, (3, 1));
    scene.advance(30);
    assert_eq!(shown().await, (3, 2));
    scene.gewe().configure(|settings| settings.contact_list_empty = true);
    assert_eq!(shown().await, (3, 0));
}
