//! Handing CloudFormation a template that is too long for a request: by way of S3, as on AWS.

use anyhow::{Context, Result, ensure};
use aws_config::SdkConfig;

use crate::aws::REGION;

/// What CloudFormation takes in a request, in bytes.
const LONGEST_BODY: usize = 51_200;

/// The template itself when it is short enough, else the address of the object it was put into.
pub(super) async fn body_or_url(config: &SdkConfig, body: &str) -> Result<(Option<String>, Option<String>)> {
    if body.len() <= LONGEST_BODY {
        return Ok((Some(body.to_owned()), None));
    }
    let endpoint = config.endpoint_url().context("no endpoint is configured")?;
    let credentials = config.credentials_provider().context("no credentials are configured")?;
    let credentials = aws_sdk_cloudformation::config::ProvideCredentials::provide_credentials(&credentials).await?;
    // An S3 client for two requests would add a minute to the first build. MiniStack takes the account from the
    // credential scope and does not look at the signature.
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={}/20000101/{REGION}/s3/aws4_request, SignedHeaders=host, Signature=0",
        credentials.access_key_id()
    );
    let http = reqwest::Client::builder().no_proxy().build()?;
    // Names of buckets are global, also in MiniStack.
    let bucket = format!("{endpoint}/templates-{}", credentials.access_key_id());
    let url = format!("{bucket}/template.json");
    for (url, content) in [(&bucket, String::new()), (&url, body.to_owned())] {
        let answer = http.put(url).header("authorization", &authorization).body(content).send().await?;
        // The bucket is there already when a stack is updated.
        let fine = answer.status().is_success() || answer.status() == reqwest::StatusCode::CONFLICT;
        ensure!(fine, "the emulated S3 refuses the template: HTTP {}", answer.status());
    }
    Ok((None, Some(url)))
}
