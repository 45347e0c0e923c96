//! The settings of making tasks.

use std::time::Duration;

use kernel::config::{ConfigError, Env, function_timeout};

use super::invalid;
use super::media::MediaSettings;
use super::providers::video_cover;
use super::sections::CONTENT;
use super::text_check;
use crate::content::{ContentLibrary, DraftForm};
use crate::pace::Pace;

/// Nine media, five at a time, are two rounds.
const ROUNDS_OF_MEDIA: u32 = 2;

/// What a new task is checked by.
#[derive(Debug, Clone)]
pub struct CreationSettings {
    /// The content library, if there is one.
    pub library: Option<ContentLibrary>,
    /// How its media are fetched.
    pub media: MediaSettings,
    /// Whether personal accounts can post videos.
    pub personal_videos: bool,
    /// How fast they may publish.
    pub pace: Pace,
}

impl CreationSettings {
    /// From the environment.
    ///
    /// # Errors
    /// Names the variable that is wrong, or that the draft and the media could outlast the function.
    pub fn load(env: &Env) -> Result<Self, ConfigError> {
        let (content, media) = (CONTENT.of(env), MediaSettings::for_request(env)?);
        let timeout = content.seconds("CONTENT_TIMEOUT_SECONDS")?;
        let library = match content.optional("CONTENT_API_URL")? {
            None => None,
            Some(_) => {
                let library = ContentLibrary::new(content.url("CONTENT_API_URL")?, timeout);
                Some(library.with_form(draft_form(env)?))
            }
        };
        // The list of words is read beside the draft, and the service asked beside the media.
        let first = timeout.max(text_check::LONGEST_READING);
        let second = (media.timeout * ROUNDS_OF_MEDIA).max(text_check::longest(env)?);
        check_time(first + second, function_timeout(env)?)?;
        Ok(Self { library, media, personal_videos: video_cover(env)?.is_some(), pace: Pace::load(env)? })
    }
}

fn draft_form(env: &Env) -> Result<DraftForm, ConfigError> {
    let checked = |name: &str, problem_of: fn(&str) -> Option<&'static str>| {
        let value = CONTENT.of(env).text(name)?;
        match problem_of(&value) {
            None => Ok(value),
            Some(problem) => Err(invalid(name, problem)),
        }
    };
    Ok(DraftForm {
        path: checked("CONTENT_PATH", DraftForm::path_problem)?,
        text: checked("CONTENT_TEXT_POINTER", DraftForm::pointer_problem)?,
        media_urls: checked("CONTENT_MEDIA_POINTER", DraftForm::pointer_problem)?,
    })
}

/// Whoever waits as long as the function lives gets no answer of ours.
fn check_time(longest: Duration, function: Duration) -> Result<(), ConfigError> {
    if longest < function {
        return Ok(());
    }
    Err(ConfigError::Contradiction(format!(
        "CONTENT_TIMEOUT_SECONDS and {ROUNDS_OF_MEDIA} times MEDIA_TIMEOUT_SECONDS or TEXT_CHECK_TIMEOUT_SECONDS ({} s) \
         must be shorter than FUNCTION_TIMEOUT_SECONDS ({} s)",
        longest.as_secs(),
        function.as_secs()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn creation_settings_that_could_outlast_the_function_are_refused() {
        let settings = |media: &'static str, content: &'static str, function: &'static str| {
            let variables = [
                ("MEDIA_TIMEOUT_SECONDS", media),
                ("CONTENT_TIMEOUT_SECONDS", content),
                ("FUNCTION_TIMEOUT_SECONDS", function),
            ];
            CreationSettings::load(&variables.into_iter().collect())
        };
        // The longest that the settings allow fits the function of the template.
        assert!(settings("10", "6", "29").is_ok());
        assert!(settings("8", "5", "22").is_ok());
        let refused = settings("8", "5", "21").unwrap_err().to_string();
        assert!(refused.contains("MEDIA_TIMEOUT_SECONDS") && refused.contains("FUNCTION_TIMEOUT_SECONDS"), "{refused}");
    }

    #[test]
    fn draft_form_is_that_of_the_house_unless_set_and_a_wrong_one_is_refused_by_name() {
        assert_eq!(draft_form(&Env::default()).unwrap(), DraftForm::default());
        for (name, value) in
            [("CONTENT_PATH", "contents"), ("CONTENT_TEXT_POINTER", "text"), ("CONTENT_MEDIA_POINTER", "mediaUrls")]
        {
            let refused = draft_form(&[(name, value)].into_iter().collect()).unwrap_err().to_string();
            assert!(refused.contains(name), "{refused}");
        }
    }
}
