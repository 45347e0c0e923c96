//! What a file is, told from its first bytes. For a film they decide only whether it may be an MP4; what is inside is
//! looked at when all of it is there.

use super::limits::Limits;
use super::problem::MediaProblem;

/// From so many bytes on the type can be told as well as it ever can: the longest magic number lies within.
pub(super) const ENOUGH_TO_TELL: usize = 512;

/// Formats of images that providers take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageFormat {
    Jpeg,
    Png,
}

/// What the first bytes promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Image(ImageFormat),
    Video,
}

impl Format {
    /// Looks at the first bytes only: for some types that are refused anyway the crate opens whole containers, and
    /// these bytes are a stranger's.
    pub(super) fn of(bytes: &[u8]) -> Result<Self, MediaProblem> {
        let start = bytes.get(..ENOUGH_TO_TELL).unwrap_or(bytes);
        if let Some(brands) = brands(start) {
            return foreign_brand(brands)
                .map_or(Ok(Self::Video), |found| Err(MediaProblem::WrongType { found: Some(found) }));
        }
        let found =
            if is_drawing(start) { Some("image/svg+xml") } else { infer::get(start).map(|found| found.mime_type()) };
        match found.or_else(|| is_text(start).then_some("text/plain")) {
            Some("image/jpeg") => Ok(Self::Image(ImageFormat::Jpeg)),
            Some("image/png") => Ok(Self::Image(ImageFormat::Png)),
            found => Err(MediaProblem::WrongType { found }),
        }
    }

    pub(super) fn max_bytes(self, limits: &Limits) -> usize {
        match self {
            Self::Image(_) => limits.image_bytes,
            Self::Video => limits.video_bytes,
        }
    }

    /// The extension of its name, and its media type.
    pub(super) fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Image(ImageFormat::Jpeg) => ("jpg", "image/jpeg"),
            Self::Image(ImageFormat::Png) => ("png", "image/png"),
            Self::Video => ("mp4", "video/mp4"),
        }
    }
}

/// The brands of a file of the family of MP4: the specification it is written to comes first, then a version, then
/// others it may be read by. Segments of streams begin with a box of another name.
fn brands(start: &[u8]) -> Option<&[[u8; 4]]> {
    let (length, rest) = start.split_first_chunk()?;
    let content = rest.strip_prefix(b"ftyp").or_else(|| rest.strip_prefix(b"styp"))?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?.saturating_sub(8);
    Some(content.get(..length).unwrap_or(content).as_chunks().0)
}

/// What a file of these brands is, if it is no MP4. All of the family have the same boxes, and every maker of cameras has a
/// brand of his own: so all but the known others are judged by what is inside.
fn foreign_brand(brands: &[[u8; 4]]) -> Option<&'static str> {
    let (major, compatible) = (brands.first()?, brands.get(2..).unwrap_or_default());
    match major {
        b"qt  " => Some("video/quicktime"),
        b"avif" | b"avis" => Some("image/avif"),
        b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"hevm" | b"hevs" | b"mif1" | b"mif2" | b"msf1"
        | b"miaf" => Some(if compatible.contains(b"avif") { "image/avif" } else { "image/heif" }),
        b"M4A " | b"M4B " | b"M4P " | b"F4A " | b"F4B " => Some("audio/mp4"),
        b"crx " => Some("image/x-canon-cr3"),
        // Cameras' own brands of QuickTime.
        _ if compatible.contains(b"qt  ") && !compatible.iter().any(is_iso_brand) && !is_iso_brand(major) => {
            Some("video/quicktime")
        }
        _ => None,
    }
}

/// The brands that the specification of MP4 itself and its base define.
fn is_iso_brand(brand: &[u8; 4]) -> bool {
    matches!(brand, b"isom" | b"avc1" | b"mp41" | b"mp42" | b"mp71" | [b'i', b's', b'o', b'2'..=b'9' | b'a'..=b'c'])
}

/// Whether it is an SVG: a text that people think of as a picture.
fn is_drawing(start: &[u8]) -> bool {
    let text = String::from_utf8_lossy(start).to_ascii_lowercase();
    text.trim_start_matches('\u{feff}').trim_start().starts_with('<')
        && text.contains("<svg")
        && !text.contains("<html")
}

/// Whether it is a text: a note of an API, a list, a program. The last character may be cut.
fn is_text(start: &[u8]) -> bool {
    let text = match std::str::from_utf8(start) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            start.get(..error.valid_up_to()).and_then(|whole| std::str::from_utf8(whole).ok()).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !text.is_empty() && !text.contains(|character: char| character.is_control() && !character.is_whitespace())
}
