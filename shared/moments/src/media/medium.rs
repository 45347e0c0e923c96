//! What a medium is: told from its bytes, whatever its server and its name say.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use kernel::crypto::sha256_hex;

use super::decoding::{Frame, MAX_DECODING_BYTES, run_exclusively};
use super::format::{Format, ImageFormat};
use super::limits::{Limits, MAX_SIDE, MIN_MEDIUM_BYTES, VIDEO_TOLERANCE};
use super::problem::MediaProblem;
use super::{jpeg, mp4, png};

/// What a medium is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaKind {
    Image {
        /// How it is coded.
        format: ImageFormat,
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
    },
    /// An MP4 video.
    Video {
        /// How long it plays.
        duration: Duration,
    },
}

/// A medium that keeps to the limits it was fetched with, but for an image's sides: see [`Medium::fit`].
#[derive(Clone)]
pub struct Medium {
    pub kind: MediaKind,
    /// All of it. Clones share it.
    pub bytes: Bytes,
    /// SHA-256 of the bytes, in lowercase hex.
    pub sha256: String,
    /// A name made by us, in ASCII and with the right extension: uploads under other names fail at WeCom.
    pub file_name: String,
    pub mime: &'static str,
}

impl Medium {
    /// Judges the bytes while no other medium is judged or decoded.
    pub(crate) async fn judged(bytes: Vec<u8>, limits: Limits) -> Result<Self, MediaProblem> {
        run_exclusively(move || Self::of(bytes, &limits)).await
    }

    /// Judges the bytes. An image that lacks nothing but the marker at its end gets one.
    pub(super) fn of(mut bytes: Vec<u8>, limits: &Limits) -> Result<Self, MediaProblem> {
        if bytes.len() < MIN_MEDIUM_BYTES {
            return Err(MediaProblem::Empty);
        }
        let format = Format::of(&bytes)?;
        let kind = match format {
            Format::Image(format) => image(format, &bytes, limits)?,
            Format::Video => video(&bytes, limits)?,
        };
        match format {
            Format::Image(ImageFormat::Jpeg) if jpeg::check(&bytes)? == jpeg::Ending::Unmarked => {
                bytes.extend(jpeg::END_MARKER);
            }
            Format::Image(ImageFormat::Png) => png::check(&bytes)?,
            Format::Image(ImageFormat::Jpeg) | Format::Video => {}
        }
        let sha256 = sha256_hex(&bytes);
        let (extension, mime) = format.names();
        let file_name = format!("{}.{extension}", sha256.get(..16).unwrap_or_default());
        Ok(Self { kind, bytes: Bytes::from(bytes), sha256, file_name, mime })
    }
}

impl AsRef<MediaKind> for Medium {
    fn as_ref(&self) -> &MediaKind {
        &self.kind
    }
}

impl AsRef<Self> for MediaKind {
    fn as_ref(&self) -> &Self {
        self
    }
}

/// Without the bytes.
impl fmt::Debug for Medium {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Medium")
            .field("kind", &self.kind)
            .field("bytes", &self.bytes.len())
            .field("file_name", &self.file_name)
            .finish_non_exhaustive()
    }
}

fn image(format: ImageFormat, bytes: &[u8], limits: &Limits) -> Result<MediaKind, MediaProblem> {
    let frame = frame(format, bytes)?;
    let Frame { width, height, .. } = frame;
    if frame.pixels() > limits.pixels {
        return Err(MediaProblem::BadDimensions { width, height, limit: limits.pixels });
    }
    if width.max(height) > MAX_SIDE {
        return Err(MediaProblem::SideTooLong { width, height, limit: MAX_SIDE });
    }
    let needed = frame.memory(bytes.len(), limits);
    if needed > MAX_DECODING_BYTES {
        return Err(MediaProblem::TooMuchMemory { needed, limit: MAX_DECODING_BYTES });
    }
    Ok(MediaKind::Image { format, width, height })
}

/// What the header of an image says.
pub(super) fn frame(format: ImageFormat, bytes: &[u8]) -> Result<Frame, MediaProblem> {
    match format {
        ImageFormat::Jpeg => jpeg::frame(bytes),
        ImageFormat::Png => png::frame(bytes),
    }
}

