//! What may be set, and to what. A setting with a range is a parameter of the template with the same limits and the same
//! default; what is in none of these sections is a constant beside the code that uses it.

use kernel::config::{Section, Setting};

pub static DOUYIN: Section = Section {
    title: "Douyin",
    settings: &[
        Setting::with_default("DOUYIN_BASE_URL", "https://open.douyin.com", "Root of the Douyin open platform."),
        Setting::with_default(
            "DOUYIN_FANS_LIST",
            "0",
            "1 when Douyin has granted our app the capability fans.list, 0 when not. Douyin grants it to hardly any new app; \
             without it users are not asked for it and nothing is synced.",
        )
        .between(0, 1),
        Setting::with_default("DOUYIN_TIMEOUT_SECONDS", "8", "Longest wait for one answer of Douyin, in seconds.")
            .between(1, 10),
    ],
};

/// The way to Douyin's consent page and back.
pub static AUTHORIZATION: Section = Section {
    title: "Authorising Douyin accounts",
    settings: &[
        Setting::with_default(
            "DOUYIN_SCOPES",
            "user_info,fans.list",
            "Scopes asked of the user, comma separated; each must have been granted to the app.",
        ),
        Setting::required(
            "DOUYIN_REDIRECT_URI",
            "Where Douyin sends the user back to, as registered there to the letter. Over https the browser's cookie is \
             bound to this host.",
        ),
        Setting::optional(
            "REDIRECT_ORIGINS",
            "Origins of the pages a user may be sent back to after that, comma separated. Without any, a request \
             that names one is refused.",
        ),
        Setting::required("STATE_KEY_ID", "The KMS key that signs the state of an authorisation."),
    ],
};

/// How fans are synced.
pub static FAN_SYNC: Section = Section {
    title: "Fan sync",
    settings: &[
        Setting::with_default(
            "DOUYIN_FAN_PAGE_SIZE",
            "20",
            "Fans asked for per page. No maximum is documented; production code elsewhere uses 20. A page of 45 still \
             fits one transaction of DynamoDB when every fan of it has changed.",
        )
        .between(1, 45),
        Setting::with_default(
            "DOUYIN_FAN_CAP",
            "5000",
            "Fans of an account that Douyin lets one walk through at most. Of an account with more nobody is marked \
             as unfollowed.",
        )
        .between(1, 1_000_000),
        Setting::with_default(
            "FAN_SYNC_MAX_ATTEMPTS",
            "12",
            "How often a sync may be taken up in a row without committing a page before it fails.",
        )
        .between(1, 1_000),
        Setting::with_default(
            "FAN_SYNC_RETRY_PAUSE_SECONDS",
            "5",
            "The first pause after a refusal that passes by itself, in seconds. It doubles with each further one, up to \
             15 minutes.",
        )
        .between(0, 900),
        Setting::with_default(
            "FAN_SYNC_KNOWN_PAGES",
            "3",
            "An INCREMENTAL sync leaves the list after so many pages in a row with nothing but known fans; 0 for never. The \
             first sync of an account and every seventh walk the whole list.",
        )
        .between(0, 1_000),
        Setting::with_default(
            "FAN_SYNC_TENANT_CALLS",
            "1000",
            "Pages of fans that the syncs of one tenant may ask for in a day, from 08:00 in Beijing. Douyin counts its quota \
             for the whole app, so this is to be a part of what its console shows: one tenant must not use up the day.",
        )
        .between(1, 10_000_000),
        Setting::required("FAN_SYNC_QUEUE_URL", "The queue of syncs."),
    ],
};

/// Syncs that nobody asks for.
pub static AUTO_SYNC: Section = Section {
    title: "Syncs by themselves",
    settings: &[Setting::with_default(
        "AUTO_SYNC_INTERVAL_HOURS",
        "24",
        "How often an account is synced by itself, in hours; 0 for never. Each account has its own time within that. \
             One that brings nobody new is synced half and then a quarter as often, until it does.",
    )
    .between(0, 168)],
};

/// What is kept of people.
pub static LEADS: Section = Section {
    title: "Leads",
    settings: &[
        Setting::with_default(
            "LEAD_RETENTION_DAYS",
            "0",
            "After how many days a lead is deleted that is no customer and that nobody has worked in that time; 0 for never, \
             otherwise at least 30.",
        )
        .between(0, 3_650),
        Setting::required(
            "SUPPRESSION_KEY_ID",
            "The KMS key from which the hashes are made by which a sync knows erased people.",
        ),
    ],
};

/// All of them, in the order of the documentation.
pub static SECTIONS: [&Section; 5] = [&DOUYIN, &AUTHORIZATION, &FAN_SYNC, &AUTO_SYNC, &LEADS];
