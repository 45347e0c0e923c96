//! Rows 11 and 12: pages and filters that are none.

use anyhow::Result;

use crate::Event;
use crate::moments::bad_input::{Desk, USER};
use crate::snapshot::ExpectedError;

#[tokio::test]
async fn task_list_query_that_is_invalid_names_its_parameter() -> Result<()> {
    let desk = Desk::open().await?;
    for (name, values, remedy) in [
        (
            "page",
            &["0", "-1", "1.5", "x", "１", "9007199254740992", "99999999999999999999", "1e3", " 1", "0x1"][..],
            "整数",
        ),
        ("size", &["0", "101", "-1", "1.5", "x", "99999999999999999999", "100 "], "整数"),
        (
            "status",
            &["pending", "Completed", "PARTIAL", "DONE", "PENDING,FAILED", "SUCCESS", "0", " PENDING", "已完成"],
            "取值无效，可选值：PENDING、PROCESSING、COMPLETED、PARTIAL_SUCCESS、FAILED、CANCELLED",
        ),
    ] {
        for value in values {
            let event = desk.event("moment-tasks")?.query(&[(name, value)]);
            desk.refuses(&format!("{name}={value}"), &event, &ExpectedError::fields(&[name]), remedy).await?;
        }
        let event = desk.event("moment-tasks")?.query(&[(name, "1"), (name, "1")]);
        desk.refuses(&format!("{name} twice"), &event, &ExpectedError::fields(&[name]), "").await?;
    }
    for (name, value) in [("pageSize", "5"), ("status[]", "PENDING"), ("Status", "PENDING")] {
        let event = desk.event("moment-tasks")?.query(&[(name, value), ("_t", "1")]);
        desk.refuses(name, &event, &ExpectedError::fields(&[name]), "不支持此项").await?;
    }
    Ok(())
}

#[tokio::test]
async fn task_results_query_that_is_invalid_names_its_parameter() -> Result<()> {
    let mut desk = Desk::open().await?;
    let task = desk.grants("one", &desk.post(serde_json::json!({}))?).await?;
    desk.settle().await?;
    let of_task = |query: &[(&str, &str)]| -> Result<Event> {
        Ok(desk.event("moment-task")?.path("taskId", &task.to_string()).query(query))
    };
    for (name, values, remedy) in [
        ("page", &["0", "-1", "1.5", "x", "9007199254740992", "99999999999999999999"][..], "整数"),
        ("size", &["0", "101", "-1", "x"], "整数"),
        (
            "accountStatus",
            &["success", "COMPLETED", "QUEUED", "SUCCESS,FAILED", "0"],
            "取值无效，可选值：PENDING、PROCESSING、SUCCESS、FAILED、CANCELLED",
        ),
    ] {
        for value in values {
            let event = of_task(&[(name, value)])?;
            desk.refuses(&format!("{name}={value}"), &event, &ExpectedError::fields(&[name]), remedy).await?;
        }
        let twice = of_task(&[(name, "1"), (name, "1")])?;
        desk.refuses(&format!("{name} twice"), &twice, &ExpectedError::fields(&[name]), "").await?;
    }
    Ok(())
}

#[tokio::test]
async fn task_list_page_past_the_end_is_empty() -> Result<()> {
    let desk = Desk::open().await?;
    desk.grants("one", &desk.post(serde_json::json!({}))?).await?;
    for page in ["2", "1000000", "9007199254740991"] {
        let event = Event::sample("moment-tasks")?.query(&[("page", page), ("size", "100")]);
        let answer = desk.world.call_as(USER, event).await?;
        let data = answer.data();
        assert_eq!(
            (answer.status, &data["records"], &data["total"]),
            (200, &serde_json::json!([]), &1.into()),
            "{page}"
        );
        assert_eq!(data["current"].to_string(), page);
    }
    // An empty parameter is a field of a form that nobody filled in.
    let event = Event::sample("moment-tasks")?.query(&[("page", ""), ("size", ""), ("status", "")]);
    let answer = desk.world.call_as(USER, event).await?;
    assert_eq!((answer.status, &answer.data()["size"]), (200, &10.into()), "{answer:?}");
    Ok(())
}
