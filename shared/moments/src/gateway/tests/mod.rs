//! What the client sends and what it makes of answers, over real connections.

mod answers;
mod faults;
mod requests;

use std::time::Duration;

use futures::future::{BoxFuture, join_all};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::*;
use crate::provider::ProviderError;
use crate::provider::testing::Server;

const TOKEN: &str = "secret-gewe-token";
const TEXT: &str = "早安🌸秘密正文 \"引号\" \\ \n第二行";
const APP: &str = "wx_app-1";

fn client(server: &Server) -> Gateway {
    Gateway::new(server.base_url.clone(), SecretString::from(TOKEN), Duration::from_secs(20))
}

fn raw(value: Value) -> RawObject {
    serde_json::from_value(value).unwrap()
}

/// An answer that every endpoint takes for a success.
fn success(data: Value) -> Value {
    json!({"ret": 200, "msg": "操作成功", "data": data})
}

/// Calls every endpoint once, all at the same time, and returns what each said, as text.
async fn call_all(gateway: &Gateway) -> Vec<(Endpoint, Result<String, ProviderError>)> {
    fn printed<T: std::fmt::Debug>(result: Result<T, ProviderError>) -> Result<String, ProviderError> {
        result.map(|answer| format!("{answer:?}"))
    }
    let urls = ["https://m.example.com/1.jpg?sign=secret".to_owned()];
    let object = raw(json!({"fileUrl": "http://cdn.example.com/secret/0", "fileMd5": "m"}));
    let images = [object.clone()];
    let calls: [BoxFuture<'_, Result<String, ProviderError>>; 9] = [
        Box::pin(async { printed(gateway.check_online(APP).await) }),
        Box::pin(async { printed(gateway.profile(APP).await) }),
        Box::pin(async { printed(gateway.upload_images(APP, &urls).await) }),
        Box::pin(async { printed(gateway.upload_video(APP, "https://m/t.jpg", "https://m/v.mp4").await) }),
        Box::pin(async { printed(gateway.send_text(APP, TEXT).await) }),
        Box::pin(async { printed(gateway.send_images(APP, TEXT, &images).await) }),
        Box::pin(async { printed(gateway.send_video(APP, TEXT, &object).await) }),
        Box::pin(async { printed(gateway.list(APP, List::Feed, None).await) }),
        Box::pin(async { printed(gateway.list(APP, List::Of("wxid_1"), None).await) }),
    ];
    Endpoint::ALL.into_iter().zip(join_all(calls).await).collect()
}
