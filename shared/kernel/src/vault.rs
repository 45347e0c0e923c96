//! The token vault: platform tokens leave a process only as KMS ciphertext, bound to the row they belong to.

use aws_sdk_kms::Client;
use aws_sdk_kms::primitives::Blob;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};

use crate::config::{CREDENTIALS, ConfigError};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::ids::UserId;

/// Marks how a stored ciphertext was made, so that a later scheme can live beside this one.
const SCHEME: &str = "kms1:";

/// Where a secret is stored. It is the KMS encryption context: a ciphertext copied to another row does not decrypt.
#[derive(Debug, Clone, Copy)]
pub struct EncryptionContext<'a> {
    /// The table's name in the specification.
    pub table: &'static str,
    /// The tenant whose secret it is.
    pub user_id: UserId,
    /// The account within the tenant.
    pub account_id: &'a str,
}

/// Encrypts and decrypts small secrets (below 4,096 bytes, the limit of `kms:Encrypt`).
#[derive(Debug, Clone)]
pub struct Vault {
    kms: Client,
    key_id: String,
}

impl Vault {
    /// The vault of what users entrust to us.
    ///
    /// # Errors
    /// When `TOKEN_KEY_ID` is missing.
    pub fn load(cx: &Context) -> Result<Self, ConfigError> {
        Ok(Self::new(cx.aws.kms.clone(), CREDENTIALS.of(&cx.env).text("TOKEN_KEY_ID")?))
    }

    /// A vault with the symmetric key `key_id`.
    pub fn new(kms: Client, key_id: String) -> Self {
        Self { kms, key_id }
    }

    /// The stored form of `secret` at `context`.
    pub async fn encrypt(&self, context: EncryptionContext<'_>, secret: &SecretString) -> Result<String> {
        let answer = self
            .kms
            .encrypt()
            .key_id(&self.key_id)
            .plaintext(Blob::new(secret.expose_secret().as_bytes()))
            .encryption_context("table", context.table)
            .encryption_context("user", context.user_id.to_string())
            .encryption_context("account", context.account_id)
            .send()
            .await
            .map_err(Error::aws("kms:Encrypt"))?;
        let ciphertext = answer.ciphertext_blob.ok_or(Error::Internal("kms answered no ciphertext"))?;
        Ok(format!("{SCHEME}{}", STANDARD.encode(ciphertext.as_ref())))
    }

    /// The secret stored as `ciphertext` at `context`.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when the text is not ours or was made for another context.
    pub async fn decrypt(&self, context: EncryptionContext<'_>, ciphertext: &str) -> Result<SecretString> {
        const WHAT: &str = "stored token";
        let ciphertext =
            ciphertext.strip_prefix(SCHEME).and_then(|text| STANDARD.decode(text).ok()).ok_or(Error::Corrupt(WHAT))?;
        let outcome = self
            .kms
            .decrypt()
            .key_id(&self.key_id)
            .ciphertext_blob(Blob::new(ciphertext))
            .encryption_context("table", context.table)
            .encryption_context("user", context.user_id.to_string())
            .encryption_context("account", context.account_id)
            .send()
            .await;
        let answer = match outcome {
            Ok(answer) => answer,
            Err(error) if error.as_service_error().is_some_and(|e| e.is_invalid_ciphertext_exception()) => {
                return Err(Error::Corrupt(WHAT));
            }
            Err(error) => return Err(Error::aws("kms:Decrypt")(error)),
        };
        let plaintext = answer.plaintext.ok_or(Error::Corrupt(WHAT))?.into_inner();
        String::from_utf8(plaintext).map(SecretString::from).map_err(|_| Error::Corrupt(WHAT))
    }
}
