//! Asking members to publish a moment, and what became of it.

use std::fmt;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::errors::{not_sent, refused, undecided};
use super::{Endpoint, Wecom, wire};
use crate::provider::lenient::{self, Unreadable};
use crate::provider::{Detail, FailureKind, ProviderError};

/// What members are asked to publish.
#[derive(Clone, PartialEq, Eq)]
pub struct MomentDraft {
    /// The text: up to 2,000 characters and 4,000 bytes. Empty is none.
    pub text: String,
    pub attachments: Attachments,
    /// The user ids of the members. Never empty: to the platform, nobody named is everybody.
    pub senders: Vec<String>,
}

/// What a moment shows: the platform takes one kind only. All are ids of [`Wecom::upload_attachment`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attachments {
    /// Words only.
    None,
    /// One to nine images.
    Images(Vec<String>),
    Video(String),
}

impl fmt::Debug for MomentDraft {
    // What people wrote stays out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MomentDraft")
            .field("text_bytes", &self.text.len())
            .field("attachments", &self.attachments)
            .field("senders", &self.senders.len())
            .finish()
    }
}

/// The job that hands a moment to its members. The platform knows it for 24 hours.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct JobId(pub String);

/// How far a job is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobState {
    /// Accepted or at work.
    Running,
    /// The moment exists and its members are asked to publish it. Nobody has published it yet.
    Done {
        moment_id: String,
        /// Members the platform did not ask.
        invalid_senders: Vec<String>,
    },
    /// No moment came of it.
    Failed(ProviderError),
}

// The shapes of a request: only the chosen kind is written, because an empty `video` beside the images makes the
// whole moment invalid.
#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<Attachment<'a>>,
    visible_range: VisibleRange<'a>,
}

#[derive(Serialize)]
struct Text<'a> {
    content: &'a str,
}

#[derive(Serialize)]
#[serde(tag = "msgtype", rename_all = "lowercase")]
enum Attachment<'a> {
    Image { image: Media<'a> },
    Video { video: Media<'a> },
}

#[derive(Serialize)]
struct Media<'a> {
    media_id: &'a str,
}

#[derive(Serialize)]
struct VisibleRange<'a> {
    sender_list: SenderList<'a>,
}

#[derive(Serialize)]
struct SenderList<'a> {
    user_list: &'a [String],
}

impl<'a> From<&'a MomentDraft> for Body<'a> {
    fn from(draft: &'a MomentDraft) -> Self {
        let attachments = match &draft.attachments {
            Attachments::None => Vec::new(),
            Attachments::Images(ids) => {
                ids.iter().map(|media_id| Attachment::Image { image: Media { media_id } }).collect()
            }
            Attachments::Video(media_id) => vec![Attachment::Video { video: Media { media_id } }],
        };
        Self {
            text: Some(Text { content: &draft.text }).filter(|text| !text.content.is_empty()),
            attachments,
            visible_range: VisibleRange { sender_list: SenderList { user_list: &draft.senders } },
        }
    }
}

#[derive(Deserialize)]
struct Accepted {
    #[serde(deserialize_with = "lenient::id")]
    jobid: String,
}

#[derive(Deserialize)]
struct Job {
    #[serde(deserialize_with = "lenient::number")]
    status: i64,
    #[serde(default)]
    result: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
struct Created {
    #[serde(deserialize_with = "lenient::id")]
    moment_id: String,
    #[serde(default)]
    invalid_sender_list: Option<InvalidSenders>,
}

#[derive(Deserialize)]
struct InvalidSenders {
    #[serde(default, deserialize_with = "lenient::list")]
    user_list: Vec<String>,
}

impl Wecom {
    /// Asks the members to publish. The call that must not be made twice for one moment: see the table of
    /// [`provider`](crate::provider) for what its failures prove.
    ///
    /// # Errors
    /// [`TargetInvalid`](FailureKind::TargetInvalid), without a call, when nobody is named.
    pub async fn add_moment_task(&self, token: &SecretString, draft: &MomentDraft) -> Result<JobId, ProviderError> {
        const ENDPOINT: Endpoint = Endpoint::AddMomentTask;
        if draft.senders.is_empty() {
            return Err(not_sent(ENDPOINT, FailureKind::TargetInvalid));
        }
        let Accepted { jobid } = self.post_json(ENDPOINT, token, &Body::from(draft)).await?;
        Ok(JobId(jobid))
    }

    /// How far the job is.
    ///
    /// # Errors
    /// Of the question. What the job failed of is [`JobState::Failed`].
    pub async fn job_result(&self, token: &SecretString, job: &JobId) -> Result<JobState, ProviderError> {
        const ENDPOINT: Endpoint = Endpoint::GetMomentTaskResult;
        let Job { status, result } = self.get_with_token(ENDPOINT, token, &[("jobid", &job.0)]).await?;
        let unreadable = || undecided(ENDPOINT, Detail::Unreadable);
        match status {
            1 | 2 => Ok(JobState::Running),
            3 => {
                let result = result.unwrap_or_default();
                if let Some((code, errmsg)) = wire::failure(&result).map_err(|Unreadable| unreadable())? {
                    // The job is the creation carried out, so its codes prove what the creation's do.
                    return Ok(JobState::Failed(refused(Endpoint::AddMomentTask, code, errmsg)));
                }
                let created: Created = serde_json::from_value(Value::Object(result)).map_err(|_| unreadable())?;
                let invalid_senders = created.invalid_sender_list.map(|list| list.user_list).unwrap_or_default();
                Ok(JobState::Done { moment_id: created.moment_id, invalid_senders })
            }
            _ => Err(unreadable()),
        }
    }

    /// Stops the members who did not publish yet. What is published stays: nothing can call it back.
    ///
    /// # Errors
    /// Any failure; the call may be repeated.
    pub async fn cancel(&self, token: &SecretString, moment_id: &str) -> Result<(), ProviderError> {
        #[derive(Deserialize)]
        struct Cancelled {}

        let Cancelled {} =
            self.post_json(Endpoint::CancelMomentTask, token, &serde_json::json!({ "moment_id": moment_id })).await?;
        Ok(())
    }
}
