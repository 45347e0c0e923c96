//! What really went out, as opposed to what was answered: the referee of "never twice" and "nothing lost". A publication
//! is recorded by the platform that carried it out, at the instant it did, whatever then became of its answer.

use aws_lc_rs::digest;
use jiff::Timestamp;
use serde::Serialize;

/// What kind of thing went out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum PublicationKind {
    /// WeCom created a moment, which its members are asked to publish.
    MomentTask,
    /// A WeCom member published such a moment.
    MemberPost,
    /// The gateway posted from a personal account.
    GatewayPost,
}

/// One thing that went out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Publication {
    /// Number of the journal entry that tells of it.
    pub seq: u64,
    pub at: Timestamp,
    pub kind: PublicationKind,
    /// Who: a corp (`corp-1`), one of its members (`corp-1/zhangsan`) or a device (`phone-1`), by its sandbox name.
    pub account: String,
    /// The platform's id: `mom…` of WeCom, the decimal digits of the gateway's number.
    pub id: String,
    /// [`text_hash`] of its text.
    pub text_hash: String,
    /// Images, videos and links in it.
    pub media: usize,
}

impl Publication {
    pub(crate) fn new(kind: PublicationKind, account: String, id: String, text: &str, media: usize) -> Self {
        Self { seq: 0, at: Timestamp::UNIX_EPOCH, kind, account, id, text_hash: text_hash(text), media }
    }
}

/// By what the journal knows a text: 16 hexadecimal digits of its SHA-256. Texts belong to users and stay out of it.
#[must_use]
pub fn text_hash(text: &str) -> String {
    let digest = digest::digest(&digest::SHA256, text.as_bytes());
    digest.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn publication_hash_is_the_head_of_sha256() {
        // printf abc | sha256sum
        assert_eq!(text_hash("abc"), "ba7816bf8f01cfea");
        assert_ne!(text_hash("abc"), text_hash("abc "));
    }
}
