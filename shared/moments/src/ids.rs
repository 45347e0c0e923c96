//! The ids of this domain that are text. Each is a type of its own, so that one cannot be taken for another.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }

        impl From<&$name> for String {
            fn from(id: &$name) -> Self {
                id.0.clone()
            }
        }
    };
}

text_id! {
    /// An account's id, made of what it is at its provider. One that a user names may be any text.
    AccountId
}

text_id! {
    /// The key of a company's app: `<corp id>#<agent id>`.
    CorpKey
}

/// Bytes of the longest text that can be an account id or a company's key of ours, with much to spare.
const MAX_ID: usize = 128;

impl CorpKey {
    /// Whether there can be such an app: what connects one has a company's id of at most 64 bytes.
    pub(crate) fn is_possible(&self) -> bool {
        (1..=MAX_ID).contains(&self.0.len())
    }

    /// The id of the app in its company.
    pub fn agent_id(&self) -> Option<u64> {
        self.0.rsplit_once('#')?.1.parse().ok()
    }
}

impl AccountId {
    /// Whether there can be such an account. An empty text or one of thousands of bytes is not even a key to look for.
    pub(crate) fn is_possible(&self) -> bool {
        (1..=MAX_ID).contains(&self.0.len())
    }
}
