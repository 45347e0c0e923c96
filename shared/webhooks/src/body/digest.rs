//! What a bot is told instead of messages beyond those that it takes in a minute.

use serde_json::Value;

use super::data::type_of;
use super::text::SENDER;

/// Types of events as people call them, in the order in which a digest names them: first what somebody has to act upon.
pub(super) const NAMES: [(&str, &str); 16] = [
    ("account.expired", "账号失效"),
    ("account.reauthorize_due", "授权即将到期"),
    ("account.offline", "微信离线"),
    ("account.taken_over", "账号被他人授权"),
    ("moment.waiting_for_member", "朋友圈待确认"),
    ("moment.task.finished", "朋友圈任务结束"),
    ("sync.failed", "粉丝同步失败"),
    ("webhook.disabled", "Webhook 停用"),
    ("account.restored", "账号恢复"),
    ("sync.completed", "粉丝同步完成"),
    ("lead.created", "新增线索"),
    ("lead.status_changed", "线索状态变化"),
    ("lead.updated", "线索更新"),
    ("lead.merged", "线索合并"),
    ("lead.erased", "线索删除"),
    ("webhook.test", "测试消息"),
];

/// One text for all these events, saying how many there are of each type. Those without a name here are told as others.
#[must_use]
pub fn digest(events: &[Value]) -> String {
    let count = |name: &str| events.iter().filter(|event| type_of(event) == name).count();
    let mut counts: Vec<(&str, usize)> = NAMES.iter().map(|(name, shown)| (*shown, count(name))).collect();
    let named: usize = counts.iter().map(|(_, count)| count).sum();
    counts.push(("其他", events.len().saturating_sub(named)));
    let counts: Vec<String> =
        counts.iter().filter(|(_, count)| *count > 0).map(|(shown, count)| format!("{shown} {count}")).collect();
    format!("{SENDER}消息较多，以下 {} 条不再逐条发送\n{}\n请在存客宝查看详情", events.len(), counts.join("，"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn digest_counts_each_type_and_names_what_is_urgent_first() {
        let events: Vec<Value> =
            ["lead.created", "@all", "sync.failed", "lead.created", "lead.split", "account.expired", "sync.failed"]
                .map(|name| json!({ "type": name, "data": { "leadIds": [1, 2, 3] } }))
                .into();
        assert_eq!(
            digest(&events),
            "【存客宝】消息较多，以下 7 条不再逐条发送\n账号失效 1，粉丝同步失败 2，新增线索 2，其他 2\n请在存客宝查看详情"
        );
    }
}
