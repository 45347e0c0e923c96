//! What people are told: every stable error code, with its HTTP status, what happened and what to do about it, in
//! Chinese. Both domains and the API take their texts from here, so that one code never says two things.
//!
//! What is wrong with a single field of a request is said where the field is checked; see
//! [`FieldProblem`](crate::FieldProblem).

use std::borrow::Cow;
use std::fmt::Display;
use std::net::IpAddr;

use serde::{Serialize, Serializer};

use crate::error::Error;

/// The stable codes of the contract. A client branches on these, so one is added only for a new thing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorCode {
    /// The caller has to sign in.
    Unauthenticated,
    /// Ask for the permission.
    PermissionDenied,
    /// The request has to be corrected, by the fields that are named.
    InvalidRequest,
    /// It is not there.
    NotFound,
    /// Its state forbids it.
    Conflict,
    /// Try later, or report the request id.
    Internal,
    /// Douyin failed or refused.
    DouyinApi,
    /// The Douyin account must be authorised (again).
    DouyinAuth,
    /// A fan sync cannot be started or went wrong.
    DouyinLeadSync,
    /// Correct the filter of a lead list.
    InvalidDouyinLeadQuery,
    /// The lead's person was erased for good; take the lead out of what is shown.
    LeadErased,
    /// Read all leads anew, and events from the number that is named on.
    EventsExpired,
    /// Choose other WeChat accounts.
    WechatAccountNotFound,
    /// Correct the content, or try again later: no task was made.
    MomentSyncCreation,
    /// The account has posted the same lately; force it, or post something else.
    DuplicateContent,
    /// The account has published all it may today; force it, or plan it for another day.
    DailyCap,
    /// People sleep at that time; force it, or plan it for the day.
    QuietHours,
    /// WeCom or the gateway failed or refused.
    WechatApi,
    /// An account's post certainly did not go out.
    MomentPublishFailed,
    /// Nobody knows whether an account's post went out.
    MomentPublishUnconfirmed,
}

impl ErrorCode {
    /// The code as clients see it and rows store it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::PermissionDenied => "PERMISSION_DENIED",
            Self::InvalidRequest => "INVALID_REQUEST",
            Self::NotFound => "NOT_FOUND",
            Self::Conflict => "CONFLICT",
            Self::Internal => "INTERNAL",
            Self::DouyinApi => "DOUYIN_API_ERROR",
            Self::DouyinAuth => "DOUYIN_AUTH_ERROR",
            Self::DouyinLeadSync => "DOUYIN_LEAD_SYNC_ERROR",
            Self::InvalidDouyinLeadQuery => "INVALID_DOUYIN_LEAD_QUERY",
            Self::LeadErased => "LEAD_ERASED",
            Self::EventsExpired => "EVENTS_EXPIRED",
            Self::WechatAccountNotFound => "WECHAT_ACCOUNT_NOT_FOUND",
            Self::MomentSyncCreation => "MOMENT_SYNC_CREATION_FAILED",
            Self::DuplicateContent => "DUPLICATE_CONTENT",
            Self::DailyCap => "DAILY_CAP",
            Self::QuietHours => "QUIET_HOURS",
            Self::WechatApi => "WECHAT_API_ERROR",
            Self::MomentPublishFailed => "MOMENT_PUBLISH_FAILED",
            Self::MomentPublishUnconfirmed => "MOMENT_PUBLISH_UNCONFIRMED",
        }
    }
}

#[cfg(feature = "openapi")]
impl schemars::JsonSchema for ErrorCode {
    fn schema_name() -> Cow<'static, str> {
        "ErrorCode".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let codes = samples().into_iter().map(|(_, advice)| advice.code.as_str());
        let codes: std::collections::BTreeSet<&str> = codes.collect();
        schemars::json_schema!({ "type": "string", "enum": codes })
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// What a person is told: what happened, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// The word that clients may branch on.
    pub code: ErrorCode,
    /// The HTTP status of an answer that says this.
    pub status: u16,
    /// What happened, in Chinese, without a full stop.
    pub message: Cow<'static, str>,
    /// What to do about it, in Chinese, without a full stop.
    pub remedy: Cow<'static, str>,
}

