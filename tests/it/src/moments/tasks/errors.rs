//! The envelope of each stable error code of these routes, word for word: clients branch on it and people read it.

use anyhow::Result;
use serde_json::{Value, json};

use crate::contract::USER as STRANGER;
use crate::moments::contract::{USER, later, post, with, world};
use crate::proxy::{Fault, Proxy, When};
use crate::{Answer, Event, World};

/// Fails unless the answer is this error and nothing else.
fn assert_error(answer: &Answer, status: u16, message: &str, error: Value) {
    let request = &answer.headers["x-request-id"];
    let expected = json!({
        "code": status, "message": message, "data": null, "error": with(error, json!({ "requestId": request })),
    });
    assert_eq!((answer.status, &answer.body), (status, &expected));
    assert_eq!(answer.headers["content-type"], "application/json; charset=utf-8");
    assert_eq!(answer.headers["cache-control"], "no-store");
}

#[tokio::test]
async fn moments_error_code_has_its_envelope() -> Result<()> {
    let world = world().await?;
    let device = world.connect_device(USER, "phone").await?;
    let sync = Event::sample("moment-sync")?.without_header("idempotency-key");
    let body = json!({"text": "早上好", "accountIds": [device]});
    let refused = async |changes: Value| world.call_as(USER, sync.clone().json(&with(body.clone(), changes))).await;
    let mend = "请按提示修改后重新提交";

    let problem = "账号不存在或不属于当前用户，请重新选择";
    let path = "accountIds[0]";
    assert_error(
        &refused(json!({"accountIds": ["wx0"]})).await?,
        404,
        &format!("请求参数有误。{path}：{problem}"),
        json!({"type": "WECHAT_ACCOUNT_NOT_FOUND", "reason": mend, "fields": [{"path": path, "problem": problem}]}),
    );
    let problem = "文字、图片或视频至少需要一项";
    assert_error(
        &refused(json!({"text": ""})).await?,
        422,
        &format!("请求参数有误。text：{problem}"),
        json!({"type": "MOMENT_SYNC_CREATION_FAILED", "reason": mend, "fields": [{"path": "text", "problem": problem}]}),
    );
    let problem = "不支持此项，请检查拼写或删除，可用项：contentId、text、mediaUrls、accountIds、scheduledTime、force";
    let path = "scheduleTime";
    assert_error(
        &refused(json!({"scheduleTime": later(&world, 60)})).await?,
        400,
        &format!("请求参数有误。{path}：{problem}"),
        json!({"type": "INVALID_REQUEST", "reason": mend, "fields": [{"path": path, "problem": problem}]}),
    );
    let keyed = sync.clone().header("idempotency-key", "key-1");
    assert_eq!(world.call_as(USER, keyed.clone().json(&body)).await?.status, 202);
    assert_error(
        &world.call_as(USER, keyed.json(&with(body.clone(), json!({"text": "晚上好"})))).await?,
        422,
        "同一个 Idempotency-Key 已用于内容不同的请求",
        json!({"type": "MOMENT_SYNC_CREATION_FAILED", "reason": "请为新的任务使用新的 Idempotency-Key"}),
    );
    world.sandbox.content().configure(|settings| settings.jwt_secret = Some("another login".to_owned()));
    assert_error(
        &refused(json!({"contentId": 7})).await?,
        500,
        "内容库暂时不可用，任务未创建",
        json!({"type": "MOMENT_SYNC_CREATION_FAILED", "reason": "请稍后再试，或直接填写文字与素材"}),
    );

    let task = post(&world, &body).await?.to_string();
    let read =
        |user: u64, function: &str| Ok::<_, anyhow::Error>((user, Event::sample(function)?.path("taskId", &task)));
    let (user, event) = read(STRANGER, "moment-task")?;
    assert_error(
        &world.call_as(user, event).await?,
        404,
        "未找到要操作的内容",
        json!({"type": "NOT_FOUND", "reason": "它可能已被删除或不属于当前账号，请刷新后再试"}),
    );
    let (user, event) = read(USER, "moment-task-retry")?;
    assert_error(
        &world.call_as(user, event).await?,
        409,
        "任务仍在进行中，请等待结束后再重试",
        json!({"type": "CONFLICT", "reason": "请刷新任务后再操作"}),
    );
    assert_error(
        &world.call(&sync.clone().json(&body).without_header("authorization")).await?,
        401,
        "请先登录",
        json!({"type": "UNAUTHENTICATED", "reason": "登录状态缺失或已过期，请重新登录后再试"}),
    );
    assert_error(
        &world.call(&sync.json(&body).bearer(&world.token(USER, &[])?)).await?,
        403,
        "您没有执行此操作的权限",
        json!({"type": "PERMISSION_DENIED", "reason": "请联系管理员开通权限 workbench:wechat:moments:sync:create"}),
    );
    let token = json!({
        "accountType": "PERSONAL", "appId": "wx_unknown", "gatewayToken": "not-a-token", "acceptRisk": true,
    });
    assert_error(
        &world.call_as(USER, Event::sample("wechat-account-connect")?.json(&token)).await?,
        400,
        "网关令牌无效",
        json!({"type": "WECHAT_API_ERROR", "reason": "请核对网关令牌后重新提交"}),
    );
    Ok(())
}

