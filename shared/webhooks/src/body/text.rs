//! What people in a group chat are told of an event: what happened, what of, and the one thing to do, each on a line of its own.
//!
//! Texts name ids and numbers only. Who else is in the chat is not known to us, so nothing of a person is in them, also where
//! the event has it.

use serde_json::Value;

use super::data::{Data, shown_type, type_of};
use crate::kind::Kind;

mod leads;
#[cfg(test)]
mod tests;

/// How every text begins. Bots of DingTalk and Feishu that were given a keyword (自定义关键词) refuse texts without it: this
/// is one that all of ours have.
pub(super) const SENDER: &str = "【存客宝】";

const NOTHING_TO_DO: &str = "无需操作";
const LOOK: &str = "请在存客宝查看详情";

/// The three lines. The second one is left out where nothing is known for it.
struct Text {
    what: String,
    about: Vec<Option<String>>,
    todo: String,
}

impl Text {
    fn new(what: impl Into<String>, about: impl Into<Vec<Option<String>>>, todo: impl Into<String>) -> Self {
        Self { what: what.into(), about: about.into(), todo: todo.into() }
    }
}

/// The text of an event, which is as `GET events` answers it. What is missing is left out, and a type that is not known is
/// named: what is told grows before this does.
#[must_use]
pub fn text(event: &Value) -> String {
    let data = Data::of(event);
    let Text { what, about, todo } = match type_of(event) {
        name if name.starts_with("lead.") => leads::text(name, &data),
        name if name.starts_with("account.") => of_account(name, &data),
        "sync.failed" => Some(sync_failed(&data)),
        "sync.completed" => Some(sync_completed(&data)),
        "moment.task.finished" => Some(task_finished(&data)),
        "moment.waiting_for_member" => Some(waiting_for_member(&data)),
        "webhook.test" => Some(Text::new("这是一条测试消息，收到即表示配置成功", [], NOTHING_TO_DO)),
        "webhook.disabled" => Some(Text::new(
            "一个 Webhook 已停用，不再收到事件",
            [labelled("Webhook", data.id("webhookId"))],
            "请检查其接收地址，然后在存客宝重新启用",
        )),
        _ => None,
    }
    .unwrap_or_else(|| Text::new("有新的事件", [labelled("类型", shown_type(event))], LOOK));
    let about: Vec<String> = about.into_iter().flatten().collect();
    let lines = [format!("{SENDER}{what}"), about.join("，"), todo];
    lines.into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

/// Whether a webhook is told of the event whose owner has not said what to be told of: a bot of what somebody has to act
/// upon, a program of everything.
#[must_use]
pub fn is_told_by_default(kind: Kind, event: &Value) -> bool {
    let is_urgent = || match type_of(event) {
        "account.expired" | "account.reauthorize_due" | "moment.waiting_for_member" | "sync.failed" => true,
        "moment.task.finished" => has_failed(&Data::of(event)),
        _ => false,
    };
    kind.bot().is_none() || is_urgent()
}

fn of_account(name: &str, data: &Data<'_>) -> Option<Text> {
    let account = account(data);
    Some(match name {
        // Its two sentences are the advice of the account's state.
        "account.expired" => Text::new(
            data.sentence("message").unwrap_or_else(|| "账号的授权已失效".to_owned()),
            [account],
            data.sentence("reason").unwrap_or_else(|| "请重新授权该账号".to_owned()),
        ),
        "account.restored" => Text::new("账号已恢复使用", [account], NOTHING_TO_DO),
        "account.taken_over" => Text::new(
            "账号已由其他存客宝用户授权，不再属于您",
            [account],
            "如该账号属于您，请在抖音中取消其他授权后重新授权",
        ),
        "account.reauthorize_due" => Text::new(
            data.count("daysLeft")
                .map_or_else(|| "账号的授权即将到期".to_owned(), |days| format!("账号的授权将在 {days} 天后到期")),
            [account, labelled("到期时间", data.time("endsAt"))],
            "请在到期前重新授权该账号",
        ),
        "account.offline" => Text::new("微信账号已离线", [account], "请重新登录该微信账号"),
        _ => return None,
    })
}

fn sync_failed(data: &Data<'_>) -> Text {
    let error = data.below("error");
    let why = error.sentence("message").map(|why| format!("：{why}")).unwrap_or_default();
    let todo = error.sentence("reason").unwrap_or_else(|| LOOK.to_owned());
    Text::new(format!("粉丝同步失败{why}"), [account(data), labelled("任务", data.id("taskId"))], todo)
}

fn sync_completed(data: &Data<'_>) -> Text {
    let created = data.count("created");
    let about = [
        account(data),
        counted("新增线索", created),
        counted("更新", data.count("updated")),
        counted("取消关注", data.count("unfollowed")),
    ];
    let todo =
        if created.is_some_and(|created| created > 0) { "请及时跟进新增的线索" } else { NOTHING_TO_DO };
    Text::new("粉丝同步已完成", about, todo)
}

fn task_finished(data: &Data<'_>) -> Text {
    let about = [
        labelled("任务", data.id("syncTaskId")),
        counted("成功", data.count("succeeded")),
        counted("失败", data.count("failed")),
        counted("取消", data.count("cancelled")),
    ];
    if has_failed(data) {
        Text::new("朋友圈任务已结束，有账号发布失败", about, "请在存客宝查看失败原因并处理")
    } else {
        Text::new("朋友圈任务已结束", about, NOTHING_TO_DO)
    }
}

fn waiting_for_member(data: &Data<'_>) -> Text {
    let members = data.length("accountIds").map(|members| format!(" {members} 名")).unwrap_or_default();
    let about = [labelled("任务", data.id("syncTaskId")), labelled("最晚确认时间", data.time("confirmUntil"))];
    Text::new(format!("朋友圈任务正等待{members}成员确认发表"), about, "请提醒成员在企业微信中确认发表")
}

fn has_failed(data: &Data<'_>) -> bool {
    data.count("failed").is_some_and(|failed| failed > 0)
}

/// Which account it is about: a Douyin account by its open id, a WeChat account by our number of it.
fn account(data: &Data<'_>) -> Option<String> {
    labelled("账号", data.id("douyinUserId").or_else(|| data.id("accountId")))
}

fn labelled(label: &str, value: Option<String>) -> Option<String> {
    value.map(|value| format!("{label}：{value}"))
}

fn counted(label: &str, count: Option<u64>) -> Option<String> {
    count.map(|count| format!("{label} {count}"))
}
