//! What the document says of the API as a whole, for those who call it.

pub(super) const TITLE: &str = "存客宝获客后端";

pub(super) const LEADS: &str = "抖音线索";
pub(super) const AUTHORIZATION: &str = "抖音授权";
pub(super) const SYNC: &str = "粉丝同步";
pub(super) const WECHAT: &str = "微信账号";
pub(super) const MOMENTS: &str = "朋友圈发布";
pub(super) const PLATFORM: &str = "平台";
pub(super) const EVENTS: &str = "事件";
pub(super) const WEBHOOKS: &str = "平台回调";

pub(super) const TAGS: &[(&str, &str)] = &[
    (AUTHORIZATION, "授权、查看与解绑抖音账号"),
    (SYNC, "把抖音账号的粉丝同步为线索"),
    (LEADS, "查询、跟进、导出与删除线索"),
    (WECHAT, "连接与查看可发布朋友圈的微信账号及企业"),
    (MOMENTS, "发布朋友圈，查看与管理发布任务"),
    (EVENTS, "读取什么发生了变化，或由 Webhook 与群机器人通知"),
    (PLATFORM, "与业务无关的能力"),
    (WEBHOOKS, "由抖音与个人号网关调用，前端不使用"),
];

pub(super) const TOKEN: &str =
    "存客宝签发的登录令牌（JWT），含数字 userId 与 permissions；权限可用 * 结尾匹配，例如 lead:douyin:*";

pub(super) const ABOUT: &str = "\
所有 JSON 应答都是 `{code, message, data}`：`code` 与 HTTP 状态一致，`message` 可直接展示给用户。\
出错时另有 `error`：按 `error.type` 分支处理，`error.reason` 告诉用户该怎么做，`error.fields` 指出要修改的字段，\
`error.requestId` 提供给客服即可定位。

时间均为带时区的 RFC 3339，应答中一律为 UTC（以 Z 结尾）；没有时区的时间会被拒绝。可省略的字段也可以传 null，含义相同；\
请求中未知的字段与取值会被拒绝并指明。空的查询参数等同于未填，以下划线开头的查询参数会被忽略。

应答可能增加新的字段，请忽略不认识的字段。别人的数据与不存在的数据无法区分，都是 404。

网关自身的应答没有上述格式：未知路径 404、请求过多 429、超时或不可用 503，内容为 `{message}`，此时没有执行任何操作或结果未知。";
