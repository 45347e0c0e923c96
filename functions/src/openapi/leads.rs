//! Operations of Douyin lead acquisition.

use kernel::advice::{self, Advice};
use kernel::page::Page;
use leads::douyin::webhook::WebhookEvent;
use leads::ids::{LeadId, OpenId};
use leads::lead_list::RawLeadQuery;

use super::operation::{Content, Operation, Shape};
use super::parameters::{Digits, Key};
use super::words::{AUTHORIZATION, LEADS, SYNC, WEBHOOKS};
use crate::catalog;
use crate::routes::{
    douyin_account_delete, douyin_auth_callback, douyin_auth_confirm, douyin_auth_url, douyin_data_delete,
    douyin_fans_sync, douyin_fans_sync_tasks, douyin_lead_erase, douyin_lead_link, douyin_lead_note_add,
    douyin_lead_notes, douyin_lead_update, douyin_leads_update, douyin_webhook,
};
use crate::views::lead_work::{BatchView, NoteView};
use crate::views::leads::{AccountView, AuthorizedView, LeadDetail, LeadPageView, SyncTaskView};

const LEAD_ID: &str = "线索编号";
const TASK_ID: &str = "同步任务编号";
const KEY: &str = "同一个键在 24 小时内最多生效一次；重复提交得到同一结果，内容不同则拒绝";

/// What Douyin can do while somebody waits.
fn at_douyin() -> Vec<Advice> {
    vec![
        advice::ACCOUNT_EXPIRED,
        advice::SCOPE_MISSING,
        advice::CODE_REJECTED,
        advice::DOUYIN_RATE_LIMITED,
        advice::DOUYIN_QUOTA_EXHAUSTED,
        advice::DOUYIN_UNAVAILABLE,
        advice::DOUYIN_ACCOUNT_UNAVAILABLE,
        advice::DOUYIN_MISCONFIGURED,
        advice::DOUYIN_RETIRED,
        advice::DOUYIN_UNKNOWN,
    ]
}

pub(super) fn operations() -> Vec<Operation> {
    [authorization(), syncs(), list(), work()].into_iter().flatten().collect()
}

fn authorization() -> Vec<Operation> {
    vec![
        Operation::of(
            catalog::DOUYIN_AUTH_URL,
            AUTHORIZATION,
            "获取抖音授权链接",
            "返回抖音授权页的链接，并给当前浏览器设置 Cookie，授权须在同一浏览器中完成：调用时请携带凭据\
             （`credentials: \"include\"`）。`redirectUrl` 是授权后要回到的页面，其来源须在允许名单内。",
        )
        .query::<douyin_auth_url::Query>()
        .answers::<douyin_auth_url::Answer>(200, "授权链接，一小时内有效一次")
        .fails([advice::BUSY]),
        Operation::open(
            catalog::DOUYIN_AUTH_CALLBACK,
            AUTHORIZATION,
            "抖音授权返回地址",
            "由浏览器从抖音授权页返回时访问，前端不直接调用。有 `redirectUrl` 时跳转到该页面并在查询参数中带上 `status`、\
             `douyinUserId`、`missingScopes` 或 `error`；浏览器未携带 Cookie 时在片段中带上 `status=confirm` 与 `ticket`，\
             须由已登录的页面提交确认。",
        )
        .query::<douyin_auth_callback::Query>()
        .answers::<AuthorizedView<'static>>(200, "授权成功（未指定 redirectUrl）")
        .good(302, "回到 redirectUrl 指定的页面", Content::Redirect)
        .fails([
            advice::STATE_INVALID,
            advice::CONSENT_DENIED,
            advice::OTHER_BROWSER,
            advice::ACCOUNT_DATA_BEING_DELETED,
            advice::ACCOUNT_BOUND_TO_ANOTHER_USER,
            advice::BUSY,
            advice::UNAVAILABLE,
        ])
        .fails(at_douyin()),
        Operation::of(
            catalog::DOUYIN_AUTH_CONFIRM,
            AUTHORIZATION,
            "确认抖音授权",
            "提交授权返回页面片段中的 `ticket`，十分钟内有效一次。只有发起授权的用户可以确认；其他用户提交时授权作废。",
        )
        .body::<douyin_auth_confirm::Body>()
        .answers::<AuthorizedView<'static>>(200, "授权成功")
        .fails([advice::ticket_invalid(10), advice::NOT_YOUR_TICKET, advice::ACCOUNT_DATA_BEING_DELETED,
            advice::ACCOUNT_BOUND_TO_ANOTHER_USER])
        .fails(at_douyin()),
        Operation::of(
            catalog::DOUYIN_ACCOUNTS,
            AUTHORIZATION,
            "查询已授权的抖音账号",
            "包括授权状态、同步情况，以及须重新授权的日期（`reauthorizeBy`）。",
        )
        .answers::<Vec<AccountView>>(200, "全部账号"),
        Operation::of(
            catalog::DOUYIN_ACCOUNT_DELETE,
            AUTHORIZATION,
            "解绑抖音账号",
            "删除账号及其令牌，正在进行的同步随之停止；已有线索保留。",
        )
        .path::<OpenId>("douyinUserId", "抖音账号的 open_id")
        .answers::<douyin_account_delete::Answer>(200, "已解绑"),
        Operation::of(
            catalog::DOUYIN_DATA_DELETE,
            AUTHORIZATION,
            "删除抖音账号及其线索",
            "解绑账号，并逐步删除只由它带来的线索；其他账号也带来的线索保留。再次请求返回进展。",
        )
        .path::<OpenId>("douyinUserId", "抖音账号的 open_id")
        .answers::<douyin_data_delete::Answer>(202, "正在删除")
        .answers::<douyin_data_delete::Answer>(200, "已全部删除"),
        Operation::open(
            catalog::DOUYIN_WEBHOOK,
            WEBHOOKS,
            "接收抖音事件",
            "由抖音调用。`verify_webhook` 原样返回 challenge；`unauthorize` 使账号失效并停止其同步；其他事件只确认收到。\
             签名覆盖原始请求体的每个字节。",
        )
        .header::<String>("X-Douyin-Signature", "sha1(应用密钥 + 请求体)；只有地址校验可以没有")
        .header::<String>("Msg-Id", "消息编号，用于去重")
        .body::<WebhookEvent>()
        .good(200, "已收到，或地址校验的应答", Content::NothingOr(Shape::of::<douyin_webhook::Echo>()))
        .fails([advice::UNAUTHENTICATED])
        .fails(at_douyin()),
    ]
}

