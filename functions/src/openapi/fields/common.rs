//! Words of fields that mean the same wherever they are, and of what belongs to no domain.

use super::Words;

/// By the name of the field.
const ANYWHERE: &[(&str, &str)] = &[
    ("code", "与 HTTP 状态相同"),
    ("message", "可直接展示给用户的说明"),
    ("data", "应答内容；出错时为 null"),
    ("error", "出错时才有"),
    ("type", "错误类型，按它分支处理"),
    ("reason", "用户可以怎么做"),
    ("fields", "要修改的字段；与字段无关时没有"),
    ("oldestSequence", "仍保存的第一个事件的序号"),
    ("requestId", "请求编号，提供给客服即可定位"),
    ("records", "本页的记录，最新的在前"),
    ("total", "总条数"),
    ("size", "每页条数"),
    ("current", "当前页码，从 1 开始"),
    ("pages", "总页数"),
    ("createTime", "创建时间"),
    ("updateTime", "最后变更时间"),
    ("nickname", "昵称"),
    ("avatarUrl", "头像地址；没有时为空"),
    ("leadId", "线索编号"),
    ("ownerId", "跟进人，即前端自己的用户编号；没有时为 null"),
    ("unifiedLeadId", "统一线索模块中的编号；尚未关联时为 null"),
    ("actor", "操作人"),
    ("version", "线索的版本，每次修改加一"),
    ("accountId", "微信账号编号"),
    ("accountName", "账号名称"),
    ("syncTaskId", "发布任务编号"),
    ("contentId", "内容库中的内容编号；没有时为 null"),
    ("mediaUrls", "图片或视频的地址"),
    ("scheduledTime", "定时发布的时间；立即发布时为 null"),
];

/// Query parameters, by name.
const PARAMETERS: &[(&str, &str)] = &[
    ("page", "页码，从 1 开始，默认 1"),
    ("size", "每页条数，默认 10"),
    ("from", "不早于此时间（含）"),
    ("to", "不晚于此时间（含）"),
    ("actor", "操作人的编号"),
    ("action", "操作的类型，例如 LEAD_ERASED"),
    ("after", "上次读到的最后一个序号，默认 0，即从头读取"),
    ("limit", "最多返回的事件数，默认 100"),
    ("redirectUrl", "授权后要回到的页面，其来源须在允许名单内"),
    ("code", "抖音给出的授权码"),
    ("state", "授权链接中的一次性凭证"),
    ("error", "抖音给出的错误"),
    ("douyinUserId", "抖音账号的 open_id"),
    ("startTime", "不早于此时间（含）"),
    ("endTime", "不晚于此时间（含）"),
    ("keyword", "匹配昵称与备注，不分大小写与全半角"),
    ("status", "状态"),
    ("sourceDouyinUserId", "线索来源的抖音账号"),
    ("ownerId", "跟进人"),
    ("accountStatus", "只显示此状态的账号"),
];

pub(super) fn of_any(field: &str) -> Option<&'static str> {
    find(ANYWHERE, field)
}

pub(super) fn of_parameter(name: &str) -> Option<&'static str> {
    find(PARAMETERS, name)
}

fn find(table: &[(&'static str, &'static str)], name: &str) -> Option<&'static str> {
    table.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

