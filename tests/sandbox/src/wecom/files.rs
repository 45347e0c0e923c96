//! Uploaded files: what is accepted where, and for how long.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::endpoint::WecomEndpoint;
use super::error::Refusal;
use crate::media::{Sniffed, sniff};

/// Ids are good for three days.
const VALID: SignedDuration = SignedDuration::from_hours(72);
const SMALLEST: usize = 6;
const LARGEST: usize = 10 * 1024 * 1024;
/// 30 s, and the few frames by which a video of "30 seconds" is longer.
const LONGEST_MILLISECONDS: u64 = 30_100;
const LONG_SIDE: u32 = 10_800;
const SHORT_SIDE: u32 = 1_080;

/// What an uploaded file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum FileKind {
    Image,
    /// MP4.
    Video,
    File,
}

impl FileKind {
    pub(crate) fn of(media_type: &str) -> Option<Self> {
        match media_type {
            "image" => Some(Self::Image),
            "video" => Some(Self::Video),
            "file" => Some(Self::File),
            _ => None,
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Video => "video",
            Self::File => "file",
        }
    }

    /// Refuses what this kind may not hold.
    pub(crate) fn check(self, file: &[u8], checks_pixels: bool) -> Result<Sniffed, Refusal> {
        if file.is_empty() {
            return Err(44_001.into());
        }
        let too_large = match self {
            Self::Image => 40_009,
            Self::Video => 40_011,
            Self::File => 40_006,
        };
        if file.len() < SMALLEST {
            return Err(40_006.into());
        }
        if file.len() > LARGEST {
            return Err(too_large.into());
        }
        let sniffed = sniff(file);
        match (self, sniffed) {
            (Self::Image, _) if !sniffed.is_image() => Err(40_004.into()),
            (Self::Image, _) => match sniffed.pixels() {
                Some((width, height))
                    if checks_pixels && (width.max(height) > LONG_SIDE || width.min(height) > SHORT_SIDE) =>
                {
                    Err(Refusal::saying(too_large, "invalid image size, too many pixels"))
                }
                _ => Ok(sniffed),
            },
            (Self::Video, Sniffed::Mp4 { milliseconds }) if milliseconds <= LONGEST_MILLISECONDS => Ok(sniffed),
            (Self::Video, _) => Err(41_090.into()),
            (Self::File, _) => Ok(sniffed),
        }
    }
}

/// An uploaded file, for tests that count uploads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FileView {
    pub media_id: String,
    /// The corp, by its sandbox name.
    pub corp: String,
    pub kind: FileKind,
    /// Whether moments take it: uploaded to `upload_attachment` as attachment type 1.
    pub for_moments: bool,
    pub bytes: usize,
    /// Width and height of a picture.
    pub pixels: Option<(u32, u32)>,
    /// Virtual time of its upload.
    pub at: Timestamp,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Files {
    files: HashMap<String, FileView>,
}

impl Files {
    /// Keeps a file and returns its id.
    pub(crate) fn add(&mut self, file: FileView) {
        self.files.insert(file.media_id.clone(), file);
    }

    /// Whether a moment of this corp may show the file as such a thing.
    pub(crate) fn serves(&self, corp: &str, media_id: &str, kind: FileKind, now: Timestamp) -> bool {
        self.files.get(media_id).is_some_and(|file| {
            file.corp == corp && file.for_moments && file.kind == kind && now.duration_since(file.at) < VALID
        })
    }

    /// Oldest first.
    pub(crate) fn all(&self) -> Vec<FileView> {
        let mut all: Vec<FileView> = self.files.values().cloned().collect();
        all.sort_by(|one, other| (one.at, &one.media_id).cmp(&(other.at, &other.media_id)));
        all
    }
}

/// A new id. The two places to upload to give ids that look alike.
pub(crate) fn media_id(endpoint: WecomEndpoint) -> String {
    let prefix = if endpoint == WecomEndpoint::UploadAttachment { "WWMOM" } else { "3" };
    format!("{prefix}{:032x}{:016x}", rand::random::<u128>(), rand::random::<u64>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::MediaFile;

    #[test]
    fn wecom_file_is_checked_by_its_content() {
        let pdf = b"%PDF-1.7 something".to_vec();
        let megabyte = 1024 * 1024;
        let table: [(FileKind, Vec<u8>, Result<(), i64>); 15] = [
            (FileKind::Image, MediaFile::jpeg(1080, 1440).generate("a"), Ok(())),
            (FileKind::Image, MediaFile::png(1080, 10_800).generate("a"), Ok(())),
            (FileKind::Image, MediaFile::jpeg(1081, 1081).generate("a"), Err(40_009)),
            (FileKind::Image, MediaFile::jpeg(10_801, 100).generate("a"), Err(40_009)),
            (FileKind::Image, MediaFile::jpeg(100, 100).sized(10 * megabyte).generate("a"), Ok(())),
            (FileKind::Image, MediaFile::jpeg(100, 100).sized(10 * megabyte + 1).generate("a"), Err(40_009)),
            (FileKind::Image, MediaFile::mp4(1000).generate("a"), Err(40_004)),
            (FileKind::Image, MediaFile::Html.generate("a"), Err(40_004)),
            (FileKind::Image, Vec::new(), Err(44_001)),
            (FileKind::Image, b"\xff\xd8\xff".to_vec(), Err(40_006)),
            (FileKind::Video, MediaFile::mp4(30_100).generate("a"), Ok(())),
            (FileKind::Video, MediaFile::mp4(30_101).generate("a"), Err(41_090)),
            (FileKind::Video, MediaFile::mp4(1000).sized(10 * megabyte + 1).generate("a"), Err(40_011)),
            (FileKind::Video, MediaFile::jpeg(8, 8).generate("a"), Err(41_090)),
            (FileKind::File, pdf, Ok(())),
        ];
        for (row, (kind, file, expected)) in table.into_iter().enumerate() {
            let checked = kind.check(&file, true).map(|_| ()).map_err(|refusal| refusal.code);
            assert_eq!(checked, expected, "row {row}");
        }
        let large = MediaFile::jpeg(4000, 3000).generate("a");
        assert!(FileKind::Image.check(&large, false).is_ok(), "the knob");
    }

    #[test]
    fn wecom_media_id_is_valid_for_its_corp_kind_and_three_days() {
        let at: Timestamp = "2026-01-05T00:00:00Z".parse().unwrap();
        let file = |media_id: &str, for_moments| FileView {
            media_id: media_id.to_owned(),
            corp: "a".to_owned(),
            kind: FileKind::Image,
            for_moments,
            bytes: 10,
            pixels: None,
            at,
        };
        let mut files = Files::default();
        files.add(file("moments", true));
        files.add(file("plain", false));
        let soon = |hours: i64| at + SignedDuration::from_hours(hours);
        assert!(files.serves("a", "moments", FileKind::Image, soon(71)));
        assert!(!files.serves("a", "moments", FileKind::Image, soon(72)));
        assert!(!files.serves("b", "moments", FileKind::Image, at));
        assert!(!files.serves("a", "moments", FileKind::Video, at));
        assert!(!files.serves("a", "plain", FileKind::Image, at));
        assert!(!files.serves("a", "unknown", FileKind::Image, at));
    }
}
