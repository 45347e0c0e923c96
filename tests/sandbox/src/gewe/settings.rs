//! Every knob of the simulated gateway. The defaults are what its documents say or, where they say nothing, what was
//! seen of it.

use serde::{Deserialize, Serialize};

/// The knobs of one sandbox's gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct GeweSettings {
    /// How `snsXml` is written: both forms occur in one documented answer.
    pub xml: XmlStyle,
    /// Posts on a page of a list.
    pub page_size: usize,
    /// Whether the accounts of all devices are friends, and so see each other's posts in `sns/snsList`.
    pub devices_are_friends: bool,
    /// Virtual time until a post shows up in `sns/snsList`; undocumented, none.
    pub list_delay_seconds: u64,
    /// Virtual time until a post shows up in `sns/contactsSnsList`; undocumented, none.
    pub contact_list_delay_seconds: u64,
    /// Whether `sns/contactsSnsList` answers an empty list whoever is asked for, as one live audit saw it do for the
    /// account's own wxid.
    pub contact_list_empty: bool,
    /// Whether lists show texts without the blanks and line breaks at their ends.
    pub trims_texts: bool,
    /// How far the gateway's clock is ahead of everybody else's; behind when negative. Lists show its times.
    pub clock_ahead_seconds: i64,
    /// Virtual time a device must keep between two posts; the vendor's advice is an hour, nothing enforces it by default.
    pub post_interval_seconds: Option<u64>,
    /// Real time a download of a media URL may take.
    pub download_timeout_milliseconds: u64,
    /// The largest file the gateway downloads; undocumented.
    pub download_limit_bytes: usize,
    /// Real time every answer takes longer.
    pub latency_milliseconds: u64,
}

impl Default for GeweSettings {
    fn default() -> Self {
        Self {
            xml: XmlStyle::Mixed,
            page_size: 10,
            devices_are_friends: true,
            list_delay_seconds: 0,
            contact_list_delay_seconds: 0,
            contact_list_empty: false,
            trims_texts: false,
            clock_ahead_seconds: 0,
            post_interval_seconds: None,
            download_timeout_milliseconds: 10_000,
            download_limit_bytes: 30 * 1024 * 1024,
            latency_milliseconds: 0,
        }
    }
}

/// How text stands in `snsXml`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum XmlStyle {
    /// Half of the posts the one way, half the other.
    #[default]
    Mixed,
    /// `<![CDATA[…]]>`
    Cdata,
    /// `&amp;`, `&#x0A;`, …
    Escaped,
}
