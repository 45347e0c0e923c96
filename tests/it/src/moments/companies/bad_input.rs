//! What cannot be changed, refused without a call and without a trace.

use anyhow::Result;
use serde_json::{Value, json};

use crate::moments::bad_input::{Desk, NOT_FOUND, USER, unreadable};
use crate::snapshot::ExpectedError;

#[tokio::test]
async fn company_change_that_cannot_be_read_is_refused_without_a_call() -> Result<()> {
    let mut desk = Desk::open().await?;
    desk.world.connect_corp(USER, "flowers", &["lily"]).await?;
    desk.settle().await?;
    let key = super::key(&desk.world, "flowers")?;
    let sample = desk.event("wechat-corp-update")?.path("corpKey", &key);
    for (what, body) in unreadable("secret", "x") {
        desk.refuses(what, &sample.clone().body(&body), &ExpectedError::fields(&["body"]), "请").await?;
    }
    let visible = "个可见的英文字符，请检查是否多复制了空格或换行";
    let (form, public) = ("代理地址的格式应为", "代理须可从公网访问");
    let cases: [(Value, &[&str], &str); 13] = [
        (json!({}), &["body"], "至少一项"),
        (json!({"secret": null, "egressProxyUrl": null}), &["body"], "至少一项"),
        (json!({"secret": 7}), &["secret"], "应为文本"),
        (json!({"secret": ""}), &["secret"], visible),
        (json!({"secret": "line\nbreak"}), &["secret"], visible),
        (json!({"proxy": "http://proxy.example.com:3128"}), &["proxy"], "不支持此项"),
        (json!({"egressProxyUrl": ["x"]}), &["egressProxyUrl"], "应为文本"),
        (json!({"egressProxyUrl": "proxy.example.com:3128"}), &["egressProxyUrl"], form),
        (json!({"egressProxyUrl": "socks5://proxy.example.com:1080"}), &["egressProxyUrl"], form),
        (json!({"egressProxyUrl": "http://127.0.0.1:3128"}), &["egressProxyUrl"], public),
        (json!({"egressProxyUrl": "http://169.254.169.254"}), &["egressProxyUrl"], public),
        (json!({"egressProxyUrl": "http://proxy.example.com:22"}), &["egressProxyUrl"], "代理端口"),
        (json!({"secret": "", "egressProxyUrl": "x"}), &["secret", "egressProxyUrl"], visible),
    ];
    for (body, fields, remedy) in &cases {
        let event = sample.clone().json(body);
        desk.refuses(&body.to_string(), &event, &ExpectedError::fields(fields), remedy).await?;
    }
    for key in ["ww0000000000000000#1", "nobody", "#", "", &"x".repeat(5_000)] {
        let event = desk.event("wechat-corp-update")?.path("corpKey", key).json(&json!({"secret": "x"}));
        desk.refuses(key, &event, &NOT_FOUND, "刷新").await?;
    }
    Ok(())
}
