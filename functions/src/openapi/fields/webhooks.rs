//! Words of the fields of webhooks.

use super::Words;

const URL: &str = "接收地址，须为 443 端口的公网 https 地址";
const TYPES: &str = "要接收的事件类型；不填时由 kind 决定";
const BOT_SECRET: &str = "钉钉机器人的加签密钥或飞书机器人的签名校验密钥；机器人没有开启签名时不填";

pub(super) const WORDS: &[Words] = &[
    (
        "Webhook",
        "一个 Webhook",
        &[
            ("webhookId", "Webhook 编号"),
            ("url", "接收地址；群机器人的密钥已隐去"),
            ("kind", "接收方的种类"),
            ("types", "接收的事件类型"),
            ("status", "状态"),
            ("disabledReason", "停用的原因；没有停用时为 null"),
        ],
    ),
    (
        "WebhookWithSecret",
        "一个 Webhook 及只显示一次的签名密钥",
        &[
            ("webhookId", "Webhook 编号"),
            ("url", "接收地址；群机器人的密钥已隐去"),
            ("kind", "接收方的种类"),
            ("types", "接收的事件类型"),
            ("status", "状态"),
            ("disabledReason", "停用的原因；没有停用时为 null"),
            ("secret", "签名密钥，只显示这一次；没有新的密钥时、以及群机器人为 null"),
        ],
    ),
    ("WebhookKind", "接收方的种类：GENERIC 为程序，其余为群机器人", &[]),
    ("WebhookStatus", "ACTIVE 为启用，PAUSED 为已暂停，DISABLED 为已被停用", &[]),
    ("WebhookDisabledReason", "GONE 为接收方应答 410，FAILING 为连续 5 天未能送达", &[]),
    ("WebhookDeliveryPage", "发送记录的一页", &[]),
    (
        "WebhookDelivery",
        "一条发送记录",
        &[
            ("deliveryId", "发送记录的编号"),
            ("eventId", "事件编号，即请求头 webhook-id"),
            ("type", "事件类型；测试为 webhook.test"),
            ("sequence", "事件的序号；测试没有，为 null"),
            ("status", "状态"),
            ("attempts", "最近的尝试，先尝试的在前"),
            ("nextAttemptAt", "下次尝试的时间；不再尝试时为 null"),
        ],
    ),
    ("WebhookDeliveryStatus", "PENDING 为待发送或待重试，DELIVERED 为已送达，FAILED 为已放弃，可重新发送", &[]),
    (
        "WebhookAttempt",
        "一次尝试",
        &[
            ("at", "开始的时间"),
            ("status", "接收方应答的 HTTP 状态；没有应答时为 null"),
            (
                "error",
                "未送达的原因，例如 HTTP_500、TIMED_OUT、NOT_CONNECTED、REDIRECT、ADDRESS_NOT_PUBLIC；送达时为 null",
            ),
            ("milliseconds", "用时，毫秒"),
            ("answer", "最近一次失败时应答的开头，已隐去个人信息；没有时为 null"),
        ],
    ),
    (
        "WebhookCreateBody",
        "要新建的 Webhook",
        &[("url", URL), ("kind", "接收方的种类，默认 GENERIC"), ("types", TYPES), ("botSecret", BOT_SECRET)],
    ),
    (
        "WebhookUpdateBody",
        "要修改的内容，至少一项",
        &[
            ("url", URL),
            ("types", "要接收的事件类型"),
            ("status", "ACTIVE 为启用，PAUSED 为暂停"),
            ("rotateSecret", "是否更换签名密钥"),
            ("botSecret", BOT_SECRET),
        ],
    ),
    ("WebhookDeleteAnswer", "已删除的 Webhook", &[("webhookId", "Webhook 编号")]),
    (
        "WebhookDisabledEvent",
        "webhook.disabled：一个 Webhook 已被停用",
        &[("webhookId", "Webhook 编号"), ("kind", "接收方的种类"), ("reason", "停用的原因")],
    ),
];
