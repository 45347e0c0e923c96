//! Putting objects into S3: a template that is too long for a request, and the code of functions.

use anyhow::{Context, Result, ensure};
use aws_config::SdkConfig;

use crate::aws::authorization;

/// What CloudFormation takes in a request, in bytes.
const LONGEST_BODY: usize = 51_200;

/// The template itself when it is short enough, else the address of the object it was put into.
pub(super) async fn body_or_url(config: &SdkConfig, body: &str) -> Result<(Option<String>, Option<String>)> {
    if body.len() <= LONGEST_BODY {
        return Ok((Some(body.to_owned()), None));
    }
    Ok((None, Some(put_object(config, "templates", "template.json", body.to_owned().into_bytes()).await?)))
}

/// Puts an object into a bucket, which is made if it is not there, and answers where it is. The account's id is added to the
/// bucket's name: those are global, also in MiniStack.
pub(crate) async fn put_object(config: &SdkConfig, bucket: &str, key: &str, content: Vec<u8>) -> Result<String> {
    let endpoint = config.endpoint_url().context("no endpoint is configured")?;
    let credentials = config.credentials_provider().context("no credentials are configured")?;
    let credentials = aws_sdk_cloudformation::config::ProvideCredentials::provide_credentials(&credentials).await?;
    // An S3 client for two requests would add a minute to the first build.
    let authorization = authorization(credentials.access_key_id(), "s3");
    let http = reqwest::Client::builder().no_proxy().build()?;
    let bucket = format!("{endpoint}/{}", bucket_of(credentials.access_key_id(), bucket));
    let url = format!("{bucket}/{key}");
    for (url, content) in [(&bucket, Vec::new()), (&url, content)] {
        let answer = http.put(url).header("authorization", &authorization).body(content).send().await?;
        // The bucket may be there already.
        let fine = answer.status().is_success() || answer.status() == reqwest::StatusCode::CONFLICT;
        ensure!(fine, "the emulated S3 refuses {key}: HTTP {}", answer.status());
    }
    Ok(url)
}

/// The full name of an account's bucket.
pub(crate) fn bucket_of(account: &str, name: &str) -> String {
    format!("{name}-{account}")
}
