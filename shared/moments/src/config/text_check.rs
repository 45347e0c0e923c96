//! How texts are judged: by words, and by a service if there is one.

use std::time::Duration;

use kernel::Context;
use kernel::bucket::Bucket;
use kernel::config::{ConfigError, Env, Section, Setting};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::invalid;
use super::sections::RULES;
use crate::rules::SensitiveWords;

/// A service that judges texts, as the large clouds offer one: a POST of JSON with the text, answered with a word for what
/// is to be done. They differ in the names of the fields and in the words, so both are in the form.
pub static TEXT_CHECK: Section = Section {
    title: "The service that judges texts",
    settings: &[
        Setting::optional(
            "TEXT_CHECK_URL",
            "Where texts are sent before they are posted, by POST as JSON, with the secret `textCheckToken` as bearer. \
             Without it no service is asked.",
        ),
        Setting::with_default(
            "TEXT_CHECK_TIMEOUT_SECONDS",
            "3",
            "Longest wait for its answer, in seconds. A text whose answer is lost is sent once more.",
        )
        .between(1, 5),
        Setting::with_default(
            "TEXT_CHECK_FORM",
            r#"{"request":{"text":"$TEXT"},"verdict":"/suggestion","pass":["pass"],"block":["block"],"review":["review"]}"#,
            "How it is spoken to, in JSON. `request` is what is sent, with the text in place of every `$TEXT`. `verdict` is the \
             JSON pointer of the verdict in the answer. `pass`, `block` and `review` are the verdicts by which a text may be \
             posted, may not, and should be looked at by a person; letter case does not matter. They are looked for in \
             this order. What is for review is refused like what is blocked, and any other answer counts as none.",
        ),
    ],
};

/// The longest that one attempt to read the list of words takes.
const LONGEST_ATTEMPT: Duration = Duration::from_millis(2_400);
/// The longest that reading it takes: two attempts, and the pause between them.
pub(super) const LONGEST_READING: Duration = Duration::from_secs(5);
/// How often a text is sent whose answer is lost.
pub const TRIES: u32 = 2;

/// The words, and where more of them are.
#[derive(Debug, Clone)]
pub struct WordSettings {
    /// Those of the settings themselves.
    pub own: SensitiveWords,
    /// The bucket and the key of the list, if there is one.
    pub list: Option<(Bucket, String)>,
}

/// How the service is asked, and how its answers are read.
#[derive(Debug, Clone)]
pub struct ServiceSettings {
    pub url: Url,
    pub timeout: Duration,
    pub form: Form,
}

/// In what services differ.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Form {
    /// What is sent, with the text in place of each [`TEXT`].
    pub request: Value,
    /// The JSON pointer of the verdict in an answer.
    pub verdict: String,
    /// The verdicts by which a text may be posted, in lower case like the next two.
    pub pass: Vec<String>,
    /// By which it may not.
    pub block: Vec<String>,
    /// By which a person should look at it.
    pub review: Vec<String>,
}

/// What stands for the text in a request.
pub const TEXT: &str = "$TEXT";

impl Form {
    fn parse(text: &str) -> Result<Self, String> {
        let mut form: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if !form.verdict.starts_with('/') {
            return Err("verdict must begin with /".to_owned());
        }
        if form.request == form.request_of("") {
            return Err(format!("request has no {TEXT}"));
        }
        for verdict in [&mut form.pass, &mut form.block, &mut form.review].into_iter().flatten() {
            *verdict = verdict.to_lowercase();
        }
        Ok(form)
    }

    /// The request for this text.
    pub fn request_of(&self, text: &str) -> Value {
        fn filled(value: &Value, text: &str) -> Value {
            match value {
                Value::String(place) if place == TEXT => text.into(),
                Value::Array(items) => items.iter().map(|item| filled(item, text)).collect(),
                Value::Object(fields) => {
                    fields.iter().map(|(name, value)| (name.clone(), filled(value, text))).collect()
                }
                value => value.clone(),
            }
        }
        filled(&self.request, text)
    }
}

/// The longest that judging a text takes, its list aside.
pub(super) fn longest(env: &Env) -> Result<Duration, ConfigError> {
    Ok(TEXT_CHECK.of(env).seconds("TEXT_CHECK_TIMEOUT_SECONDS")? * TRIES)
}

