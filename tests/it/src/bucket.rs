//! Looking into the bucket of what belongs to posts.

use anyhow::{Context, Result, ensure};
use reqwest::{Method, RequestBuilder};

use crate::world::World;

impl World {
    /// A request for an object of the bucket, or with an empty key for the bucket itself.
    ///
    /// # Errors
    /// When the stack has no bucket.
    pub fn object_request(&self, method: Method, key: &str) -> Result<RequestBuilder> {
        let bucket = self.stack.outputs.get("MomentsBucketName").context("the stack names no bucket")?;
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).build()?;
        let request = http.request(method, format!("{}/{bucket}/{key}", self.aws_url));
        Ok(request.header("authorization", self.unsigned_authorization("s3")))
    }

    /// The keys of the media in the bucket.
    ///
    /// # Errors
    /// When the emulator refuses.
    pub async fn stored_media(&self) -> Result<Vec<String>> {
        let listed = self.object_request(Method::GET, "?list-type=2&prefix=media/")?.send().await?;
        ensure!(listed.status().is_success(), "the bucket was not listed: {}", listed.status());
        let listed = listed.text().await?;
        let keys = listed.split("<Key>").skip(1).filter_map(|rest| rest.split("</Key>").next());
        Ok(keys.map(str::to_owned).collect())
    }
}
