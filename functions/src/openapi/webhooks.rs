//! Operations on webhooks.

use kernel::advice;
use kernel::page::Page;

use super::operation::Operation;
use super::words::EVENTS;
use crate::catalog;
use crate::routes::{webhook_create, webhook_delete, webhook_deliveries, webhook_update};
use crate::views::webhooks::{DeliveryView, WebhookView, WebhookWithSecret};

const WEBHOOK_ID: &str = "Webhook 编号";

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::of(catalog::WEBHOOKS, EVENTS, "查询 Webhook", "全部 Webhook，先建的在前。")
            .answers::<Vec<WebhookView>>(200, "全部 Webhook")
            .leads_to(
                "webhookId",
                "$response.body#/data/0/webhookId",
                &[catalog::WEBHOOK_UPDATE, catalog::WEBHOOK_TEST, catalog::WEBHOOK_DELIVERIES],
            ),
        Operation::of(
            catalog::WEBHOOK_CREATE,
            EVENTS,
            "新建 Webhook",
            "此后发生的事件会以 POST 发送到 `url`，最多 50 个。`url` 须为 443 端口的公网 https 地址，不跟随跳转。\n\n\
             `GENERIC` 的内容与读取事件得到的单个事件相同，按 Standard Webhooks 签名：请求头 `webhook-id`（事件编号，重试与重发时不变，\
             请据此去重）、`webhook-timestamp`、`webhook-signature`，可用 npm 或 PyPI 的 `standardwebhooks` 库验证；\
             `secret` 只在此时显示一次。请在 10 秒内应答 2xx；其他应答会重试（5 秒后开始，间隔渐长，持续一天），410 会立即停用，\
             连续 5 天都未能送达也会停用。先后顺序不保证，请按 `sequence` 排序；错过的事件可用读取事件补齐。\n\n\
             `WECOM_BOT`、`DINGTALK`、`FEISHU` 是群机器人，收到的是中文消息，每分钟最多 20 条，更多的合并为一条；\
             不填 `types` 时只通知需要处理的事件。其 `url` 含密钥，显示时隐去；钉钉的加签密钥、飞书的签名校验密钥填在 `botSecret`。",
        )
        .body::<webhook_create::Body>()
        .answers::<WebhookWithSecret>(201, "新的 Webhook 及其签名密钥")
        .leads_to(
            "webhookId",
            "$response.body#/data/webhookId",
            &[catalog::WEBHOOK_UPDATE, catalog::WEBHOOK_TEST, catalog::WEBHOOK_DELIVERIES, catalog::WEBHOOK_DELETE],
        )
        .fails([advice::TOO_MANY_WEBHOOKS]),
        Operation::of(
            catalog::WEBHOOK_UPDATE,
            EVENTS,
            "修改 Webhook",
            "修改地址、事件或状态，或更换签名密钥。更换后新旧密钥同时有效 24 小时，新密钥只在此时显示一次。\
             暂停期间发生的事件不会补发，可用读取事件补齐。",
        )
        .path::<String>("webhookId", WEBHOOK_ID)
        .body::<webhook_update::Body>()
        .answers::<WebhookWithSecret>(200, "修改后的 Webhook；更换了密钥时含新密钥"),
        Operation::of(catalog::WEBHOOK_DELETE, EVENTS, "删除 Webhook", "尚未送达的不再发送。")
            .path::<String>("webhookId", WEBHOOK_ID)
            .answers::<webhook_delete::Answer>(200, "已删除"),
        Operation::of(
            catalog::WEBHOOK_TEST,
            EVENTS,
            "测试 Webhook",
            "发送一条类型为 `webhook.test` 的测试内容，没有序号；结果见发送记录。",
        )
        .path::<String>("webhookId", WEBHOOK_ID)
        .answers::<DeliveryView>(202, "将要发送的测试")
        .fails([advice::WEBHOOK_NOT_ACTIVE]),
        Operation::of(
            catalog::WEBHOOK_DELIVERIES,
            EVENTS,
            "查询发送记录",
            "发给一个 Webhook 的事件及每次尝试的结果，最新的在前，保存期限与事件相同。",
        )
        .path::<String>("webhookId", WEBHOOK_ID)
        .query::<webhook_deliveries::Query>()
        .answers::<Page<DeliveryView>>(200, "发送记录的一页")
        .leads_to("webhookId", "$request.path.webhookId", &[catalog::WEBHOOK_RESEND]),
        Operation::of(
            catalog::WEBHOOK_RESEND,
            EVENTS,
            "重新发送",
            "以相同的 `webhook-id` 再次发送，未送达时同样重试一天。无论此前是否送达都可以重发。",
        )
        .path::<String>("webhookId", WEBHOOK_ID)
        .path::<String>("deliveryId", "发送记录的编号")
        .answers::<DeliveryView>(202, "将要重新发送的记录")
        .fails([advice::WEBHOOK_NOT_ACTIVE]),
    ]
}
