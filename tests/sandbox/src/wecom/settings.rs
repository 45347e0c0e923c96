//! Every knob of the simulated WeCom. The defaults are the documented behaviour; where the documents are silent or
//! contradict each other, a knob offers the alternatives and the default says which one was chosen.

use serde::{Deserialize, Serialize};

/// The knobs of one sandbox's WeCom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct WecomSettings {
    /// What a second `gettoken` returns; older documents say the same token, newer ones nothing.
    pub token: TokenIssue,
    /// How long a token lives.
    pub token_seconds: u32,
    /// `expires_in` is the whole lifetime every time instead of what remains; undocumented, off.
    pub expires_in_whole: bool,
    /// How many in a thousand expired tokens are answered with 40014 instead of 42001; both occur in the field.
    pub expired_as_invalid_per_mille: u16,
    /// Nobody's address is trusted (60020). The token is still issued.
    pub untrusted_ip: bool,
    pub limits: WecomLimits,
    /// A body that is not JSON is read as an empty one with a warning instead of being refused.
    pub lenient_json: bool,
    /// Where a moment that cannot be created is refused; undocumented.
    pub validation: Validation,
    /// Virtual time until a job is under way.
    pub job_starts_seconds: u32,
    /// Virtual time until it is finished, which is when the moment exists.
    pub job_finishes_seconds: u32,
    /// Virtual time, counted from there, in which reading the moment is answered with 41079.
    pub dispatch_seconds: u32,
    /// Unfinished jobs of a corp beyond which a new one is refused with 41078; unlimited unless set.
    pub running_jobs: Option<usize>,
    /// Texts with one of these are refused with 40201.
    pub blocked_words: Vec<String>,
    /// Whether pictures of too many pixels are refused when uploaded.
    pub checks_pixels: bool,
    /// Members publish by themselves so much virtual time after they could; never unless set, as in life. It is noticed,
    /// and written into the journal, when WeCom is next called or looked at.
    pub auto_confirm_seconds: Option<u32>,
    /// How `create_time` is written in lists.
    pub create_time: TimeForm,
    /// Members, by their ids, whom it leaves out of whatever it is to ask them, as it does those without customers.
    pub never_asked: Vec<String>,
    /// Whether lists show texts without the blanks and line breaks at their ends.
    pub trims_texts: bool,
    /// Real time every answer takes longer.
    pub latency_milliseconds: u64,
}

impl Default for WecomSettings {
    fn default() -> Self {
        Self {
            token: TokenIssue::Same,
            token_seconds: 7200,
            expires_in_whole: false,
            expired_as_invalid_per_mille: 500,
            untrusted_ip: false,
            limits: WecomLimits::default(),
            lenient_json: false,
            validation: Validation::AtOnce,
            job_starts_seconds: 1,
            job_finishes_seconds: 3,
            dispatch_seconds: 2,
            running_jobs: None,
            blocked_words: Vec::new(),
            checks_pixels: true,
            auto_confirm_seconds: None,
            create_time: TimeForm::Number,
            never_asked: Vec::new(),
            trims_texts: false,
            latency_milliseconds: 0,
        }
    }
}

/// What a second `gettoken` returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TokenIssue {
    /// The same token until it expires.
    #[default]
    Same,
    /// A new one each time; older ones live on.
    Rotate,
    /// A new one each time, which kills the older ones.
    RotateAndVoid,
}

/// Where a moment that cannot be created is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Validation {
    /// In the answer to its creation.
    #[default]
    AtOnce,
    /// In the result of the job that was accepted.
    InJob,
}

/// How a time is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TimeForm {
    /// Hostile: as a number in one answer, as a text in the next. Typed clients fail on it.
    Mixed,
    /// A number, as the newest page of the documentation shows it.
    #[default]
    Number,
    Text,
}

/// Call rates. A call beyond one is answered with 45009 and blocks the endpoint for that corp: a minute, an hour, or for
/// the rest of the day in Beijing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct WecomLimits {
    /// Per corp and endpoint.
    pub per_minute: Option<u32>,
    /// Per corp and endpoint.
    pub per_hour: Option<u32>,
    /// Per corp and endpoint; none is documented.
    pub per_day: Option<u32>,
    /// Of `add_moment_task` alone.
    pub moment_tasks_per_minute: Option<u32>,
    /// At once per corp and endpoint (45033); the number is unpublished.
    pub concurrent: Option<u32>,
    /// Wrong secrets per hour, after which `gettoken` is blocked for an hour.
    pub bad_secrets_per_hour: Option<u32>,
}

impl Default for WecomLimits {
    fn default() -> Self {
        Self {
            per_minute: Some(10_000),
            per_hour: Some(150_000),
            per_day: None,
            moment_tasks_per_minute: Some(10),
            concurrent: None,
            bad_secrets_per_hour: Some(2000),
        }
    }
}

impl WecomLimits {
    /// No limits, for measuring.
    pub const NONE: Self = Self {
        per_minute: None,
        per_hour: None,
        per_day: None,
        moment_tasks_per_minute: None,
        concurrent: None,
        bad_secrets_per_hour: None,
    };
}