impl Advice {
    const fn new(code: ErrorCode, status: u16, message: &'static str, remedy: &'static str) -> Self {
        Self { code, status, message: Cow::Borrowed(message), remedy: Cow::Borrowed(remedy) }
    }

    /// Both as one text, for where there is room for one.
    #[must_use]
    pub fn sentence(&self) -> String {
        format!("{}。{}", self.message, self.remedy)
    }
}

/// One line per advice: name, code, status, what happened, what to do.
macro_rules! catalogue {
    ($($name:ident: $code:ident $status:literal $message:literal => $remedy:literal;)*) => {
        $(#[doc = $message] pub const $name: Advice = Advice::new(ErrorCode::$code, $status, $message, $remedy);)*

        #[cfg(any(test, feature = "openapi"))]
        const CATALOGUE: &[(&str, Advice)] = &[$((stringify!($name), $name)),*];
    };
}

catalogue! {
    // Every route.
    UNAUTHENTICATED: Unauthenticated 401 "请先登录" => "登录状态缺失或已过期，请重新登录后再试";
    INVALID_REQUEST: InvalidRequest 400 "请求参数有误" => "请按提示修改后重新提交";
    NOT_FOUND: NotFound 404 "未找到要操作的内容" => "它可能已被删除或不属于当前账号，请刷新后再试";
    BUSY: Conflict 409 "同一内容正在被其他操作占用" => "请稍等几秒后再试";
    UNAVAILABLE: Internal 503 "服务暂时不可用" => "请稍后再试";
    INTERNAL: Internal 500 "系统繁忙，操作未能完成" => "请稍后再试；若仍然失败，请将请求编号（requestId）提供给客服";

    // Authorising a Douyin account.
    STATE_INVALID: DouyinAuth 400 "授权链接无效或已过期" => "请返回存客宝重新发起抖音授权";
    CONSENT_DENIED: DouyinAuth 400 "您在抖音取消了授权" => "如需获客，请重新发起授权并点击同意";
    CODE_REJECTED: DouyinAuth 400 "抖音授权码无效、已使用或已过期" => "请重新发起抖音授权";
    ACCOUNT_UNKNOWN: DouyinAuth 400 "您尚未授权该抖音账号" => "请先完成该抖音账号的授权，再进行操作";
    ACCOUNT_EXPIRED: DouyinAuth 400 "该抖音账号的授权已过期" => "请重新授权该抖音账号后再试";
    ACCOUNT_RECOVERS: DouyinAuth 400 "抖音暂时不接受该账号的授权，正在自动恢复" => "无需操作；如第二天仍未恢复，请重新授权该抖音账号";
    ACCOUNT_SUPERSEDED: DouyinAuth 400 "该抖音账号已由其他存客宝用户重新授权，原有授权已失效" => "如需继续使用，请重新授权该抖音账号";
    ACCOUNT_REVOKED: DouyinAuth 400 "该抖音账号已在抖音端取消授权" => "请重新授权该抖音账号后再试";
    ACCOUNT_BOUND_TO_ANOTHER_USER: DouyinAuth 400 "该抖音账号已绑定其他存客宝用户" => "请先由原用户解除绑定，或更换抖音账号授权";
    ACCOUNT_DATA_BEING_DELETED: DouyinAuth 400 "该抖音账号的数据正在删除" => "请等待删除完成后再重新授权，通常只需几分钟";
    SCOPE_MISSING: DouyinAuth 400 "抖音账号未授予粉丝列表权限" => "请重新授权，并在抖音授权页勾选全部权限";
    OTHER_BROWSER: DouyinAuth 400 "请在发起授权的浏览器中完成授权，本次授权未生效" => "请登录存客宝，在同一浏览器中重新发起抖音授权；请勿打开他人发来的授权链接";
    NOT_YOUR_TICKET: DouyinAuth 403 "该授权由其他存客宝用户发起，已作废，未绑定任何账号" => "如需绑定该抖音账号，请在您自己的存客宝中重新发起授权；请勿打开他人发来的授权链接";

    // Webhooks.
    TOO_MANY_WEBHOOKS: Conflict 409 "Webhook 数量已达上限" => "最多可建 50 个，请先删除不再使用的";
    WEBHOOK_NOT_ACTIVE: Conflict 409 "该 Webhook 已暂停或停用，不会发送任何内容" => "请先将其重新启用（status: ACTIVE）再试";

    // Fan syncs and leads.
    SYNC_STALLED: DouyinLeadSync 500 "粉丝同步多次重试仍无进展，已停止" => "已同步的线索均已保存，请稍后重新发起同步";
    SYNC_ACCOUNT_DISCONNECTED: DouyinLeadSync 500 "该抖音账号已解除绑定，同步已停止" => "已同步的线索均已保存；如需继续请重新授权该账号";
    SYNC_ACCOUNT_TAKEN_OVER: DouyinLeadSync 500 "该抖音账号的授权已失效，并已由其他存客宝用户重新授权，同步已停止" => "已同步的线索均已保存；如该账号属于您，请在抖音中取消其他授权后重新授权";
    SYNC_KEY_REUSED: DouyinLeadSync 422 "同一个 Idempotency-Key 已用于内容不同的同步请求" => "请为新的同步请求使用新的 Idempotency-Key";
    SYNC_UNAVAILABLE: DouyinLeadSync 400 "应用未开通粉丝列表能力，暂时无法同步粉丝" => "已有线索不受影响；请联系存客宝客服了解其他获客方式";
    NOTE_KEY_REUSED: InvalidRequest 422 "同一个 Idempotency-Key 已用于内容不同的备注" => "请为新的备注使用新的 Idempotency-Key";
    TOO_LONG_TO_EXPORT: InvalidDouyinLeadQuery 422 "符合条件的线索内容过多，一个文件放不下" => "请缩小时间范围或增加筛选条件，分几次导出";
    INVALID_LEAD_QUERY: InvalidDouyinLeadQuery 400 "请求参数有误" => "请按提示修改后重新提交";

    MERGE_TOO_LARGE: Conflict 409 "合并后的线索过多或备注过长" => "请精简备注，或不再合并更多线索";
    LEAD_ERASED: LeadErased 410 "该线索的个人信息已按要求删除，无法恢复" => "请刷新线索列表";

    // Douyin's refusals.
    DOUYIN_RATE_LIMITED: DouyinApi 500 "抖音接口请求过于频繁" => "请稍后再试";
    DOUYIN_QUOTA_EXHAUSTED: DouyinApi 500 "今日抖音接口调用额度已用完" => "额度将于北京时间 08:00 恢复";
    DOUYIN_UNAVAILABLE: DouyinApi 500 "抖音服务暂时不可用" => "请稍后重试";
    DOUYIN_ACCOUNT_UNAVAILABLE: DouyinApi 500 "该抖音账号状态异常（封禁、注销或私密）" => "请在抖音中检查账号状态，恢复后再试";
    DOUYIN_MISCONFIGURED: DouyinApi 500 "存客宝在抖音开放平台的应用配置或能力不可用" => "请联系存客宝客服处理，无需重新授权";
    DOUYIN_RETIRED: DouyinApi 500 "抖音已下线该接口" => "请联系存客宝客服了解替代方案";
    DOUYIN_UNKNOWN: DouyinApi 500 "抖音返回了未知错误" => "请稍后重试；若持续出现请联系存客宝客服";

    // Making and managing moment tasks.
    WECHAT_ACCOUNT_NOT_FOUND: WechatAccountNotFound 404 "请求参数有误" => "请按提示修改后重新提交";
    CONTENT_REFUSED: MomentSyncCreation 422 "请求参数有误" => "请按提示修改后重新提交";
    DUPLICATE_CONTENT: DuplicateContent 422 "相同的文字和素材在 30 天内已向这些账号发布过" => "请更换内容或账号；如仍要重复发布，请传 force: [\"DUPLICATE_CONTENT\"]";
    DAILY_CAP: DailyCap 422 "这些个人号今天的发布次数已用完" => "请定时到其他日期发布；如仍要今天发布，请传 force: [\"DAILY_CAP\"]";
    QUIET_HOURS: QuietHours 422 "发布时间在个人号的安静时段内" => "请定时到可发布的时段；如仍要此时发布，请传 force: [\"QUIET_HOURS\"]";
    CREATION_FAILED: MomentSyncCreation 500 "系统繁忙，任务未创建" => "请稍后再试；若仍然失败，请将请求编号（requestId）提供给客服";
    CREATION_UNPROVEN: MomentSyncCreation 500 "系统繁忙，暂时无法确认任务是否已创建" => "请先刷新任务列表，确认没有该任务后再重新提交，以免重复发布";
    CONTENT_LIBRARY_UNAVAILABLE: MomentSyncCreation 500 "内容库暂时不可用，任务未创建" => "请稍后再试，或直接填写文字与素材";
    TEXT_NOT_JUDGED: MomentSyncCreation 503 "内容审核暂时不可用，任务未创建" => "请稍后再试；若仍然失败，请将请求编号（requestId）提供给客服";
    IDEMPOTENCY_KEY_REUSED: MomentSyncCreation 422 "同一个 Idempotency-Key 已用于内容不同的请求" => "请为新的任务使用新的 Idempotency-Key";
    NOT_FAILED: Conflict 409 "请求参数有误" => "请按提示修改后重新提交";
    TASK_HAS_ENDED: Conflict 409 "任务已结束，不能取消" => "请刷新任务后再操作";
    TASK_IS_SUBMITTED: Conflict 409 "内容已提交给微信，不能取消；请在微信中处理" => "请刷新任务后再操作";
    TASK_HAS_BEGUN: Conflict 409 "只有尚未开始的定时任务可以修改时间" => "请刷新任务后再操作";
    NOTHING_TO_STOP: Conflict 409 "任务已结束，没有可以停止的内容" => "请刷新任务后再操作";
    ONLY_WAITING_BEGINS_NOW: Conflict 409 "只有尚未开始的定时任务可以立即发布" => "请刷新任务后再操作";
    TASK_IS_RUNNING: Conflict 409 "任务仍在进行中，请等待结束后再重试" => "请刷新任务后再操作";
    MEDIA_RELEASED: Conflict 409 "此任务保存的图片或视频已删除（全部成功后即删除，否则在结束 7 天后），不能再重试" => "请重新创建任务";
    NOTHING_TO_RETRY: Conflict 409 "没有失败的账号需要重试" => "请刷新任务后再操作";
    ONLY_UNCONFIRMED: Conflict 409 "这些账号是否已发布尚未确认，默认不会重试。请先查看是否已发布，确认没有后再以 includeUnconfirmed=true 重试" => "请刷新任务后再操作";
    ONLY_BLIND: Conflict 409 "网关看不到这些账号的朋友圈，无法核对是否已发布，重试可能重复发布。请先在微信中查看，确认没有发布并愿意承担重复发布的风险后，再以 includeUnconfirmed=true 且 force=true 重试" => "请刷新任务后再操作";
    WECHAT_ACCOUNT_BOUND_TO_ANOTHER_USER: Conflict 409 "该微信账号或企业应用已由其他存客宝用户连接" => "请先由原用户解除连接，或更换账号";

    // Why an account's publication failed without a provider saying so.
    UNCONFIRMED: MomentPublishUnconfirmed 500 "发送后未收到微信的确认，无法确定是否已发布" => "请先在微信中查看该账号的朋友圈，确认没有发布后，再选择重试未确认的账号";
    UNPROVABLE: MomentPublishUnconfirmed 500 "发送后未收到微信的确认，且网关看不到该账号的朋友圈，无法核对是否已发布" => "请先在微信中查看该账号的朋友圈；确认没有发布后可以 includeUnconfirmed=true 且 force=true 重试，但仍有可能重复发布";
    MEMBERS_UNCONFIRMED: MomentPublishUnconfirmed 500 "未收到企业微信的确认，无法确定成员是否已收到或已发布" => "请先在企业微信管理后台及成员的待办中查看，确认没有后，再选择重试未确认的账号";
    TIME_MISSED: MomentPublishFailed 500 "已错过预定发布时间，为避免打扰客户未再补发" => "请重新创建任务";
    WAITED_TOO_LONG: MomentPublishFailed 500 "等待过久仍未能发布，为避免打扰客户未再补发，没有内容被发出" => "请重试，或定时到合适的时间";
    ACCOUNT_UNUSABLE: MomentPublishFailed 500 "该账号当前不可用（离线、过期或已解绑）" => "请恢复账号后重试";
    MEMBER_NOT_ASKED: MomentPublishFailed 500 "企业微信没有请该成员发表（例如该成员没有可见的客户）" => "请检查该成员的客户与可见范围后重试";
    NOT_CONFIRMED_BY_MEMBER: MomentPublishFailed 500 "成员超时未确认发布" => "请提醒成员在企业微信中及时确认，然后重试";
    GAVE_UP: MomentPublishFailed 500 "多次尝试仍未能发布，没有内容被发出" => "请稍后重试";
    MEMBER_REFUSED: MomentPublishFailed 400 "企业微信不接受该成员发表客户朋友圈" => "请检查其客户联系权限与应用可见范围后重试";
    TEXT_REFUSED: MomentSyncCreation 422 "发布前文字未通过内容审核，没有内容被发出" => "请修改文字后重新创建任务";
    MEDIA_UNUSABLE: MomentPublishFailed 500 "图片或视频无法下载或已被更改" => "请检查素材链接后重新创建任务";

    // A provider's refusals: of a publication, or of a connection while somebody waits. What that person typed wrong is
    // theirs to correct, a 400; whatever else a provider does is a 500.
    WECHAT_UNAVAILABLE: WechatApi 500 "微信服务暂时繁忙" => "请稍后重试";
    GATEWAY_UNAVAILABLE: WechatApi 500 "个人号网关暂时没有响应" => "请稍后重试，若一再出现请联系网关服务商";
    GATEWAY_MEDIA_FAILED: WechatApi 500 "个人号网关多次未能取得图片或视频" => "素材链接在检查时可以下载，请稍后重试，若一再出现请联系网关服务商";
    WECHAT_RATE_LIMITED: WechatApi 500 "微信接口调用过于频繁" => "请稍后重试";
    CORP_CREDENTIALS_INVALID: WechatApi 400 "企业微信应用凭证无效" => "请核对企业 ID 和应用密钥，重新连接账号后重试";
    CORP_CREDENTIALS_REFUSED: WechatApi 400 "企业微信应用凭证无效" => "请核对企业 ID 和应用密钥后重新提交";
    GATEWAY_TOKEN_INVALID: WechatApi 400 "网关令牌无效" => "请核对网关令牌，重新连接账号后重试";
    GATEWAY_TOKEN_REFUSED: WechatApi 400 "网关令牌无效" => "请核对网关令牌后重新提交";
    CONTENT_REJECTED: MomentPublishFailed 500 "内容含有微信不允许发布的信息" => "请修改内容后重新创建任务";
    CONTENT_INVALID: MomentPublishFailed 500 "微信认为内容格式不符合要求" => "请检查文字与素材后重新创建任务";
    MOMENT_RIGHT_MISSING: WechatApi 400 "企业微信应用没有客户朋友圈权限" => "请管理员在企业微信后台开通后重试";
    CORP_SECRET_REFUSED: WechatApi 400 "企业微信不再接受应用密钥" => "请在企业微信后台查看应用密钥并更新，更新后自动恢复";
    PROXY_NOT_CONNECTED: WechatApi 400 "无法通过贵公司的代理服务器连接企业微信" => "请检查代理地址、账号密码与其运行状况后重试";
    DEVICE_OFFLINE: WechatApi 400 "该微信账号已离线" => "请重新登录，待账号恢复在线（约 10 分钟内，重新连接账号可立即恢复）后重试";
    DEVICE_NOT_LOGGED_IN: WechatApi 400 "该设备当前未登录微信" => "请先在网关中登录后再连接";
    DEVICE_HAS_ANOTHER_PERSON: WechatApi 400 "该设备上登录的已不是此微信账号，没有内容被发出" => "请用此微信重新登录该设备，或在其所在设备上重新连接账号后重试";
    DEVICE_UNKNOWN: WechatApi 400 "网关中找不到该设备" => "请核对设备编号（appId），重新连接账号后重试";
    DEVICE_REFUSED: WechatApi 400 "网关中找不到该设备" => "请核对设备编号（appId）后重新提交";
    DEVICE_TOO_NEW: WechatApi 500 "新登录的设备暂不能发朋友圈，通常需等待 1 至 3 天" => "请届时重试";
    MOMENT_NOT_FOUND: WechatApi 500 "微信中已找不到该发布任务" => "请重新创建任务";
    WECHAT_UNKNOWN: WechatApi 500 "微信返回了未知错误" => "请稍后重试；若持续出现请联系存客宝客服";
}

/// The caller lacks `permission`.
pub fn permission_denied(permission: &str) -> Advice {
    let remedy = format!("请联系管理员开通权限 {permission}").into();
    Advice { remedy, ..Advice::new(ErrorCode::PermissionDenied, 403, "您没有执行此操作的权限", "") }
}

/// A ticket that confirms an authorisation is unknown, was used before, or is older than `minutes`.
pub fn ticket_invalid(minutes: u64) -> Advice {
    let remedy = format!("确认须在授权后 {minutes} 分钟内完成且仅限一次，请重新发起抖音授权").into();
    Advice { remedy, ..Advice::new(ErrorCode::DouyinAuth, 410, "授权确认已失效", "") }
}

/// `found` leads fit, and a file has `most`.
pub fn too_many_to_export(found: u64, most: u64) -> Advice {
    let message = format!("符合条件的线索有 {found} 条，一次最多导出 {most} 条").into();
    let remedy = "请缩小时间范围或增加筛选条件，分几次导出";
    Advice { message, ..Advice::new(ErrorCode::InvalidDouyinLeadQuery, 422, "", remedy) }
}

/// A lead may not go `from` one status `to` another.
pub fn illegal_transition(from: &str, to: &str) -> Advice {
    const REMEDY: &str = "线索须按 NEW → CONTACTED → CONVERTED 推进；如需退回 NEW，请传 reopen: true";
    let message = format!("线索状态不能由 {from} 变更为 {to}").into();
    Advice { message, ..Advice::new(ErrorCode::Conflict, 409, "", REMEDY) }
}

/// A lead was edited since the caller read it, and is at version `current`.
pub fn stale_version(current: u64) -> Advice {
    let message = format!("该线索已被修改，当前版本为 {current}").into();
    Advice {
        message, ..Advice::new(ErrorCode::Conflict, 409, "", "请刷新线索后，在最新版本上重新提交")
    }
}

/// A lead was merged into lead number `into`.
pub fn lead_merged(into: u64) -> Advice {
    let (message, remedy) = (format!("该线索已合并到线索 {into}").into(), format!("请在线索 {into} 上操作").into());
    Advice { message, remedy, ..Advice::new(ErrorCode::Conflict, 409, "", "") }
}

/// Events were asked for that are not kept any more; number `oldest` is the first that is.
pub fn events_expired(oldest: u64) -> Advice {
    let after = oldest.saturating_sub(1);
    let remedy = format!("请先重新读取全部线索，再以 after={after} 继续读取事件").into();
    Advice { remedy, ..Advice::new(ErrorCode::EventsExpired, 410, "所要的事件已超过保存期限", "") }
}

/// Medium number `number` of a task, from 1, cannot be used any more; `problem` says why, and what to do about it.
pub fn medium_unusable(number: usize, problem: impl Display) -> Advice {
    let message = format!("第 {number} 个素材无法使用：{problem}").into();
    Advice { message, ..Advice::new(ErrorCode::MomentPublishFailed, 500, "", "处理后请重新创建任务") }
}

/// The text of a task has `word`, which is forbidden since the task was made.
pub fn text_forbidden(word: &str) -> Advice {
    let message = format!("文字含有敏感词“{word}”，没有内容被发出").into();
    Advice { message, ..Advice::new(ErrorCode::MomentSyncCreation, 422, "", "请修改文字后重新创建任务") }
}

/// WeCom refuses calls from the address `seen`, as far as it named it, because the company does not list it.
pub fn ip_not_trusted(seen: Option<IpAddr>) -> Advice {
    const REMEDY: &str =
        "请管理员将其添加到应用的企业可信 IP 后重试。该地址须是贵公司自己的服务器地址，服务商地址会被企业微信拒绝";
    let message = match seen {
        Some(ip) => format!("企业微信看到的服务器地址 {ip} 不在应用的可信 IP 中").into(),
        None => "服务器地址不在企业微信应用的可信 IP 中".into(),
    };
    Advice { message, ..Advice::new(ErrorCode::WechatApi, 400, "", REMEDY) }
}

/// Every advice by its name; one that is written with a number or a name, with an example of it.
#[cfg(any(test, feature = "openapi"))]
pub fn samples() -> Vec<(&'static str, Advice)> {
    let written = [
        ("permission_denied", permission_denied("lead:douyin:leads:view")),
        ("ticket_invalid", ticket_invalid(10)),
        ("illegal_transition", illegal_transition("NEW", "CONVERTED")),
        ("stale_version", stale_version(3)),
        ("lead_merged", lead_merged(7)),
        ("events_expired", events_expired(1_201)),
        ("too_many_to_export", too_many_to_export(10_001, 10_000)),
        ("text_forbidden", text_forbidden("稳赚不赔")),
        ("ip_not_trusted", ip_not_trusted(None)),
        ("ip_not_trusted with it", ip_not_trusted(Some([203, 0, 113, 7].into()))),
        ("medium_unusable", medium_unusable(1, "素材内容为空，请重新上传")),
    ];
    CATALOGUE.iter().cloned().chain(written).collect()
}

impl Error {
    /// What the caller is told of a failure below the domains.
    pub fn advice(&self) -> Advice {
        match self {
            Self::Unauthenticated(_) => UNAUTHENTICATED,
            Self::PermissionDenied(permission) => permission_denied(permission),
            Self::InvalidRequest(_) => INVALID_REQUEST,
            Self::NotFound(_) => NOT_FOUND,
            Self::Contention(_) => BUSY,
            Self::Unavailable(_) => UNAVAILABLE,
            Self::EventsExpired { oldest } => events_expired(*oldest),
            Self::Aws { .. } | Self::Corrupt(_) | Self::Internal(_) => INTERNAL,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn advice_of_every_code_says_in_chinese_what_happened_and_what_to_do() {
        let mut seen = HashSet::new();
        for (name, advice) in samples() {
            for text in [&advice.message, &advice.remedy] {
                assert!(text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)), "{name}: {text:?}");
                assert!(!text.ends_with(['。', '，', '；']), "{name}: {text:?}");
            }
            assert!(matches!(advice.status, 400 | 401 | 403 | 404 | 409 | 410 | 422 | 500 | 503), "{name}");
            assert!(seen.insert((advice.code.as_str(), advice.sentence())), "{name} is said twice");
        }
    }

    #[test]
    fn advice_with_a_number_has_it_in_its_sentence() {
        assert!(permission_denied("audit:view").remedy.ends_with("audit:view"));
        assert!(ticket_invalid(10).remedy.contains(" 10 分钟内"));
        assert_eq!(illegal_transition("NEW", "CONVERTED").message, "线索状态不能由 NEW 变更为 CONVERTED");
        assert_eq!(lead_merged(7).message, "该线索已合并到线索 7");
        assert_eq!(stale_version(3).message, "该线索已被修改，当前版本为 3");
        assert!(ip_not_trusted(Some([203, 0, 113, 7].into())).message.contains(" 203.0.113.7 "));
        assert!(text_forbidden("稳赚不赔").message.contains("“稳赚不赔”"));
        let sentence = medium_unusable(2, "素材内容为空，请重新上传").sentence();
        assert_eq!(sentence, "第 2 个素材无法使用：素材内容为空，请重新上传。处理后请重新创建任务");
    }
}