pub(super) const WORDS: &[Words] = &[
    ("ErrorCode", "稳定的错误类型", &[]),
    ("FieldProblem", "要修改的一个字段", &[("path", "字段的路径，例如 accountIds[2]"), ("problem", "问题与改法")]),
    ("Actor", "操作人", &[("id", "令牌中的 sub，没有时为 userId"), ("name", "令牌中的 name；没有时没有")]),
    (
        "AuditEntry",
        "一条操作记录",
        &[
            ("time", "操作时间"),
            ("action", "操作的类型"),
            ("object", "操作的对象"),
            ("before", "操作前的值"),
            ("after", "操作后的值"),
        ],
    ),
    ("AuditEntryPage", "操作记录的一页", &[]),
    ("EventPage", "事件", &[("events", "事件，按序号升序"), ("lastSequence", "最新事件的序号；还没有事件时为 0")]),
    (
        "Event",
        "一个事件",
        &[
            ("sequence", "序号，从 1 起连续"),
            ("id", "事件编号，不会重复"),
            ("type", "事件类型"),
            ("time", "变化的时间"),
            ("data", "内容，由 type 决定"),
        ],
    ),
    ("EventType", "事件类型", &[]),
    ("EventData", "事件的内容，由 type 决定", &[]),
    ("ChangedField", "有变化的字段", &[]),
    (
        "LeadCreatedEvent",
        "lead.created：新线索",
        &[("leadIds", "新线索的编号"), ("leads", "这些线索的当前内容；已删除或已合并的没有")],
    ),
    (
        "LeadUpdatedEvent",
        "lead.updated：线索有变化",
        &[("changed", "有变化的字段"), ("lead", "线索的当前内容；已删除或已合并时为 null")],
    ),
    (
        "LeadStatusChangedEvent",
        "lead.status_changed：线索的状态有变化",
        &[("from", "变化前的状态"), ("to", "变化后的状态"), ("lead", "线索的当前内容；已删除或已合并时为 null")],
    ),
    (
        "LeadMergedEvent",
        "lead.merged：两条线索合并为一条",
        &[
            ("leadId", "保留的线索"),
            ("mergedLeadId", "并入其中、不再单独存在的线索"),
            ("lead", "保留线索的当前内容；已删除或又合并时为 null"),
        ],
    ),
    (
        "SyncCompletedEvent",
        "sync.completed：粉丝同步完成",
        &[
            ("taskId", "同步任务编号"),
            ("douyinUserId", "抖音账号的 open_id"),
            ("strategy", "同步方式"),
            ("created", "新增的线索数"),
            ("updated", "有变化的线索数"),
            ("unfollowed", "标记为已取消关注的线索数"),
        ],
    ),
    (
        "SyncFailedEvent",
        "sync.failed：粉丝同步失败",
        &[
            ("taskId", "同步任务编号"),
            ("douyinUserId", "抖音账号的 open_id"),
            ("error", "失败的原因，与同步任务中的相同"),
        ],
    ),
    ("SyncFailureReason", "同步失败的原因", &[]),
    (
        "AccountExpiredEvent",
        "account.expired：账号不能再使用",
        &[
            ("platform", "平台"),
            ("douyinUserId", "抖音账号的 open_id"),
            ("status", "账号的状态：EXPIRED 为授权已失效，REVOKED 为已在抖音取消授权"),
            ("recovers", "是否很可能自行恢复；否则须重新授权"),
            ("message", "发生了什么"),
            ("reason", "该怎么办"),
        ],
    ),
    (
        "AccountEvent",
        "account.restored、account.taken_over：哪个账号",
        &[("platform", "平台"), ("douyinUserId", "抖音账号的 open_id")],
    ),
    (
        "AccountReauthorizeDueEvent",
        "account.reauthorize_due：账号须重新授权，否则到期后不能再使用",
        &[
            ("platform", "平台"),
            ("douyinUserId", "抖音账号的 open_id"),
            ("daysLeft", "剩余天数，不足一天的按一天计"),
            ("endsAt", "授权到期的时间"),
        ],
    ),
    (
        "WechatAccountsStoppedEvent",
        "account.expired、account.offline：微信账号不能发布",
        &[
            ("platform", "平台：WECHAT_PERSONAL 为微信个人号，WECHAT_WEWORK 为企业微信"),
            ("accountIds", "账号编号，最多 20 个；同一企业的账号共用应用密钥，会一同失效"),
            ("status", "账号的状态：EXPIRED 为凭证失效，OFFLINE 为设备离线"),
            ("message", "发生了什么"),
            ("reason", "该怎么办"),
        ],
    ),
    (
        "WechatAccountsEvent",
        "account.restored、account.taken_over：哪些微信账号",
        &[
            ("platform", "平台：WECHAT_PERSONAL 为微信个人号，WECHAT_WEWORK 为企业微信"),
            ("accountIds", "账号编号，最多 20 个"),
        ],
    ),
    ("WechatAccountPlatform", "微信账号所在的平台", &[]),
    ("AccountPlatform", "账号所在的平台", &[]),
    (
        "MomentTaskFinishedEvent",
        "moment.task.finished：朋友圈任务已结束",
        &[
            ("syncTaskId", "任务编号"),
            ("status", "任务的状态"),
            ("succeeded", "发布成功的账号数"),
            ("failed", "发布失败或未能确认的账号数"),
            ("cancelled", "已取消的账号数"),
        ],
    ),
    (
        "MomentWaitingForMemberEvent",
        "moment.waiting_for_member：等待企业成员确认发表",
        &[("syncTaskId", "任务编号"), ("accountIds", "等待确认的账号"), ("confirmUntil", "最晚的确认时间")],
    ),
    ("LeadErasedEvent", "lead.erased：线索及其个人信息已删除", &[]),
];
