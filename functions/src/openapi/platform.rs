//! Operations of no domain.

use kernel::advice;
use kernel::page::Page;

use super::operation::Operation;
use super::words::{EVENTS, PLATFORM};
use crate::catalog;
use crate::routes::{audit, events};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::of(
            catalog::AUDIT,
            PLATFORM,
            "查询操作记录",
            "谁在什么时间做了什么，最新的在前。`from`、`to` 两端均包含在内。",
        )
        .query::<audit::Query>()
        .answers::<Page<audit::EntryView>>(200, "操作记录的一页"),
        Operation::of(
            catalog::EVENTS,
            EVENTS,
            "读取事件",
            "什么发生了变化，按序号升序，序号从 1 起连续无空缺。`after` 填上次读到的最后一个序号；读到 `lastSequence` 即已读完，\
             一次返回的事件可能少于 `limit`，并不表示已读完。事件在变化后几秒内可读到，保存期限由部署参数决定（默认 30 天），\
             更早的 `after` 返回 410，`error.oldestSequence` 是仍保存的第一个序号。\n\n\
             同一线索的事件按变化的先后排列。事件中的 `lead`、`leads` 是读取时线索的当前内容，不是变化当时的内容；\
             已删除或已合并到其他线索的，`lead` 为 null，`leads` 中没有。`data` 的内容由 `type` 决定：\n\n\
             - `lead.created`：新线索（一个事件最多 20 条），或撤销合并后恢复的线索，见 `LeadCreatedEvent`\n\
             - `lead.updated`：昵称、头像、备注、跟进人或来源有变化，见 `LeadUpdatedEvent`\n\
             - `lead.status_changed`：状态有变化，见 `LeadStatusChangedEvent`\n\
             - `lead.merged`：两条线索合并为一条，见 `LeadMergedEvent`\n\
             - `lead.erased`：线索及其个人信息已删除，见 `LeadErasedEvent`\n\
             - `sync.completed`：粉丝同步完成，见 `SyncCompletedEvent`\n\
             - `sync.failed`：粉丝同步失败，见 `SyncFailedEvent`\n\
             - `account.expired`：账号不能再使用。抖音账号的授权已失效或已在抖音取消，见 `AccountExpiredEvent`；\
             企业微信账号的应用密钥或个人号的网关令牌已失效，见 `WechatAccountsStoppedEvent`\n\
             - `account.offline`：微信个人号已离线，见 `WechatAccountsStoppedEvent`\n\
             - `account.restored`：账号已恢复、已重新授权或已重新连接，抖音账号见 `AccountEvent`，微信账号见 `WechatAccountsEvent`\n\
             - `account.taken_over`：账号已由其他存客宝用户授权或连接，不再属于您，内容同上\n\
             - `account.reauthorize_due`：账号的授权即将到期且无法自动续期，到期前 7、3、1 天各通知一次，见 `AccountReauthorizeDueEvent`\n\
             - `moment.task.finished`：朋友圈任务已结束，重试后再次结束或结果有变化时会再次通知，见 `MomentTaskFinishedEvent`\n\
             - `moment.waiting_for_member`：正等待企业成员确认发表，见 `MomentWaitingForMemberEvent`\n\
             - `webhook.disabled`：一个 Webhook 已被停用，见 `WebhookDisabledEvent`\n\n\
             以后会增加新的类型，请忽略不认识的类型。",
        )
        .query::<events::Query>()
        .answers::<events::Answer>(200, "事件")
        .fails([advice::events_expired(1_201)]),
    ]
}
