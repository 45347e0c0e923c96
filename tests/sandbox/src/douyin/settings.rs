//! Every knob of the simulated platform. The defaults are the documented behaviour; where the documents are silent or
//! contradict each other, a knob offers the alternatives and the default says which one was chosen.

use serde::{Deserialize, Serialize};

use super::lists::Lists;

/// The knobs of one sandbox's Douyin platform.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Settings {
    /// How numbers are written in answers.
    pub numbers: Numbers,
    /// Envelope of `fans/list` and `fans/check`; documented: legacy.
    pub fans_envelope: FansEnvelope,
    /// Envelope of `oauth/userinfo`; by default the 2020 way of asking gets the 2020 answer.
    pub userinfo_envelope: UserInfoEnvelope,
    /// Legacy envelopes carry codes of the new family (28001008 for 2190008, 28003017 for 2190001, …).
    pub new_codes: bool,
    /// What a revoked access token yields; undocumented, so the family's "invalid" code unless set.
    pub revoked_code: Option<i64>,
    /// A second authorization of the same user and app kills the tokens of the first; undocumented, off.
    pub reauthorization_voids_tokens: bool,
    /// Seconds until a second authorization kills the tokens of the first, with `reauthorization_voids_tokens`: the new
    /// grant is good at once, the old one a little longer.
    pub reauthorization_voids_after_seconds: u32,
    /// A renewal of the refresh token also kills the access token; undocumented, off.
    pub renewal_voids_access_token: bool,
    /// What a renewal states as the new refresh token's life; it lives its 30 days all the same. The documented sample has
    /// 86400.
    pub renewal_states_seconds: Option<i64>,
    /// What a refresh states as the rest of the refresh token's life.
    pub refresh_states_seconds: Option<i64>,
    /// A refresh brings another refresh token, good for 30 days: special apps can be configured so. Off.
    pub refresh_extends_refresh_token: bool,
    /// `refresh_expires_in` in a refresh answer is the full lifetime instead of what remains; undocumented, off.
    pub refresh_reports_full_lifetime: bool,
    /// Overlap, duplicates and short pages of fan passes.
    pub disorder: Disorder,
    /// What is false of the fan lists.
    pub lists: Lists,
    /// Calls per scope, app and day (days begin at 00:00 UTC); unlimited unless set.
    pub quota_per_day: Option<u32>,
    /// Calls per scope and app in a sliding window; unlimited unless set.
    pub rate_limit: Option<RateLimit>,
    /// Real time every server-side answer takes longer.
    pub latency_milliseconds: u64,
}

/// How numbers are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Numbers {
    /// As numbers, except where official samples show both forms: `error_code`, `expires_in` and `refresh_expires_in` of
    /// the token endpoints, `now`, `follow_time`. About a third of those are strings, differently in each answer.
    #[default]
    Documented,
    /// Hostile: about a third of all numbers as strings, differently in each answer; `logid` or `log_id`; `extra`
    /// sometimes bare. Typed clients fail on it, and so does the platform's own SDK.
    Mixed,
    /// Always as numbers; `logid` on success, `log_id` on error.
    Strict,
    Lenient,
}

/// Envelope of the fans endpoints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FansEnvelope {
    /// `data` and `extra`, both with an `error_code`.
    #[default]
    Legacy,
    /// `data` with `error_code` and `message`.
    OAuth,
    /// `err_no`, `err_msg`, `log_id`, `data`.
    V1,
}

/// Envelope of `oauth/userinfo`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum UserInfoEnvelope {
    /// OAuth for GET, v1 for POST.
    #[default]
    ByVariant,
    /// Always `data` and `message`.
    OAuth,
    /// Always `err_no` and `data`.
    V1,
}

/// How untidy a fan pass is. Whatever the values, a whole pass shows every retrievable fan at least once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Disorder {
    /// How many fans a page repeats from the end of the page before, where it overlaps at all.
    pub overlap_fans: u16,
    /// One boundary in this many overlaps; 0: none does.
    pub overlap_one_in: u16,
    /// Chance in a thousand that a fan is followed by one that was listed shortly before; at most 1000.
    pub duplicates_per_mille: u16,
    /// One page in this many holds only half as many fans as asked for although more follow; 0: none does.
    pub short_page_one_in: u16,
}

impl Default for Disorder {
    fn default() -> Self {
        Self { overlap_fans: 2, overlap_one_in: 4, duplicates_per_mille: 10, short_page_one_in: 16 }
    }
}

impl Disorder {
    /// Full pages without repetition, as a benchmark wants them: 5,000 fans are exactly 250 pages of 20.
    pub const NONE: Self = Self { overlap_fans: 0, overlap_one_in: 0, duplicates_per_mille: 0, short_page_one_in: 0 };
}

/// A sliding window of virtual time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RateLimit {
    /// Calls allowed in the window.
    pub calls: u32,
    /// Length of the window.
    pub window_milliseconds: u32,
}
