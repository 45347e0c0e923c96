//! Operations of publishing to WeChat Moments.

use kernel::advice::{self, Advice};
use kernel::ids::TaskId;
use kernel::page::Page;
use moments::ids::{AccountId, CorpKey};

use super::operation::{Content, Operation, Shape};
use super::parameters::{GatewayNotice, Key};
use super::words::{MOMENTS, WEBHOOKS, WECHAT};
use crate::catalog;
use crate::post_request;
use crate::routes::{
    moment_sync, moment_task, moment_task_retry, moment_task_stop, moment_task_update, moment_tasks, moment_validate,
    wechat_account_connect, wechat_account_disconnect, wechat_corp_update,
};
use crate::views::corps::CorpView;
use crate::views::moments::{AccountView, TaskSummary, TaskView};

const TASK_ID: &str = "发布任务编号（syncTaskId）";
const KEY: &str = "同一个键在 24 小时内最多生效一次；重复提交得到同一任务，内容不同则拒绝";

/// What WeCom or the gateway can do while somebody waits.
fn at_wechat() -> Vec<Advice> {
    vec![
        advice::WECHAT_UNAVAILABLE,
        advice::WECHAT_RATE_LIMITED,
        advice::WECHAT_UNKNOWN,
        advice::CORP_CREDENTIALS_REFUSED,
        advice::MOMENT_RIGHT_MISSING,
        advice::ip_not_trusted(None),
        advice::PROXY_NOT_CONNECTED,
    ]
}

pub(super) fn operations() -> Vec<Operation> {
    [accounts(), corps(), creation(), tasks()].into_iter().flatten().collect()
}

fn accounts() -> Vec<Operation> {
    vec![
        Operation::of(
            catalog::WECHAT_ACCOUNTS,
            WECHAT,
            "查询微信账号",
            "可用于发布的账号；只有 ACTIVE 的账号可以发布。",
        )
        .answers::<Vec<AccountView>>(200, "全部账号"),
        Operation::of(
            catalog::WECHAT_ACCOUNT_CONNECT,
            WECHAT,
            "连接微信账号",
            "`accountType` 为 WEWORK 时连接企业微信应用及其成员，为 PERSONAL 时连接网关设备上登录的个人号。\
             个人号通过第三方网关发布，并非微信官方能力，须传 `acceptRisk: true`。再次连接会更新凭证并恢复账号。",
        )
        .body::<wechat_account_connect::Body>()
        .answers::<wechat_account_connect::Answer>(200, "已连接的账号")
        .leads_to("accountId", "$response.body#/data/accounts/0/accountId", &[catalog::WECHAT_ACCOUNT_DISCONNECT])
        .fails([
            advice::WECHAT_ACCOUNT_BOUND_TO_ANOTHER_USER,
            advice::GATEWAY_UNAVAILABLE,
            advice::GATEWAY_TOKEN_REFUSED,
            advice::DEVICE_NOT_LOGGED_IN,
            advice::DEVICE_REFUSED,
        ])
        .fails(at_wechat()),
        Operation::of(catalog::WECHAT_ACCOUNT_DISCONNECT, WECHAT, "解除微信账号", "删除账号及其凭证。")
            .path::<AccountId>("accountId", "微信账号编号")
            .answers::<wechat_account_disconnect::Answer>(200, "已解除")
            .fails([advice::WECHAT_ACCOUNT_NOT_FOUND]),
        Operation::open(
            catalog::GATEWAY_WEBHOOK,
            WEBHOOKS,
            "接收个人号网关的通知",
            "由网关调用；只处理设备离线与连接异常的通知，其余的只确认收到。字段名不分大小写，也可以放在 `data` 中。",
        )
        .path::<String>("secret", "部署时设置的密文，相当于签名")
        .optional_body::<GatewayNotice>()
        .without(&advice::INVALID_REQUEST)
        .good(200, "已收到", Content::Data(Shape::of::<()>())),
    ]
}

fn corps() -> Vec<Operation> {
    vec![
        Operation::of(catalog::WECHAT_CORPS, WECHAT, "查询企业", "已连接成员的企业，以及能否调用企业微信。")
            .answers::<Vec<CorpView>>(200, "全部企业")
            .leads_to("corpKey", "$response.body#/data/0/corpKey", &[catalog::WECHAT_CORP_UPDATE]),
        Operation::of(
            catalog::WECHAT_CORP_UPDATE,
            WECHAT,
            "更新企业的密钥或代理",
            "向企业微信验证后保存，一次更新即恢复该企业的全部成员。`corpKey` 含 `#`，在路径中写作 `%23`。",
        )
        .path::<CorpKey>("corpKey", "企业应用的键")
        .body::<wechat_corp_update::Body>()
        .answers::<CorpView>(200, "更新后的企业")
        .fails(at_wechat()),
    ]
}

