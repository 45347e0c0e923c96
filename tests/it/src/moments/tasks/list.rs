//! Row 12: the tasks, newest first, in pages.

use anyhow::Result;
use sandbox::media::MediaFile;
use serde_json::{Value, json};

use crate::contract::assert_enveloped;
use crate::moments::contract::{USER, about, later, now, post, world};
use crate::{Answer, Event, World};

async fn list(world: &World, query: &[(&str, &str)]) -> Result<Answer> {
    world.call_as(USER, Event::sample("moment-tasks")?.query(query)).await
}

#[tokio::test]
async fn task_list_is_newest_first_page_by_page() -> Result<()> {
    let world = world().await?;
    let empty = json!({"records": [], "total": 0, "size": 10, "current": 1, "pages": 0});
    assert_enveloped(&list(&world, &[]).await?, 200, &empty);

    let device = world.connect_device(USER, "phone").await?;
    let image = world.sandbox.media().put_file("a.jpg", MediaFile::jpeg(80, 80));
    let mut records = Vec::new();
    for number in 0..12 {
        let (created, time) = (now(&world), later(&world, 86_400 + number));
        let text = format!("第 {number} 条");
        let body = json!({"text": text, "mediaUrls": [image], "accountIds": [device], "scheduledTime": time});
        let task = post(&world, &body).await?;
        records.insert(
            0,
            json!({
                "syncTaskId": task, "contentId": null, "text": text, "mediaUrls": [image], "status": "PENDING",
                "createTime": created, "updateTime": created, "scheduledTime": time,
            }),
        );
        world.advance(std::time::Duration::from_secs(1));
    }
    let page = |all: &[Value], page: usize, size: usize| {
        let records: Vec<&Value> = all.iter().skip((page - 1) * size).take(size).collect();
        let pages = all.len().div_ceil(size);
        json!({"records": records, "total": all.len(), "size": size, "current": page, "pages": pages})
    };
    assert_enveloped(&list(&world, &[]).await?, 200, &page(&records, 1, 10));
    assert_enveloped(&list(&world, &[("page", "2")]).await?, 200, &page(&records, 2, 10));
    assert_enveloped(&list(&world, &[("page", "3")]).await?, 200, &page(&records, 3, 10));
    assert_enveloped(&list(&world, &[("page", "4"), ("size", "3")]).await?, 200, &page(&records, 4, 3));
    assert_enveloped(&list(&world, &[("size", "100")]).await?, 200, &page(&records, 1, 100));
    assert_enveloped(&list(&world, &[("size", "1"), ("page", "12")]).await?, 200, &page(&records, 12, 1));

    // Every third is called off; filters count what they let through.
    let mut cancelled = Vec::new();
    for record in records.iter_mut().step_by(3) {
        let answer = about(&world, "moment-task-cancel", record["syncTaskId"].as_u64().unwrap()).await?;
        assert_eq!(answer.status, 200, "{answer:?}");
        (record["status"], record["updateTime"]) = ("CANCELLED".into(), now(&world).into());
        cancelled.push(record.clone());
    }
    let pending: Vec<Value> = records.iter().filter(|record| record["status"] == "PENDING").cloned().collect();
    assert_enveloped(&list(&world, &[]).await?, 200, &page(&records, 1, 10));
    assert_enveloped(&list(&world, &[("status", "CANCELLED")]).await?, 200, &page(&cancelled, 1, 10));
    let second = [("status", "PENDING"), ("size", "5"), ("page", "2")];
    assert_enveloped(&list(&world, &second).await?, 200, &page(&pending, 2, 5));
    for status in ["PROCESSING", "COMPLETED", "PARTIAL_SUCCESS", "FAILED"] {
        assert_enveloped(&list(&world, &[("status", status)]).await?, 200, &empty);
    }
    Ok(())
}
