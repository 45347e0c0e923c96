//! Identifiers of this domain.

use std::fmt;
use std::str::FromStr;

use kernel::ids::{InvalidId, MAX_SAFE_INTEGER, canonical_number};
use serde::{Deserialize, Serialize};

/// A lead's number: dense within its tenant, so 1, 2, 3 … without gaps, and times never decrease with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct LeadId(#[cfg_attr(feature = "openapi", schemars(range(max = MAX_SAFE_INTEGER)))] u64);

impl LeadId {
    /// The lead of this number; none has 0.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    pub const fn get(self) -> u64 {
        self.0
    }

    /// Whether a lead can have this number: JavaScript reads it exactly.
    pub const fn is_readable(self) -> bool {
        self.0 <= MAX_SAFE_INTEGER
    }
}

impl fmt::Display for LeadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for LeadId {
    type Err = InvalidId;

    /// Accepts exactly what [`Display`](fmt::Display) writes: digits, no sign, no leading zero.
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        canonical_number(text).map(Self).ok_or(InvalidId)
    }
}

/// The id Douyin gives a person for our application: the owner of an authorised account, or a fan. It has 1 to 1,024
/// bytes (real ones have 36 to 60), so that it can be a key: to DynamoDB any other is a faulty request, where it should
/// be an account that is not there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(try_from = "String", into = "String")]
pub struct OpenId(String);

/// What a sort key can hold.
pub(crate) const LONGEST_OPEN_ID: usize = 1_024;

impl OpenId {
    /// The id as Douyin writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for OpenId {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        if (1..=LONGEST_OPEN_ID).contains(&text.len()) { Ok(Self(text)) } else { Err(InvalidId) }
    }
}

impl From<OpenId> for String {
    fn from(id: OpenId) -> Self {
        id.0
    }
}

impl FromStr for OpenId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        text.to_owned().try_into()
    }
}

impl fmt::Display for OpenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The id that the unified lead module gives a lead: 1 to 2^53-1, a number as all ids of leads in our JSON. We do not know its
/// leads, so any id is taken, also one that another lead has: of one person the unified module may have found two leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct UnifiedLeadId(#[cfg_attr(feature = "openapi", schemars(range(min = 1, max = MAX_SAFE_INTEGER)))] u64);

impl UnifiedLeadId {
    /// The id of this number, if it is one.
    pub fn new(number: u64) -> Option<Self> {
        (1..=MAX_SAFE_INTEGER).contains(&number).then_some(Self(number))
    }
}

impl fmt::Display for UnifiedLeadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Who of a tenant works a lead, by the id that the frontend gives its users: 1 to 64 characters, none of them a control
/// character. We do not know these users, so any id is taken.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(try_from = "String", into = "String")]
pub struct OwnerId(String);

/// Characters of an owner's id. Four bytes each, they fit a sort key.
pub const LONGEST_OWNER_ID: usize = 64;

impl OwnerId {
    /// The id as the frontend writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for OwnerId {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        let fits = (1..=LONGEST_OWNER_ID).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        if fits { Ok(Self(text)) } else { Err(InvalidId) }
    }
}

impl From<OwnerId> for String {
    fn from(id: OwnerId) -> Self {
        id.0
    }
}

impl FromStr for OwnerId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        text.to_owned().try_into()
    }
}

impl fmt::Display for OwnerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_id_is_any_text_that_can_be_a_key() {
        let longest = "o".repeat(LONGEST_OPEN_ID);
        for (text, is_one) in [("_000a+/=@", true), (&*longest, true), ("", false), (&*format!("{longest}o"), false)] {
            assert_eq!(text.parse::<OpenId>().is_ok(), is_one, "{text}");
            assert_eq!(serde_json::from_value::<OpenId>(text.into()).is_ok(), is_one, "{text}");
        }
        let id: OpenId = "_000a+/=@".parse().unwrap();
        assert_eq!(serde_json::to_value(&id).unwrap(), id.as_str());
    }

    #[test]
    fn owner_id_is_any_text_of_a_line_up_to_64_characters() {
        let longest = "员".repeat(LONGEST_OWNER_ID);
        for (text, is_one) in [("staff-17", true), ("a#00001", true), (&*longest, true), ("", false), ("a\nb", false)] {
            assert_eq!(text.parse::<OwnerId>().is_ok(), is_one, "{text}");
        }
        assert!(format!("{longest}员").parse::<OwnerId>().is_err());
    }

    #[test]
    fn lead_id_is_read_back_as_it_was_written_and_nothing_else_is_one() {
        assert_eq!(LeadId::new(17).to_string().parse::<LeadId>().unwrap(), LeadId::new(17));
        for text in ["", "0", "017", "-1", "1.0", "x"] {
            assert!(text.parse::<LeadId>().is_err(), "{text:?}");
        }
    }
}
