//! What is kept of somebody who was erased, so that no sync brings them back: a hash of what they were known by, made
//! with a key.
//!
//! An open id can be asked of Douyin by whoever may list an account's fans, so a plain hash of one could be found by trying.
//! The key is that of a tenant, derived by a KMS HMAC key that never leaves KMS: it is asked for when it is needed, once for
//! all hashes of a page, and never stored. Who destroys the KMS key makes all hashes mean nothing.

use aws_lc_rs::hmac;
use kernel::Context;
use kernel::config::ConfigError;
use kernel::crypto::Signer;
use kernel::error::Result;
use kernel::ids::UserId;

use crate::config::suppression_signer;
use crate::ids::OpenId;
use crate::store::identity::ErasedHash;

/// Makes the keys of tenants.
#[derive(Debug, Clone)]
pub struct Suppression {
    signer: Signer,
}

/// Hashes what people of one tenant are known by.
pub(crate) struct Hasher {
    key: hmac::Key,
}

impl Suppression {
    /// Built once at init.
    ///
    /// # Errors
    /// Names the setting that is missing.
    pub fn new(cx: &Context) -> Result<Self, ConfigError> {
        Ok(Self { signer: suppression_signer(cx)? })
    }

    /// Hashes for this tenant, by one call of KMS.
    pub(crate) async fn hasher(&self, user_id: UserId) -> Result<Hasher> {
        let key = self.signer.sign(format!("erased people of tenant {user_id}").as_bytes()).await?;
        Ok(Hasher { key: hmac::Key::new(hmac::HMAC_SHA256, &key) })
    }
}

impl Hasher {
    /// The hash of a fan.
    pub fn of_fan(&self, fan: &OpenId) -> ErasedHash {
        ErasedHash(hex::encode(hmac::sign(&self.key, format!("DOUYIN_FAN#{fan}").as_bytes())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn erased_hash_depends_on_person_and_key() {
        let [one, other] = [[1; 32], [2; 32]].map(|key| Hasher { key: hmac::Key::new(hmac::HMAC_SHA256, &key) });
        let [a, b]: [OpenId; 2] = ["a", "b"].map(|id| id.parse().unwrap());
        assert_eq!(one.of_fan(&a), one.of_fan(&a));
        assert_ne!(one.of_fan(&a), one.of_fan(&b));
        assert_ne!(one.of_fan(&a), other.of_fan(&a));
        assert_eq!(one.of_fan(&a).0.len(), 64);
    }
}