fn video(bytes: &[u8], limits: &Limits) -> Result<MediaKind, MediaProblem> {
    let duration = mp4::duration(bytes)?;
    if duration > limits.video_duration.saturating_add(VIDEO_TOLERANCE) {
        return Err(MediaProblem::TooLong { length: duration, limit: limits.video_duration });
    }
    Ok(MediaKind::Video { duration })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::media::problem::Fault;
    use crate::media::samples::{Mp4, boxed, jpeg, png, png_header};

    fn judged(bytes: &[u8]) -> Result<MediaKind, MediaProblem> {
        Medium::of(bytes.to_vec(), &Limits::WECOM).map(|medium| medium.kind)
    }

    fn wrong(found: &'static str) -> Result<MediaKind, MediaProblem> {
        Err(MediaProblem::WrongType { found: Some(found) })
    }

    #[test]
    fn medium_file_name_is_made_by_us() {
        for (bytes, extension, mime) in [
            (jpeg(640, 480), ".jpg", "image/jpeg"),
            (png(640, 480), ".png", "image/png"),
            (Mp4::default().bytes(), ".mp4", "video/mp4"),
        ] {
            let medium = Medium::of(bytes.clone(), &Limits::WECOM).unwrap();
            assert_eq!((medium.bytes.as_ref(), medium.mime), (&bytes[..], mime));
            assert_eq!(medium.sha256, sha256_hex(&bytes));
            assert_eq!(medium.file_name.strip_suffix(extension).unwrap(), &medium.sha256[..16]);
            assert!(!format!("{medium:?}").contains('['), "{medium:?}");
        }
    }

    #[test]
    fn medium_kind_is_decided_by_its_bytes() {
        let image = |format, width, height| Ok(MediaKind::Image { format, width, height });
        assert_eq!(judged(&jpeg(640, 480)), image(ImageFormat::Jpeg, 640, 480));
        assert_eq!(judged(&png(640, 480)), image(ImageFormat::Png, 640, 480));
        assert_eq!(judged(&Mp4::default().bytes()), Ok(MediaKind::Video { duration: Duration::from_secs(10) }));

        for (bytes, verdict) in [
            (&b"GIF89a\x01\0\x01\0\0\0\0;"[..], wrong("image/gif")),
            (b"RIFF\x10\0\0\0WEBPVP8 \0\0\0\0", wrong("image/webp")),
            (b"<!DOCTYPE html><html><body>login</body></html>", wrong("text/html")),
            (b"%PDF-1.7\n", wrong("application/pdf")),
            (b"\x1f\x8b\x08\0\0\0\0\0\0\0", wrong("application/gzip")),
            (b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", wrong("video/quicktime")),
            (b"\0\0\0\x14ftypheic\0\0\0\0heic", wrong("image/heif")),
            (b"{\"error\":\"expired\"}", wrong("text/plain")),
            (b"\x00\x01\x02\x03\x04\x05\x06\x07", Err(MediaProblem::WrongType { found: None })),
            (b"", Err(MediaProblem::Empty)),
            (b"\xff\xd8\xff\xd9\0", Err(MediaProblem::Empty)),
            (b"\xff\xd8\xff\xd9\0\0", Err(MediaProblem::Corrupt(Fault::Structure))),
        ] {
            assert_eq!(judged(bytes), verdict, "{}", String::from_utf8_lossy(bytes));
        }
        let apple = [&boxed(b"ftyp", b"M4V \0\0\0\0")[..], &Mp4::default().movie(), &boxed(b"mdat", b"x")].concat();
        assert!(judged(&apple).is_ok());
    }

    #[test]
    fn medium_limits_are_exact_to_the_pixel_and_the_millisecond() {
        assert!(judged(&jpeg(8_000, 5_000)).is_ok());
        let problem = MediaProblem::BadDimensions { width: 8_001, height: 5_000, limit: 40_000_000 };
        assert_eq!(judged(&png_header(8_001, 5_000)), Err(problem));

        let video = |units| Mp4 { scale: 1_000, units, ..Mp4::default() }.bytes();
        let too_long = |milliseconds| {
            let limit = Duration::from_secs(30);
            Err(MediaProblem::TooLong { length: Duration::from_millis(milliseconds), limit })
        };
        assert!(judged(&video(30_100)).is_ok());
        assert_eq!(judged(&video(30_101)), too_long(30_101));
        assert_eq!(judged(&video(31_000)), too_long(31_000));

        let problem = MediaProblem::SideTooLong { width: 65_536, height: 2, limit: 65_535 };
        assert_eq!(judged(&png_header(65_536, 2)), Err(problem));
    }
    proptest! {
        #[test]
        fn medium_of_any_bytes_does_not_panic(
            start in prop::sample::select(vec![&b"\xff\xd8\xff"[..], b"\x89PNG\r\n\x1a\n", b"\0\0\0\x08ftypisom", b""]),
            bytes in prop::collection::vec(any::<u8>(), 0..2_000),
        ) {
            let _ = Medium::of([start, &bytes].concat(), &Limits::WECOM);
        }
    }
}
