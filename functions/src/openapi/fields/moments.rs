//! Words of what belongs to publishing.

use super::Words;

pub(super) const WORDS: &[Words] = &[
    ("AccountId", "微信账号编号", &[]),
    ("AccountType", "WEWORK 企业微信成员；PERSONAL 个人号", &[]),
    ("WechatAccountStatus", "ACTIVE 可发布；OFFLINE 设备离线；EXPIRED 凭证失效", &[]),
    ("WechatAccount", "可用于发布的账号", &[("accountType", "账号类型"), ("status", "账号状态")]),
    ("WechatAccountConnectBody", "要连接的企业或设备", &[]),
    (
        "WechatCompany",
        "企业微信应用及其成员",
        &[
            ("accountType", "固定为 WEWORK"),
            ("corpId", "企业 ID"),
            ("agentId", "应用的 AgentId"),
            ("secret", "应用密钥"),
            ("memberIds", "要连接的成员；未填时为全部有客户联系权限的成员"),
            ("egressProxyUrl", "访问企业微信的代理，http(s)://[用户名:密码@]主机:端口；空文本为不再使用"),
        ],
    ),
    (
        "WechatDevice",
        "网关中的设备",
        &[
            ("accountType", "固定为 PERSONAL"),
            ("appId", "设备编号"),
            ("gatewayToken", "网关令牌"),
            ("accountName", "显示的名称；未填时为微信昵称"),
            ("acceptRisk", "已知悉风险，须为 true"),
        ],
    ),
    (
        "WechatAccountConnectAnswer",
        "已连接的账号",
        &[("accounts", "连接的账号"), ("riskNotice", "风险提示；只有个人号有")],
    ),
    ("WechatAccountDisconnectAnswer", "已解除的账号", &[]),
    (
        "GatewayNotice",
        "网关的通知",
        &[("TypeName", "通知的类型，例如 Offline"), ("Appid", "设备编号"), ("Wxid", "微信号")],
    ),
    ("CorpKey", "企业应用的键，即 企业 ID#AgentId", &[]),
    (
        "Corp",
        "已连接成员的企业",
        &[
            ("corpKey", "企业应用的键"),
            ("corpId", "企业 ID"),
            ("agentId", "应用的 AgentId"),
            ("members", "已连接的成员数"),
            ("hasEgressProxy", "是否使用代理"),
            ("health", "能否调用企业微信"),
        ],
    ),
    (
        "CorpHealth",
        "能否调用企业微信",
        &[
            ("status", "状况"),
            ("reason", "原因与处理办法；正常时为 null"),
            ("seenIp", "企业微信看到的地址；只在不受信任时有"),
        ],
    ),
    ("CorpHealthStatus", "OK 正常，或不能调用的原因", &[]),
    (
        "CorpProblem",
        "IP_NOT_TRUSTED 地址不在企业可信 IP 中；SECRET_REFUSED 密钥不被接受；PROXY_NOT_CONNECTED 代理无法连接",
        &[],
    ),
    (
        "WechatCorpUpdateBody",
        "要更新的内容，至少一项",
        &[("secret", "新的应用密钥"), ("egressProxyUrl", "新的代理地址；空文本为不再使用")],
    ),
    ("ContentId", "内容库中的编号，数字或文本", &[]),
    ("Force", "DUPLICATE_CONTENT 30 天内重复的内容；DAILY_CAP 超过当日次数；QUIET_HOURS 安静时段", &[]),
    (
        "NewPost",
        "要发布的内容、账号与时间",
        &[
            ("text", "文字，最多 2,000 字且不超过 4,000 字节"),
            ("mediaUrls", "图片或视频的 https 地址：最多 9 张图片或 1 个视频"),
            ("accountIds", "要发布到的账号，不能重复"),
            ("scheduledTime", "定时发布的时间，一年以内；未填为立即发布"),
            ("force", "明知仍要发布的情形"),
        ],
    ),
    ("MomentSyncAnswer", "已创建的任务", &[("status", "固定为 PENDING")]),
    ("MomentValidateAnswer", "检查结果", &[("valid", "是否可以发布"), ("problems", "不能发布的原因；可以时为空")]),
    (
        "Objection",
        "不能发布的一个原因",
        &[("path", "字段的路径"), ("problem", "问题与改法"), ("code", "发布时会得到的错误类型")],
    ),
    (
        "TaskStatus",
        "PENDING 等待；PROCESSING 进行中；COMPLETED 全部成功；PARTIAL_SUCCESS 部分成功；FAILED 全部失败；CANCELLED 已取消",
        &[],
    ),
    ("TaskSummary", "列表中的发布任务", &[("text", "文字"), ("status", "任务状态")]),
    ("TaskSummaryPage", "发布任务的一页", &[]),
    (
        "Task",
        "发布任务与每个账号的结果",
        &[
            ("status", "任务状态"),
            ("results", "每个账号的结果"),
            ("text", "文字"),
            ("counts", "整个任务按状态的账号数"),
            ("resultsTotal", "筛选后的账号数"),
        ],
    ),
    (
        "TaskCounts",
        "各状态的账号数",
        &[
            ("success", "成功"),
            ("failed", "失败"),
            ("processing", "进行中"),
            ("pending", "等待"),
            ("cancelled", "已取消"),
        ],
    ),
    ("ResultStatus", "PENDING 等待；PROCESSING 进行中；SUCCESS 已发布；FAILED 失败；CANCELLED 已取消", &[]),
    (
        "Stage",
        "比状态更细的进展：QUEUED 排队、CLAIMED 准备素材、SENDING 正在提交、SUBMITTED 已提交、WAITING_MEMBER_CONFIRM 等待成员确认、\
         PUBLISHED 已发布、UNCONFIRMED 是否已发布尚未确认；其余为结束的方式",
        &[],
    ),
    (
        "AccountResult",
        "一个账号的结果",
        &[
            ("status", "结果状态"),
            ("stage", "进展"),
            ("momentId", "微信给出的朋友圈编号；发布成功才有"),
            ("errorCode", "失败的错误类型"),
            ("errorMessage", "失败的原因与处理办法"),
            ("reason", "没有结束时在等什么"),
            ("nextActionAt", "下次处理的时间；处理中为 null"),
            ("confirmUntil", "成员须在此之前确认"),
        ],
    ),
    (
        "MomentTaskUpdateBody",
        "新的时间",
        &[("scheduledTime", "新的定时时间，一年以内"), ("force", "明知仍要发布的情形，只有 QUIET_HOURS 有效")],
    ),
    (
        "MomentTaskRetryBody",
        "要重试的账号",
        &[
            ("accountIds", "只重试这些账号；未填为全部失败的账号"),
            ("includeUnconfirmed", "也重试是否已发布尚未确认的账号"),
            ("force", "网关看不到朋友圈的账号也重试，自担重复发布的风险"),
        ],
    ),
    (
        "MomentTaskStopAnswer",
        "正在停止的任务与每个账号的处理",
        &[
            ("status", "任务状态"),
            ("results", "每个账号的结果"),
            ("text", "文字"),
            ("counts", "整个任务按状态的账号数"),
            ("resultsTotal", "账号数"),
            ("stops", "每个账号停止的结果"),
        ],
    ),
    ("Stop", "一个账号停止的结果", &[("outcome", "结果"), ("reason", "不能停止的原因；能停止时为 null")]),
    ("StopOutcome", "CANCELLED 已取消；STOPPING 正在停止，结果见任务；NOT_RECALLED 已发出或可能已发出，无法收回", &[]),
];
