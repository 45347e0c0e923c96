//! The gateway's own downloads: it really asks for every media URL, follows redirects, and gives up in time.

use std::time::Duration;

use aws_lc_rs::digest;
use axum::body::Bytes;
use jiff::Timestamp;

use super::settings::GeweSettings;
use crate::host::Host;

/// A file that was downloaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Download {
    /// Its address, with whatever signs it.
    pub url: String,
    /// When it was asked for.
    pub at: Timestamp,
    /// SHA-256 of the file, in lowercase hex.
    pub sha256: String,
}

impl Download {
    pub(super) fn of(url: &str, at: Timestamp, file: &Bytes) -> Self {
        let digest = digest::digest(&digest::SHA256, file);
        let sha256 = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        Self { url: url.to_owned(), at, sha256 }
    }
}

/// The file behind an address; nothing for whatever reason it cannot be had.
pub(super) async fn download(host: &Host, url: &str, settings: &GeweSettings) -> Option<Bytes> {
    let timeout = Duration::from_millis(settings.download_timeout_milliseconds);
    tokio::time::timeout(timeout, read(host, url, settings.download_limit_bytes)).await.ok()?
}

async fn read(host: &Host, url: &str, limit: usize) -> Option<Bytes> {
    let mut response = host.http_client()?.get(url).send().await.ok()?.error_for_status().ok()?;
    let mut file = Vec::new();
    while let Some(piece) = response.chunk().await.ok()? {
        if file.len() + piece.len() > limit {
            return None;
        }
        file.extend_from_slice(&piece);
    }
    Some(file.into())
}
