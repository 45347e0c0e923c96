//! What an address of the media origin serves, and how badly.

use serde::{Deserialize, Serialize};

use super::file::MediaFile;

/// What stands at one path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SampleMedium {
    pub file: MediaFile,
    /// The declared content type; the honest one when absent, none at all when empty.
    #[serde(default)]
    pub content_type: Option<String>,
    #[serde(default = "ok")]
    pub status: u16,
    /// `Location`, for a redirect to anywhere.
    #[serde(default)]
    pub location: Option<String>,
    /// How the content comes.
    #[serde(default)]
    pub delivery: Delivery,
}

const fn ok() -> u16 {
    200
}

/// How a body is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", deny_unknown_fields)]
pub enum Delivery {
    /// At once, with its length.
    #[default]
    Whole,
    /// Without saying its length.
    Chunked,
    /// A little at a time.
    Drip {
        /// So many bytes …
        bytes: usize,
        /// … between pauses of real time.
        milliseconds: u64,
    },
    /// The content over and over, without end and without a length.
    Endless,
    /// The true length is declared, but the connection ends after so many bytes.
    Truncated { bytes: usize },
    /// A length is declared that is not the true one. A smaller one hides the rest of the content, a larger one ends
    /// like a truncation.
    Claims { length: u64 },
    /// No answer at all, until the caller gives up.
    Silent,
    /// The connection ends without a byte.
    Dropped,
}

impl SampleMedium {
    /// The file, honestly served.
    #[must_use]
    pub const fn new(file: MediaFile) -> Self {
        Self { file, content_type: None, status: ok(), location: None, delivery: Delivery::Whole }
    }

    /// A redirect with 302.
    #[must_use]
    pub fn redirect(location: impl Into<String>) -> Self {
        Self { status: 302, location: Some(location.into()), ..Self::new(MediaFile::Html) }
    }

    /// A status with a page.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self { status, ..Self::new(MediaFile::Html) }
    }

    /// A web page in place of the file, declared as the picture it is not.
    #[must_use]
    pub fn html_as_image() -> Self {
        Self::new(MediaFile::Html).declared("image/jpeg")
    }

    /// Says it is of this type, whatever it is.
    #[must_use]
    pub fn declared(mut self, content_type: impl Into<String>) -> Self {
        self.content_type = Some(content_type.into());
        self
    }

    #[must_use]
    pub const fn delivered(mut self, delivery: Delivery) -> Self {
        self.delivery = delivery;
        self
    }

    /// What a path serves that nobody put anything at: names of pictures and videos give one, with the measures the
    /// query asks for, so that a person with curl needs no preparation.
    pub(super) fn improvised(path: &str, query: &[(String, String)]) -> Option<Self> {
        let (_, extension) = path.rsplit_once('.')?;
        let asked = |name: &str, otherwise: u64| {
            query.iter().find(|(key, _)| key == name).map_or(Some(otherwise), |(_, value)| value.parse().ok())
        };
        let (width, height) = (asked("width", 1080)?, asked("height", 720)?);
        let bytes = usize::try_from(asked("bytes", 0)?).ok()?;
        let small = |number: u64| u16::try_from(number).ok();
        let file = match extension {
            "jpg" | "jpeg" => MediaFile::Jpeg { width: small(width)?, height: small(height)?, bytes },
            "png" => MediaFile::Png { width: small(width)?.into(), height: small(height)?.into(), bytes },
            "mp4" => {
                let milliseconds = u32::try_from(asked("milliseconds", 10_000)?).ok()?;
                MediaFile::Mp4 { width: small(width)?, height: small(height)?, milliseconds, bytes }
            }
            _ => return None,
        };
        Some(Self::new(file))
    }
}