fn syncs() -> Vec<Operation> {
    vec![
        Operation::of(
            catalog::DOUYIN_FANS_SYNC,
            SYNC,
            "开始同步粉丝",
            "同一抖音账号同时只有一个同步：已有进行中的同步时返回 200 与该任务，`strategy` 是进行中任务的策略。",
        )
        .header::<Key>("Idempotency-Key", KEY)
        .body::<douyin_fans_sync::Body>()
        .answers::<douyin_fans_sync::Answer>(202, "已开始")
        .answers::<douyin_fans_sync::Answer>(200, "已有同步正在进行")
        .leads_to(
            "taskId",
            "$response.body#/data/taskId",
            &[catalog::DOUYIN_FANS_SYNC_TASK, catalog::DOUYIN_FANS_SYNC_CANCEL],
        )
        .fails([
            advice::ACCOUNT_UNKNOWN,
            advice::ACCOUNT_EXPIRED,
            advice::ACCOUNT_REVOKED,
            advice::SCOPE_MISSING,
            advice::SYNC_UNAVAILABLE,
            advice::SYNC_KEY_REUSED,
        ]),
        Operation::of(
            catalog::DOUYIN_FANS_SYNC_TASKS,
            SYNC,
            "查询同步任务列表",
            "最新的在前，可按抖音账号筛选；结束 90 天后不再保留。",
        )
        .query::<douyin_fans_sync_tasks::Query>()
        .answers::<Page<SyncTaskView>>(200, "同步任务的一页")
        .leads_to("taskId", "$response.body#/data/records/0/taskId", &[catalog::DOUYIN_FANS_SYNC_TASK]),
        Operation::of(
            catalog::DOUYIN_FANS_SYNC_TASK,
            SYNC,
            "查询同步进度",
            "暂停时 `reason` 说明在等什么，`nextActionAt` 是继续的时间。",
        )
        .path::<Digits>("taskId", TASK_ID)
        .answers::<SyncTaskView>(200, "同步任务"),
        Operation::of(catalog::DOUYIN_FANS_SYNC_CANCEL, SYNC, "取消同步", "已保存的线索保留，账号可立即开始新的同步。")
            .path::<Digits>("taskId", TASK_ID)
            .answers::<SyncTaskView>(200, "已取消的任务")
            .fails([advice::TASK_HAS_ENDED]),
    ]
}

