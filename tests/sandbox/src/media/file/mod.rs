//! Files that are what they say: real pictures and videos of any dimensions, legally padded to any size.

mod bits;
mod h264;
mod jpeg;
mod mp4;
mod png;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::seed::Seed;

/// A file to generate. `bytes` pads it; 0 leaves it as small as it gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", deny_unknown_fields)]
pub enum MediaFile {
    /// A JPEG of one colour.
    Jpeg {
        /// Pixels.
        width: u16,
        /// Pixels.
        height: u16,
        /// Size of the file.
        #[serde(default)]
        bytes: usize,
    },
    /// A PNG of one colour.
    Png {
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
        /// Size of the file.
        #[serde(default)]
        bytes: usize,
    },
    /// A grey H.264 video.
    Mp4 {
        /// Pixels; odd becomes even.
        width: u16,
        /// Pixels; odd becomes even.
        height: u16,
        milliseconds: u32,
        /// Size of the file.
        #[serde(default)]
        bytes: usize,
    },
    /// A web page, as an origin shows it in place of a file that is gone.
    Html,
    Text {
        text: String,
    },
    /// Any bytes.
    Bytes {
        /// All of them, in base64; what is no base64 is an empty file.
        base64: String,
    },
}

impl MediaFile {
    /// A JPEG as small as it gets.
    #[must_use]
    pub const fn jpeg(width: u16, height: u16) -> Self {
        Self::Jpeg { width, height, bytes: 0 }
    }

    /// A PNG as small as it gets.
    #[must_use]
    pub const fn png(width: u32, height: u32) -> Self {
        Self::Png { width, height, bytes: 0 }
    }

    /// A video of 640 × 360 as small as it gets.
    #[must_use]
    pub const fn mp4(milliseconds: u32) -> Self {
        Self::Mp4 { width: 640, height: 360, milliseconds, bytes: 0 }
    }

    /// A file with exactly this content.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self::Bytes { base64: STANDARD.encode(bytes) }
    }

    /// Padded to this many bytes. Exactly, unless that is within a dozen bytes of the smallest possible file, or below.
    #[must_use]
    pub const fn sized(mut self, size: usize) -> Self {
        if let Self::Jpeg { bytes, .. } | Self::Png { bytes, .. } | Self::Mp4 { bytes, .. } = &mut self {
            *bytes = size;
        }
        self
    }

    /// Its honest content type.
    #[must_use]
    pub const fn content_type(&self) -> &'static str {
        match self {
            Self::Jpeg { .. } => "image/jpeg",
            Self::Png { .. } => "image/png",
            Self::Mp4 { .. } => "video/mp4",
            Self::Html => "text/html; charset=utf-8",
            Self::Text { .. } => "text/plain; charset=utf-8",
            Self::Bytes { .. } => "application/octet-stream",
        }
    }

    /// The file. The name chooses the colour, so that files of different names have different content.
    #[must_use]
    pub fn generate(&self, name: &str) -> Vec<u8> {
        let mut draw = Seed::new(0).with_text(name).stream();
        let mut colour = || [(); 3].map(|()| 64 + (draw.next() & 127) as u8);
        match *self {
            Self::Jpeg { width, height, bytes } => jpeg::encode(width.max(1), height.max(1), colour(), bytes),
            Self::Png { width, height, bytes } => png::encode(width.max(1), height.max(1), colour(), bytes),
            Self::Mp4 { width, height, milliseconds, bytes } => mp4::encode(width, height, milliseconds, bytes),
            Self::Html => b"<!DOCTYPE html><html><body>404</body></html>".to_vec(),
            Self::Text { ref text } => text.clone().into_bytes(),
            Self::Bytes { ref base64 } => STANDARD.decode(base64).unwrap_or_default(),
        }
    }
}