impl WordSettings {
    /// From the environment.
    ///
    /// # Errors
    /// Names the variable that is missing or wrong.
    pub fn load(cx: &Context) -> Result<Self, ConfigError> {
        let values = RULES.of(&cx.env);
        let own = values.list("SENSITIVE_WORDS")?;
        let own = SensitiveWords::new(own.iter().map(String::as_str));
        let own = own.map_err(|problem| invalid("SENSITIVE_WORDS", problem))?;
        let list = match values.optional("SENSITIVE_WORDS_KEY")? {
            None => None,
            Some(key) => {
                let bucket = cx.aws.s3.bucket(&values.text("MOMENTS_BUCKET")?, LONGEST_ATTEMPT, &cx.clock);
                Some((bucket.map_err(|problem| invalid("MOMENTS_BUCKET", problem))?, key))
            }
        };
        Ok(Self { own, list })
    }
}

impl ServiceSettings {
    /// From the environment; `None` if there is no service.
    ///
    /// # Errors
    /// Names the variable that is wrong.
    pub fn load(env: &Env) -> Result<Option<Self>, ConfigError> {
        let values = TEXT_CHECK.of(env);
        if values.optional("TEXT_CHECK_URL")?.is_none() {
            return Ok(None);
        }
        let url = values.url("TEXT_CHECK_URL")?;
        if !matches!(url.scheme(), "https" | "http") {
            return Err(invalid("TEXT_CHECK_URL", "is no http address"));
        }
        let form = Form::parse(&values.text("TEXT_CHECK_FORM")?);
        Ok(Some(Self {
            url,
            timeout: values.seconds("TEXT_CHECK_TIMEOUT_SECONDS")?,
            form: form.map_err(|problem| invalid("TEXT_CHECK_FORM", problem))?,
        }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn settings(variables: &[(&str, &str)]) -> Result<Option<ServiceSettings>, ConfigError> {
        let url = [("TEXT_CHECK_URL", "https://check.test/v1")];
        ServiceSettings::load(&url.iter().chain(variables).copied().collect())
    }

    #[test]
    fn text_check_form_describes_the_usual_service_and_another() {
        assert!(ServiceSettings::load(&Env::default()).unwrap().is_none());
        let usual = settings(&[]).unwrap().unwrap().form;
        assert_eq!(usual.request_of("早"), json!({"text": "早"}));
        assert_eq!(
            (usual.verdict.as_str(), usual.pass, usual.block),
            ("/suggestion", vec!["pass".into()], vec!["block".into()])
        );
        let form = r#"{"request":{"service":"ad","data":[{"content":"$TEXT"}]},"verdict":"/result/0/label","pass":["Normal"],
            "block":["Spam"],"review":[]}"#;
        let other = settings(&[("TEXT_CHECK_FORM", form)]).unwrap().unwrap().form;
        assert_eq!(other.request_of("早"), json!({"service": "ad", "data": [{"content": "早"}]}));
        assert_eq!(other.pass, ["normal"]);
    }

    #[test]
    fn text_check_setting_that_is_wrong_is_refused_by_name() {
        let form = |request: &str, verdict: &str| {
            format!(r#"{{"request":{request},"verdict":"{verdict}","pass":[],"block":[],"review":[]}}"#)
        };
        for (name, value) in [
            ("TEXT_CHECK_URL", "check".to_owned()),
            ("TEXT_CHECK_URL", "ftp://check.test".to_owned()),
            ("TEXT_CHECK_TIMEOUT_SECONDS", "6".to_owned()),
            ("TEXT_CHECK_FORM", "{}".to_owned()),
            ("TEXT_CHECK_FORM", form("{}", "/a")),
            ("TEXT_CHECK_FORM", form(r#""$TEXT""#, "a")),
        ] {
            let error = settings(&[(name, &value)]).unwrap_err().to_string();
            assert!(error.contains(name), "{name}={value}: {error}");
        }
        assert!(settings(&[("TEXT_CHECK_FORM", &form(r#""$TEXT""#, "/a"))]).is_ok());
    }
}
