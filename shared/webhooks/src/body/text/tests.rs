use serde_json::json;

use super::*;

fn told(name: &str, data: &Value) -> String {
    text(
        &json!({ "sequence": 7, "id": "7a5f49a2e2a0493cd8b3c180-0", "type": name, "time": "2026-11-28T03:10:00Z", "data": data }),
    )
}

#[test]
fn event_with_all_its_data_is_told_in_three_lines_with_ids_and_numbers() {
    for (name, data, text) in [
        (
            "account.expired",
            json!({ "platform": "DOUYIN", "douyinUserId": "_000w", "status": "REVOKED", "recovers": false,
                "message": "该抖音账号已在抖音端取消授权", "reason": "请重新授权该抖音账号后再试" }),
            "【存客宝】该抖音账号已在抖音端取消授权\n账号：_000w\n请重新授权该抖音账号后再试",
        ),
        (
            "account.restored",
            json!({ "platform": "DOUYIN", "douyinUserId": "_000w" }),
            "【存客宝】账号已恢复使用\n账号：_000w\n无需操作",
        ),
        (
            "account.taken_over",
            json!({ "platform": "DOUYIN", "douyinUserId": "_000w" }),
            "【存客宝】账号已由其他存客宝用户授权，不再属于您\n账号：_000w\n如该账号属于您，请在抖音中取消其他授权后重新授权",
        ),
        (
            "account.reauthorize_due",
            json!({ "douyinUserId": "_000w", "daysLeft": 3, "endsAt": "2026-11-30T16:00:00Z" }),
            "【存客宝】账号的授权将在 3 天后到期\n账号：_000w，到期时间：2026-12-01 00:00\n请在到期前重新授权该账号",
        ),
        (
            "account.offline",
            json!({ "platform": "WECHAT_PERSONAL", "accountId": 12 }),
            "【存客宝】微信账号已离线\n账号：12\n请重新登录该微信账号",
        ),
        (
            "moment.waiting_for_member",
            json!({ "syncTaskId": "375882547438602", "accountIds": ["1", "2"], "confirmUntil": "2026-11-28T10:00:00Z" }),
            "【存客宝】朋友圈任务正等待 2 名成员确认发表\n任务：375882547438602，最晚确认时间：2026-11-28 18:00\n\
             请提醒成员在企业微信中确认发表",
        ),
        (
            "moment.task.finished",
            json!({ "syncTaskId": "3758", "status": "PARTIAL_SUCCESS", "succeeded": 4, "failed": 1, "cancelled": 0 }),
            "【存客宝】朋友圈任务已结束，有账号发布失败\n任务：3758，成功 4，失败 1，取消 0\n请在存客宝查看失败原因并处理",
        ),
        (
            "moment.task.finished",
            json!({ "syncTaskId": "3758", "status": "COMPLETED", "succeeded": 5, "failed": 0, "cancelled": 0 }),
            "【存客宝】朋友圈任务已结束\n任务：3758，成功 5，失败 0，取消 0\n无需操作",
        ),
        (
            "sync.failed",
            json!({ "taskId": "3758", "douyinUserId": "_000w",
                "error": { "type": "DOUYIN_API_ERROR", "message": "抖音服务暂时不可用", "reason": "请稍后重试" } }),
            "【存客宝】粉丝同步失败：抖音服务暂时不可用\n账号：_000w，任务：3758\n请稍后重试",
        ),
        (
            "sync.completed",
            json!({ "taskId": "3758", "douyinUserId": "_000w", "strategy": "FULL", "created": 5, "updated": 1, "unfollowed": 0 }),
            "【存客宝】粉丝同步已完成\n账号：_000w，新增线索 5，更新 1，取消关注 0\n请及时跟进新增的线索",
        ),
        (
            "lead.created",
            json!({ "leadIds": [1, 2], "leads": [{ "leadId": 2, "nickname": "陈梓萱" }] }),
            "【存客宝】新增 2 条线索\n线索：1、2\n请及时跟进",
        ),
        (
            "lead.updated",
            json!({ "leadId": 2, "changed": ["notes", "ownerId"], "lead": { "nickname": "陈梓萱", "notes": "回电" } }),
            "【存客宝】线索 2 有更新\n更新内容：备注、跟进人\n无需操作",
        ),
        (
            "lead.status_changed",
            json!({ "leadId": 2, "from": "NEW", "to": "CONTACTED", "lead": null }),
            "【存客宝】线索 2 的状态有变化\n由“未联系”变为“已联系”\n无需操作",
        ),
        (
            "lead.merged",
            json!({ "leadId": 2, "mergedLeadId": 7, "lead": null }),
            "【存客宝】两条线索已合并为一条\n已并入的线索：7\n请在线索 2 上继续跟进",
        ),
        (
            "lead.erased",
            json!({ "leadId": 2 }),
            "【存客宝】线索 2 及其个人信息已按要求删除\n请同时删除您在其他地方保存的该线索信息",
        ),
        ("webhook.test", json!({}), "【存客宝】这是一条测试消息，收到即表示配置成功\n无需操作"),
        (
            "webhook.disabled",
            json!({ "webhookId": "wh_1" }),
            "【存客宝】一个 Webhook 已停用，不再收到事件\nWebhook：wh_1\n请检查其接收地址，然后在存客宝重新启用",
        ),
        ("lead.split", json!({ "leadId": 2 }), "【存客宝】有新的事件\n类型：lead.split\n请在存客宝查看详情"),
        ("account.renamed", json!({}), "【存客宝】有新的事件\n类型：account.renamed\n请在存客宝查看详情"),
        ("@all", json!({}), "【存客宝】有新的事件\n类型：＠all\n请在存客宝查看详情"),
    ] {
        assert_eq!(told(name, &data), text, "{name}");
    }
}