fn creation() -> Vec<Operation> {
    vec![
        Operation::of(
            catalog::MOMENT_SYNC,
            MOMENTS,
            "发布朋友圈",
            "立即或定时把内容发布到所选账号。文字、素材或 `contentId` 至少有一项；文字最多 2,000 字且不超过 4,000 字节；\
             最多 9 张图片或 1 个视频，不能混用；定时最远一年。",
        )
        .header::<Key>("Idempotency-Key", KEY)
        .body::<post_request::Body>()
        .answers::<moment_sync::Answer>(202, "任务已创建")
        .leads_to("taskId", "$response.body#/data/syncTaskId", &[
            catalog::MOMENT_TASK,
            catalog::MOMENT_TASK_UPDATE,
            catalog::MOMENT_TASK_PUBLISH_NOW,
            catalog::MOMENT_TASK_CANCEL,
            catalog::MOMENT_TASK_STOP,
            catalog::MOMENT_TASK_RETRY,
        ])
        .fails([
            advice::WECHAT_ACCOUNT_NOT_FOUND,
            advice::CONTENT_REFUSED,
            advice::DUPLICATE_CONTENT,
            advice::DAILY_CAP,
            advice::QUIET_HOURS,
            advice::IDEMPOTENCY_KEY_REUSED,
            advice::CREATION_FAILED,
            advice::CREATION_UNPROVEN,
            advice::CONTENT_LIBRARY_UNAVAILABLE,
            advice::TEXT_NOT_JUDGED,
        ]),
        Operation::of(catalog::MOMENT_VALIDATE, MOMENTS, "检查发布内容", "与发布的请求相同，只指出问题，不创建任务。")
            .body::<post_request::Body>()
            .answers::<moment_validate::Answer>(200, "检查结果")
            // It writes nothing.
            .without(&advice::BUSY)
            .fails([advice::CREATION_FAILED, advice::CONTENT_LIBRARY_UNAVAILABLE, advice::TEXT_NOT_JUDGED]),
    ]
}

fn tasks() -> Vec<Operation> {
    let managed =
        |route, summary, about| Operation::of(route, MOMENTS, summary, about).path::<TaskId>("taskId", TASK_ID);
    vec![
        Operation::of(catalog::MOMENT_TASKS, MOMENTS, "查询发布任务列表", "最新的在前，可按状态筛选。")
            .query::<moment_tasks::Query>()
            .answers::<Page<TaskSummary>>(200, "发布任务的一页")
            .leads_to("taskId", "$response.body#/data/records/0/syncTaskId", &[catalog::MOMENT_TASK]),
        managed(
            catalog::MOMENT_TASK,
            "查看发布任务",
            "逐个账号给出结果。不分页时最多显示 1,000 个账号；`resultsTotal` 是筛选后的账号数，`counts` 是整个任务的统计。",
        )
        .query::<moment_task::Query>()
        .answers::<TaskView>(200, "发布任务"),
        managed(catalog::MOMENT_TASK_UPDATE, "修改定时", "只有尚未开始的定时任务可以修改时间。")
            .body::<moment_task_update::Body>()
            .answers::<TaskView>(200, "修改后的任务")
            .fails([advice::TASK_HAS_BEGUN, advice::CONTENT_REFUSED, advice::QUIET_HOURS]),
        managed(catalog::MOMENT_TASK_PUBLISH_NOW, "立即发布定时任务", "尚未开始的定时任务立即开始；重复提交只生效一次。")
            .header::<Key>("Idempotency-Key", KEY)
            .answers::<TaskView>(202, "即将开始的任务")
            .fails([advice::INVALID_REQUEST, advice::ONLY_WAITING_BEGINS_NOW, advice::IDEMPOTENCY_KEY_REUSED]),
        managed(catalog::MOMENT_TASK_CANCEL, "取消发布任务", "取消尚未发送的内容；已提交给微信的不能取消。")
            .answers::<TaskView>(200, "取消后的任务")
            .fails([advice::TASK_HAS_ENDED, advice::TASK_IS_SUBMITTED]),
        managed(
            catalog::MOMENT_TASK_STOP,
            "停止发布任务",
            "取消尚未发送的内容，并停止尚未确认的企业成员；逐个账号说明结果，已发出的无法收回。可重复提交。",
        )
        .answers::<moment_task_stop::Answer>(202, "正在停止的任务")
        .fails([advice::NOTHING_TO_STOP]),
        managed(
            catalog::MOMENT_TASK_RETRY,
            "重试失败的账号",
            "默认只重试确定失败的账号，可以没有请求体。是否已发布尚未确认的账号须先人工查看，再传 `includeUnconfirmed: true`；\
             网关看不到朋友圈的账号还须传 `force: true`，并自担重复发布的风险。",
        )
        .header::<Key>("Idempotency-Key", KEY)
        .optional_body::<moment_task_retry::Body>()
        .answers::<TaskView>(202, "重试中的任务")
        .fails([
            advice::NOT_FAILED,
            advice::TASK_IS_RUNNING,
            advice::MEDIA_RELEASED,
            advice::NOTHING_TO_RETRY,
            advice::ONLY_UNCONFIRMED,
            advice::ONLY_BLIND,
            advice::IDEMPOTENCY_KEY_REUSED,
        ]),
    ]
}
