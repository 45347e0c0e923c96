//! Row 10: asking for a post.

use std::time::Duration;

use anyhow::Result;
use sandbox::content::Draft;
use sandbox::media::MediaFile;
use serde_json::{Value, json};

use crate::contract::assert_enveloped;
use crate::contract::shape::shape;
use crate::moments::contract::{USER, later, now, world};

#[tokio::test]
async fn creation_accepted_has_four_fields() -> Result<()> {
    let world = world().await?;
    let device = world.connect_device(USER, "phone").await?;
    let image = world.sandbox.media().put_file("a.jpg", MediaFile::jpeg(80, 80));
    for id in ["7", "草稿-7"] {
        let (content_id, text) = (id.to_owned(), "草稿".to_owned());
        world.sandbox.content().put(Draft { content_id, owner_user_id: USER, text, ..Draft::default() });
    }
    let cases: Vec<(Value, Value)> = vec![
        (json!({"text": "早上好"}), json!(null)),
        (json!({"text": "早上好", "contentId": null, "mediaUrls": null, "scheduledTime": null}), json!(null)),
        (json!({"mediaUrls": [image]}), json!(null)),
        (json!({"text": "早上好", "mediaUrls": [image], "scheduledTime": later(&world, 3_600)}), json!(null)),
        // It comes back as it was written: a number as a number, a text as a text.
        (json!({"contentId": 7}), json!(7)),
        (json!({"contentId": "7"}), json!("7")),
        (json!({"contentId": "草稿-7"}), json!("草稿-7")),
        (json!({"contentId": 7, "text": "自己的文字"}), json!(7)),
    ];
    let mut last = 0;
    for (body, content_id) in cases {
        let answer =
            world.request_post(USER, &crate::moments::contract::with(body, json!({"accountIds": [device]}))).await?;
        let task = answer.data()["syncTaskId"].clone();
        let expected =
            json!({"syncTaskId": task, "contentId": content_id, "status": "PENDING", "createTime": now(&world)});
        assert_enveloped(&answer, 202, &expected);
        assert_eq!((shape(&task), shape(&expected["createTime"])), (json!("integer"), json!("time")));
        assert!(task.as_u64().unwrap() > last, "later tasks have larger ids");
        last = task.as_u64().unwrap();
        world.advance(Duration::from_secs(1));
    }
    Ok(())
}