#[test]
fn event_without_its_data_is_still_told() {
    for (name, text) in [
        ("account.expired", "账号的授权已失效\n请重新授权该账号"),
        ("account.reauthorize_due", "账号的授权即将到期\n请在到期前重新授权该账号"),
        ("moment.waiting_for_member", "朋友圈任务正等待成员确认发表\n请提醒成员在企业微信中确认发表"),
        ("moment.task.finished", "朋友圈任务已结束\n无需操作"),
        ("sync.failed", "粉丝同步失败\n请在存客宝查看详情"),
        ("sync.completed", "粉丝同步已完成\n无需操作"),
        ("lead.created", "新增线索\n请及时跟进"),
        ("lead.updated", "一条线索有更新\n无需操作"),
        ("lead.status_changed", "一条线索的状态有变化\n无需操作"),
        ("lead.merged", "两条线索已合并为一条\n请在存客宝查看详情"),
    ] {
        for data in [json!(null), json!("?"), json!({ "leadId": null, "error": [], "failed": "?" })] {
            assert_eq!(told(name, &data), format!("{SENDER}{text}"), "{name} {data}");
        }
    }
    for event in [json!(null), json!({}), json!({ "type": 5 })] {
        assert_eq!(text(&event), "【存客宝】有新的事件\n请在存客宝查看详情", "{event}");
    }
}

#[test]
fn bot_is_told_by_default_of_what_somebody_has_to_act_upon() {
    let event = |name: &str, failed: Value| json!({ "type": name, "data": { "failed": failed } });
    for (name, failed, is_told) in [
        ("account.expired", json!(null), true),
        ("account.reauthorize_due", json!(null), true),
        ("moment.waiting_for_member", json!(null), true),
        ("sync.failed", json!(null), true),
        ("moment.task.finished", json!(1), true),
        ("moment.task.finished", json!(0), false),
        ("moment.task.finished", json!(null), false),
        ("sync.completed", json!(1), false),
        ("lead.created", json!(null), false),
        ("account.restored", json!(null), false),
        ("webhook.disabled", json!(null), false),
        ("", json!(null), false),
    ] {
        let event = event(name, failed);
        for kind in [Kind::WecomBot, Kind::Dingtalk, Kind::Feishu] {
            assert_eq!(is_told_by_default(kind, &event), is_told, "{event}");
        }
        assert!(is_told_by_default(Kind::Generic, &event), "{event}");
    }
}
