//! What may be set, and to what. A setting with a range is a parameter of the template with the same limits and the same
//! default; what is in none of these sections is a constant beside the code that uses it.

use kernel::config::{Section, Setting};

use super::providers::PROVIDERS;
use super::text_check::TEXT_CHECK;
use crate::publish::JOB_LIFETIME;

/// How publishing goes about it. Ranges begin where the code still makes sense, and end where nobody would wait longer.
pub static PUBLISHING: Section = Section {
    title: "Publishing Moments",
    settings: &[
        Setting::with_default(
            "PUBLISHING_ENABLED",
            "true",
            "`false` stops everything that would be sent, before it is sent. It stays due, is not lost, and goes out or is \
             missed once this is `true` again.",
        ),
        Setting::with_default(
            "PROVIDER_TIMEOUT_SECONDS",
            "20",
            "Longest wait of the publisher for one answer of WeCom or the gateway, in seconds. The gateway downloads the \
             media of an upload while it is waited for.",
        )
        .between(1, 30),
        Setting::with_default(
            "MOMENT_MAX_LATENESS_SECONDS",
            "3600",
            "A timed post this much behind its time fails as missed, in seconds.",
        )
        .between(60, 604_800),
        Setting::with_default(
            "MOMENT_MAX_WAIT_SECONDS",
            "129600",
            "A post without a time, or one that is tried again, fails if it could not go out for so long, in seconds. No \
             limit of a provider's that is known lasts longer than a day.",
        )
        .between(3_600, 604_800),
        Setting::with_default(
            "MOMENT_CONFIRM_SECONDS",
            "172800",
            "How long members of a company may take to confirm a post, in seconds. At least a day, which WeCom may take \
             to make a post of a job.",
        )
        .between(JOB_LIFETIME.as_secs(), 2_592_000),
        Setting::with_default(
            "CORP_CREATIONS_PER_MINUTE",
            "10",
            "Moments that one company's app may create in a minute. WeCom's older pages say 10.",
        )
        .between(1, 100_000),
        Setting::with_default(
            "MOMENT_RETRY_PAUSE_SECONDS",
            "10",
            "The pause after a refusal that passes by itself, in seconds. It doubles with each further one.",
        )
        .between(1, 3_600),
        Setting::with_default(
            "MOMENT_JOB_PAUSE_SECONDS",
            "2",
            "The first pause between two looks at a company's job, in seconds. A job usually takes seconds.",
        )
        .between(1, 3_600),
        Setting::with_default(
            "MOMENT_MEMBER_PAUSE_SECONDS",
            "10",
            "The first pause between two looks at a company's members, in seconds. People take minutes to hours.",
        )
        .between(1, 3_600),
        Setting::with_default(
            "MOMENT_RECONCILE_PAUSE_SECONDS",
            "10",
            "The pause before a provider's list is read for a post whose answer was lost, in seconds. It doubles with \
             each further look, of which there are four.",
        )
        .between(1, 3_600),
    ],
};

/// How fast personal accounts may publish: what the vendor of the gateway advises, so that they are not limited or banned.
pub static PERSONAL: Section = Section {
    title: "The pace of personal accounts",
    settings: &[
        Setting::with_default("PERSONAL_POSTS_PER_DAY", "5", "Posts of one personal account on one day in China.")
            .between(1, 1_000),
        Setting::with_default(
            "PERSONAL_INTERVAL_SECONDS",
            "3600",
            "Time between two posts of one personal account, in seconds; 0 for none. From an hour on it is up to \
             ten minutes shorter or longer.",
        )
        .between(0, 86_400),
        Setting::with_default(
            "PERSONAL_HOURS",
            "8-22",
            "Hours of the day in China at which personal accounts publish, from the first to before the second; 0-24 for \
             always.",
        ),
        Setting::with_default(
            "PERSONAL_REST_SECONDS",
            "259200",
            "How long a personal account publishes nothing on a device that was just connected, in seconds.",
        )
        .between(0, 604_800),
    ],
};

pub static MEDIA: Section = Section {
    title: "Media",
    settings: &[
        Setting::with_default(
            "MEDIA_TIMEOUT_SECONDS",
            "8",
            "Longest fetch of one whole medium while a user waits for their task, in seconds.",
        )
        .between(1, 10),
        Setting::optional(
            "MEDIA_TRUSTED_ORIGINS",
            "Origins that media may come from although they are no public https addresses, comma separated. For \
             development; none in production.",
        ),
        Setting::with_default(
            "GATEWAY_MEDIA",
            "bucket",
            "Where the gateway downloads media from: `bucket`, by an address that is good for a quarter of an hour and made \
             right before the call, or `origin`, the address that the user gave. That one is downloaded first and compared \
             with what was judged; what it answers to the gateway a moment later nobody can tell.",
        ),
        Setting::with_default(
            "MEDIA_MAX_LONG_SIDE",
            "10800",
            "Most pixels of the longer side of an image for WeCom; a larger one is scaled down.",
        )
        .between(1, 10_800),
        Setting::with_default(
            "MEDIA_MAX_SHORT_SIDE",
            "1080",
            "Most pixels of its shorter side. WeCom's older pages only advise 1440 × 1080.",
        )
        .between(1, 10_800),
    ],
};

pub static CONTENT: Section = Section {
    title: "The content library",
    settings: &[
        Setting::optional(
            "CONTENT_API_URL",
            "Root of the content library's API, which is asked with the caller's own token. Without it requests that \
             name a draft are refused.",
        ),
        Setting::with_default(
            "CONTENT_PATH",
            "contents/{id}",
            "Where below its root a draft is; `{id}` stands for the draft's id.",
        ),
        Setting::with_default(
            "CONTENT_TEXT_POINTER",
            "/text",
            "JSON pointer to the text of a draft, in the answer or in its `data`.",
        ),
        Setting::with_default(
            "CONTENT_MEDIA_POINTER",
            "/mediaUrls",
            "JSON pointer to the list of the addresses of its media, likewise.",
        ),
        Setting::with_default("CONTENT_TIMEOUT_SECONDS", "5", "Longest wait for its answer, in seconds.").between(1, 6),
    ],
};

/// What may be posted.
pub static RULES: Section = Section {
    title: "Rules of content",
    settings: &[
        Setting::optional(
            "SENSITIVE_WORDS",
            "Words that must not be posted, comma separated. Letter case does not matter.",
        ),
        Setting::optional(
            "SENSITIVE_WORDS_KEY",
            "The key of an object in the bucket with more of them, up to 100,000, one a line in UTF-8. It is read again \
             after five minutes. While it cannot be read nothing is posted, but one that was read before serves for an hour.",
        ),
        Setting::required("MOMENTS_BUCKET", "The bucket of what belongs to posts."),
    ],
};

pub static QUEUE: Section = Section {
    title: "The publish queue",
    settings: &[Setting::required("PUBLISH_QUEUE_URL", "The queue of tasks and deliveries.")],
};

/// All of them, in the order of the documentation.
pub static SECTIONS: [&Section; 8] =
    [&PUBLISHING, &PERSONAL, &PROVIDERS, &MEDIA, &CONTENT, &RULES, &TEXT_CHECK, &QUEUE];