fn list() -> Vec<Operation> {
    vec![
        Operation::of(
            catalog::DOUYIN_LEADS,
            LEADS,
            "查询线索列表",
            "最新的在前，可筛选与分页。时间范围两端均包含在内；关键词匹配昵称与备注，不分大小写与全半角。",
        )
        .query::<RawLeadQuery>()
        .without(&advice::INVALID_REQUEST)
        .answers::<LeadPageView>(200, "线索的一页，与各状态的数量")
        .leads_to("leadId", "$response.body#/data/records/0/leadId", &[
            catalog::DOUYIN_LEAD,
            catalog::DOUYIN_LEAD_UPDATE,
            catalog::DOUYIN_LEAD_NOTES,
            catalog::DOUYIN_LEAD_NOTE_ADD,
        ])
        .fails([advice::INVALID_LEAD_QUERY]),
        Operation::of(
            catalog::DOUYIN_LEADS_EXPORT,
            LEADS,
            "导出线索",
            "筛选条件与列表相同，得到一个 CSV 文件（UTF-8，带 BOM，最新的在前）；最多 10,000 条，放不下则拒绝而不是截断。",
        )
        .query::<RawLeadQuery>()
        .untaken(&["page", "size"])
        .without(&advice::INVALID_REQUEST)
        .good(200, "CSV 文件", Content::File)
        .fails([
            advice::INVALID_LEAD_QUERY,
            advice::too_many_to_export(10_001, leads::lead_export::MAX_LEADS),
            advice::TOO_LONG_TO_EXPORT,
        ]),
        Operation::of(
            catalog::DOUYIN_LEADS_UPDATE,
            LEADS,
            "批量修改线索",
            "对最多 100 条线索做同样的修改，逐条给出结果；整个请求可以重复提交。",
        )
        .body::<douyin_leads_update::Body>()
        .answers::<BatchView>(200, "每条线索的结果")
        // It is told of each lead by itself.
        .without(&advice::BUSY),
    ]
}

fn work() -> Vec<Operation> {
    vec![
        Operation::of(
            catalog::DOUYIN_LEAD,
            LEADS,
            "查看线索",
            "包括来源与修改历史。已合并的线索返回合并后的线索，`mergedInto` 为其编号。",
        )
        .path::<LeadId>("leadId", LEAD_ID)
        .answers::<LeadDetail>(200, "线索")
        // What an id stands for that no lead has is read as it is at one instant, and who writes it is waited for.
        .fails([advice::LEAD_ERASED, advice::BUSY]),
        Operation::of(
            catalog::DOUYIN_LEAD_UPDATE,
            LEADS,
            "修改线索",
            "状态按 NEW → CONTACTED → CONVERTED 推进；退回 NEW 须同时传 `reopen: true`。传 `version` 时只在线索仍为该版本时修改。\
             `ownerId` 为空文本时取消跟进人。",
        )
        .path::<LeadId>("leadId", LEAD_ID)
        .body::<douyin_lead_update::Body>()
        .answers::<LeadDetail>(200, "修改后的线索，不含历史")
        .leads_to("leadId", "$request.path.leadId", &[catalog::DOUYIN_LEAD])
        .fails([
            advice::illegal_transition("NEW", "CONVERTED"),
            advice::stale_version(3),
            advice::lead_merged(7),
            advice::LEAD_ERASED,
        ]),
        Operation::of(catalog::DOUYIN_LEAD_NOTES, LEADS, "查询线索的备注", "最新的在前。")
            .path::<LeadId>("leadId", LEAD_ID)
            .query::<douyin_lead_notes::Query>()
            .answers::<Page<NoteView>>(200, "备注的一页")
            .fails([advice::lead_merged(7), advice::LEAD_ERASED, advice::BUSY]),
        Operation::of(catalog::DOUYIN_LEAD_NOTE_ADD, LEADS, "添加备注", "最新的备注显示在列表与线索的 `notes` 中，并可被搜索。")
            .path::<LeadId>("leadId", LEAD_ID)
            .header::<Key>("Idempotency-Key", KEY)
            .body::<douyin_lead_note_add::Body>()
            .answers::<NoteView>(201, "新的备注")
            .leads_to("leadId", "$request.path.leadId", &[catalog::DOUYIN_LEAD_NOTES])
            .fails([advice::NOTE_KEY_REUSED, advice::lead_merged(7), advice::LEAD_ERASED]),
        Operation::of(
            catalog::DOUYIN_LEAD_LINK,
            LEADS,
            "关联统一线索",
            "由存客宝的统一线索模块以服务令牌调用，令牌的 `userId` 即租户。可重复提交；编号不同则替换。不产生事件与新版本，\
             不影响正在修改该线索的人。",
        )
        .path::<LeadId>("leadId", LEAD_ID)
        .body::<douyin_lead_link::Body>()
        .answers::<douyin_lead_link::Answer>(200, "已关联")
        .fails([advice::lead_merged(7), advice::LEAD_ERASED]),
        Operation::of(
            catalog::DOUYIN_LEAD_ERASE,
            LEADS,
            "删除线索的个人信息",
            "永久删除，任何同步都不会恢复；可重复提交。",
        )
        .path::<LeadId>("leadId", LEAD_ID)
        .answers::<douyin_lead_erase::Answer>(200, "已删除")
        .fails([advice::lead_merged(7)]),
    ]
}
