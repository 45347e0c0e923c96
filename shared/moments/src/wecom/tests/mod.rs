//! What the client sends and what it makes of answers, over real connections.

mod answers;
mod faults;
mod requests;

use std::time::Duration;

use futures::future::{BoxFuture, join_all};
use secrecy::SecretString;

use super::*;
use crate::provider::ProviderError;
use crate::provider::testing::Server;

const TOKEN: &str = "secret-TOKEN_1";
const SECRET: &str = "corp-secret+/=&";
const TEXT: &str = "早安🌸秘密正文 \"引号\" \\ \n第二行";

fn client(server: &Server) -> Wecom {
    Wecom::new(server.base_url.clone(), Duration::from_secs(20))
}

fn token() -> SecretString {
    SecretString::from(TOKEN)
}

fn draft(attachments: Attachments) -> MomentDraft {
    MomentDraft { text: TEXT.to_owned(), attachments, senders: vec!["zhangsan".to_owned(), "lisi".to_owned()] }
}

/// Calls every endpoint once, all at the same time, and returns what each said, as text.
async fn call_all(wecom: &Wecom) -> Vec<(Endpoint, Result<String, ProviderError>)> {
    fn printed<T: std::fmt::Debug>(result: Result<T, ProviderError>) -> Result<String, ProviderError> {
        result.map(|answer| format!("{answer:?}"))
    }
    let (token, secret, job) = (token(), SecretString::from(SECRET), JobId("job-1".to_owned()));
    let images = draft(Attachments::Images(vec!["media-1".to_owned()]));
    let upload = bytes::Bytes::from_static(b"picture");
    let calls: [BoxFuture<'_, Result<String, ProviderError>>; 9] = [
        Box::pin(async { printed(wecom.access_token("ww1", &secret).await) }),
        Box::pin(async {
            printed(wecom.upload_attachment(&token, MediaUpload::Image, "a.jpg", "image/jpeg", upload).await)
        }),
        Box::pin(async { printed(wecom.add_moment_task(&token, &images).await) }),
        Box::pin(async { printed(wecom.job_result(&token, &job).await) }),
        Box::pin(async { printed(wecom.moment_list(&token, 1_700_000_000, 1_700_000_600).await) }),
        Box::pin(async { printed(wecom.member_status(&token, "mom1").await) }),
        Box::pin(async { printed(wecom.cancel(&token, "mom1").await) }),
        Box::pin(async { printed(wecom.follow_users(&token).await) }),
        Box::pin(async { printed(wecom.user(&token, "zhangsan").await) }),
    ];
    Endpoint::ALL.into_iter().zip(join_all(calls).await).collect()
}
