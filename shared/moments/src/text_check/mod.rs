//! Whether a text may be posted: by the operator's words, and by a service if there is one. A task is made only of a text
//! that may, and it is judged again right before it is sent, for words and minds change until a timed post goes out.
//!
//! Whoever cannot be asked forbids nothing and allows nothing: the text is not judged, and that is told.

mod list;
mod passed;
mod service;

use kernel::Context;
use kernel::config::ConfigError;

use crate::config::{ServiceSettings, WordSettings};
use crate::rules::{SensitiveWords, is_blank};
use list::{List, WordList};
use passed::PassedTexts;
use service::TextService;

/// Judges texts. Clones share what was read and what has passed.
#[derive(Debug, Clone)]
pub struct TextCheck {
    own: SensitiveWords,
    list: Option<WordList>,
    service: Option<TextService>,
    passed: PassedTexts,
}

/// What stands against a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextObjection {
    /// It has this word, in plain letters.
    Word(String),
    /// The service says no.
    Blocked,
    /// The service wants a person to look at it.
    ForReview,
}

impl TextObjection {
    /// What is wrong with the text, and what to do, in Chinese and without a full stop.
    pub fn problem(&self) -> String {
        match self {
            Self::Word(word) => format!("含有敏感词“{word}”，请修改后再提交"),
            Self::Blocked => "未通过内容审核，请修改后再提交".to_owned(),
            Self::ForReview => "内容审核认为需要人工复核，请修改后再提交".to_owned(),
        }
    }
}

/// The text could not be judged. Why is in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the text cannot be judged: {0}")]
pub struct NotJudged(&'static str);

/// The words as they are now.
#[derive(Debug, Clone)]
pub struct WordsInForce {
    own: SensitiveWords,
    list: Option<List>,
}

impl WordsInForce {
    /// The first of them in a text.
    pub fn objection(&self, text: &str) -> Option<TextObjection> {
        let listed = || self.list.as_ref().and_then(|list| list.words.first_in(text));
        self.own.first_in(text).or_else(listed).map(TextObjection::Word)
    }

    /// The version of the list, if there is one.
    pub fn version(&self) -> Option<&str> {
        self.list.as_ref().map(|list| list.version.as_str())
    }
}

/// What was found of a text.
#[derive(Debug, Clone)]
pub struct TextVerdict {
    pub objection: Option<TextObjection>,
    /// By which version of the list.
    pub words_version: Option<String>,
}

impl TextCheck {
    /// From the environment. Opens nothing.
    ///
    /// # Errors
    /// Names the variable that is missing or wrong.
    pub fn new(cx: &Context) -> Result<Self, ConfigError> {
        let WordSettings { own, list } = WordSettings::load(cx)?;
        let service = ServiceSettings::load(&cx.env)?;
        Ok(Self {
            own,
            list: list.map(|(bucket, key)| WordList::new(bucket, key, cx.clock.clone())),
            service: service.map(|settings| TextService::new(settings, cx)),
            passed: PassedTexts::new(cx.clock.clone()),
        })
    }

    /// The words as they are now: the list is at most five minutes old.
    ///
    /// # Errors
    /// [`NotJudged`] when there is a list and it cannot be read.
    pub async fn words(&self) -> Result<WordsInForce, NotJudged> {
        let list = match &self.list {
            None => None,
            Some(list) => Some(list.current().await?),
        };
        Ok(WordsInForce { own: self.own.clone(), list })
    }

    /// What the service says, if there is one. A text that it has let pass is not sent again for five minutes: the deliveries
    /// of one task have the same.
    ///
    /// # Errors
    /// [`NotJudged`] when it does not answer, or not as it should.
    pub async fn service(&self, text: &str) -> Result<Option<TextObjection>, NotJudged> {
        let Some(service) = self.service.as_ref().filter(|_| !is_blank(text) && !self.passed.has(text)) else {
            return Ok(None);
        };
        let objection = service.judge(text).await?;
        if objection.is_none() {
            self.passed.note(text);
        }
        Ok(objection)
    }

    /// Both.
    ///
    /// # Errors
    /// [`NotJudged`] when one of them cannot be asked and the other does not object.
    pub async fn judge(&self, text: &str) -> Result<TextVerdict, NotJudged> {
        if is_blank(text) {
            return Ok(TextVerdict { objection: None, words_version: None });
        }
        let words = self.words().await?;
        let objection = match words.objection(text) {
            Some(word) => Some(word),
            None => self.service(text).await?,
        };
        Ok(TextVerdict { objection, words_version: words.version().map(str::to_owned) })
    }
}
