//! Randomness, digests and message authentication.

use aws_lc_rs::{constant_time, digest, rand};
use aws_sdk_kms::Client;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::MacAlgorithmSpec;

use crate::error::{Error, Result};

/// `N` bytes from the operating system's generator.
///
/// # Panics
/// When the system has no randomness: the generator is seeded before any process runs.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // Going on with predictable bytes would be worse than stopping.
    assert!(rand::fill(&mut bytes).is_ok(), "the system has no randomness");
    bytes
}

/// SHA-256 in lowercase hex.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, bytes))
}

/// SHA-256 of the parts, one after the other. Where their lengths vary, the caller sees to it that no two lists of parts
/// read the same.
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(part);
    }
    let mut bytes = [0; 32];
    bytes.copy_from_slice(context.finish().as_ref());
    bytes
}

/// The first eight bytes of a SHA-256 over the parts, each with its length, as a number.
pub(crate) fn sha256_number(parts: &[&str]) -> u64 {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(&part.len().to_be_bytes());
        context.update(part.as_bytes());
    }
    let digest = context.finish();
    digest.as_ref().iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// SHA-1 in lowercase hex, for platforms that still sign with it.
pub fn sha1_hex(parts: &[&[u8]]) -> String {
    let mut context = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    for part in parts {
        context.update(part);
    }
    hex::encode(context.finish())
}

/// Whether two byte strings are equal, in time that depends on their lengths only.
pub fn constant_time_eq(a: &[u8], b: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(a, b).is_ok()
}

/// Authenticates short values with a KMS HMAC key: no function ever holds the key.
#[derive(Debug, Clone)]
pub struct Signer {
    kms: Client,
    key_id: String,
}

impl Signer {
    /// A signer with the HMAC_256 key `key_id`.
    pub fn new(kms: Client, key_id: String) -> Self {
        Self { kms, key_id }
    }

    /// The MAC of `message`.
    pub async fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        let answer = self
            .kms
            .generate_mac()
            .key_id(&self.key_id)
            .mac_algorithm(MacAlgorithmSpec::HmacSha256)
            .message(Blob::new(message))
            .send()
            .await
            .map_err(Error::aws("kms:GenerateMac"))?;
        Ok(answer.mac.ok_or(Error::Internal("kms answered no mac"))?.into_inner())
    }

    /// Whether `mac` is the MAC of `message`.
    pub async fn verify(&self, message: &[u8], mac: &[u8]) -> Result<bool> {
        let outcome = self
            .kms
            .verify_mac()
            .key_id(&self.key_id)
            .mac_algorithm(MacAlgorithmSpec::HmacSha256)
            .message(Blob::new(message))
            .mac(Blob::new(mac))
            .send()
            .await;
        match outcome {
            Ok(answer) => Ok(answer.mac_valid),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_kms_invalid_mac_exception()) => Ok(false),
            Err(error) => Err(Error::aws("kms:VerifyMac")(error)),
        }
    }
}