/// As often as the SDK sends a request.
const TRIES: u32 = 3;

/// Calls a function that meets a fault at every try of one of its requests.
async fn disturbed(world: &World, event: &Event, step: &str, fault: Fault) -> Result<Answer> {
    let proxy = Proxy::start(world).await?;
    proxy.arm_times(step, 1, TRIES, fault);
    let base = world.context(&event.function, &proxy.endpoints()).await?;
    let answer = crate::call::call(&base, &event.clone().bearer(&world.token(USER, &["*"])?)).await?;
    assert!(proxy.count(step) >= TRIES, "{step} was asked {} times", proxy.count(step));
    Ok(answer)
}

fn broken() -> Fault {
    let kind = "com.amazonaws.dynamodb.v20120810#InternalServerError";
    Fault::Answer(500, json!({ "__type": kind, "message": "internal words" }).to_string())
}

#[tokio::test]
async fn moments_error_from_a_provider_is_answered_without_its_text() -> Result<()> {
    let world = world().await?;
    let device = world.connect_device(USER, "phone").await?;
    let sync = Event::sample("moment-sync")?.header("idempotency-key", "key-1");
    let sync = sync.json(&json!({"text": "早上好", "accountIds": [device]}));
    let failed = json!({
        "type": "MOMENT_SYNC_CREATION_FAILED",
        "reason": "请稍后再试；若仍然失败，请将请求编号（requestId）提供给客服",
    });
    let unproven = json!({
        "type": "MOMENT_SYNC_CREATION_FAILED",
        "reason": "请先刷新任务列表，确认没有该任务后再重新提交，以免重复发布",
    });
    let nothing = world.snapshot().await?;
    for step in ["GetItem t_idempotency", "BatchGetItem t_wechat_account"] {
        let answer = disturbed(&world, &sync, step, broken()).await?;
        assert_error(&answer, 500, "系统繁忙，任务未创建", failed.clone());
        world.snapshot().await?.assert_unchanged_since(&nothing, step);
    }
    const COMMIT: &str = "TransactWriteItems t_moment_sync_task";
    let answer = disturbed(&world, &sync, COMMIT, Fault::Lose(When::Before)).await?;
    assert_error(&answer, 500, "系统繁忙，暂时无法确认任务是否已创建", unproven);
    world.snapshot().await?.assert_unchanged_since(&nothing, "a commit that never arrived");

    // One that did arrive is found, and what it is the answer to is given after all.
    let answer = disturbed(&world, &sync, COMMIT, Fault::Lose(When::After)).await?;
    assert_eq!(answer.status, 202, "{answer:?}");
    let task = answer.data()["syncTaskId"].as_u64().unwrap();
    assert_eq!(world.call_as(USER, sync).await?.data()["syncTaskId"], task, "remembered under its key");
    assert_eq!(world.rows("t_moment_sync_task").await?.len(), 1);

    let read = Event::sample("moment-task")?.path("taskId", &task.to_string());
    let answer = disturbed(&world, &read, "GetItem t_moment_sync_task", broken()).await?;
    let internal = with(failed, json!({"type": "INTERNAL"}));
    assert_error(&answer, 500, "系统繁忙，操作未能完成", internal);
    Ok(())
}
