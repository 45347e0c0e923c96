//! Tells what a file really is, as the platforms do: by its content, never by its name or declared type.

/// What a file turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sniffed {
    Jpeg { width: u32, height: u32 },
    Png { width: u32, height: u32 },
    Mp4 { milliseconds: u64 },
    Other,
}

impl Sniffed {
    pub(crate) const fn is_image(self) -> bool {
        matches!(self, Self::Jpeg { .. } | Self::Png { .. })
    }

    pub(crate) const fn is_video(self) -> bool {
        matches!(self, Self::Mp4 { .. })
    }

    /// Width and height of a picture.
    pub(crate) const fn pixels(self) -> Option<(u32, u32)> {
        match self {
            Self::Jpeg { width, height } | Self::Png { width, height } => Some((width, height)),
            Self::Mp4 { .. } | Self::Other => None,
        }
    }
}

pub(crate) fn sniff(file: &[u8]) -> Sniffed {
    jpeg(file).or_else(|| png(file)).or_else(|| mp4(file)).unwrap_or(Sniffed::Other)
}

fn jpeg(file: &[u8]) -> Option<Sniffed> {
    let mut rest = file.strip_prefix(&[0xff, 0xd8])?;
    loop {
        let [0xff, marker] = *rest.first_chunk()? else { return None };
        rest = rest.get(1..)?;
        if marker == 0xff {
            continue;
        }
        let segment = rest.get(1..)?;
        let length = usize::from(u16::from_be_bytes(*segment.first_chunk()?));
        // The frame headers; c4, c8 and cc among them are something else.
        if (0xc0..=0xcf).contains(&marker) && ![0xc4, 0xc8, 0xcc].contains(&marker) {
            let [height @ .., _, _] = *segment.get(3..)?.first_chunk::<4>()?;
            let [_, _, width @ ..] = *segment.get(3..)?.first_chunk::<4>()?;
            return Some(Sniffed::Jpeg {
                width: u16::from_be_bytes(width).into(),
                height: u16::from_be_bytes(height).into(),
            });
        }
        rest = segment.get(length..)?;
    }
}

fn png(file: &[u8]) -> Option<Sniffed> {
    let header = file.strip_prefix(b"\x89PNG\r\n\x1a\n")?.get(8..)?;
    Some(Sniffed::Png { width: be32(header, 0)?, height: be32(header, 4)? })
}

fn mp4(file: &[u8]) -> Option<Sniffed> {
    let brand = content(file, b"ftyp")?.get(..4)?;
    // QuickTime's own files look alike; the platforms want MP4.
    if file.get(4..8) != Some(b"ftyp") || brand == b"qt  " {
        return None;
    }
    let header = content(content(file, b"moov")?, b"mvhd")?;
    let (timescale, duration) = match header.first()? {
        // All ones are "not known", which is held against nobody.
        0 => (be32(header, 12)?, be32(header, 16).filter(|units| *units != u32::MAX).unwrap_or_default().into()),
        _ => (be32(header, 20)?, u64::from(be32(header, 24)?) << 32 | u64::from(be32(header, 28)?)),
    };
    Some(Sniffed::Mp4 { milliseconds: duration.saturating_mul(1000).checked_div(timescale.into())? })
}

/// What is inside the first box of this kind.
fn content<'a>(mut boxes: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    loop {
        let length = usize::try_from(be32(boxes, 0)?).ok()?;
        if boxes.get(4..8)? == kind {
            return boxes.get(8..length);
        }
        // A length below its own header would go in circles.
        boxes = boxes.get(length.max(8)..)?;
    }
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::super::MediaFile;
    use super::*;

    #[test]
    fn media_file_is_of_its_kind_at_every_size() {
        let sizes = [(1, 1), (8, 8), (15, 17), (64, 64), (1080, 1920), (4000, 3000), (10_800, 1080)];
        for (width, height) in sizes {
            for bytes in [0, 60_000, 65_600, 131_072, 200_001, 1_000_003] {
                let (wide, high) = (u32::from(width), u32::from(height));
                let checks = [
                    (MediaFile::jpeg(width, height), "image/jpeg", Sniffed::Jpeg { width: wide, height: high }),
                    (MediaFile::png(wide, high), "image/png", Sniffed::Png { width: wide, height: high }),
                    (
                        MediaFile::Mp4 { width, height, milliseconds: 29_970, bytes: 0 },
                        "video/mp4",
                        Sniffed::Mp4 { milliseconds: 29_970 },
                    ),
                ];
                for (spec, mime, expected) in checks {
                    let bare = spec.generate("a").len();
                    let file = spec.sized(bytes).generate("a");
                    assert_eq!(infer::get(&file).map(|kind| kind.mime_type()), Some(mime), "{width}x{height}");
                    assert_eq!(sniff(&file), expected, "{width}x{height}, {bytes}");
                    let size = if bytes > bare + 12 { bytes } else { file.len().max(bare) };
                    assert_eq!(file.len(), size, "{mime} {width}x{height}: {bytes} asked for, {bare} without padding");
                }
            }
        }
    }

    #[test]
    fn media_file_of_every_small_size_is_made() {
        for spec in [MediaFile::jpeg(9, 9), MediaFile::png(9, 9), MediaFile::mp4(1000)] {
            let bare = spec.generate("a").len();
            for bytes in bare + 13..bare + 90 {
                assert_eq!(spec.clone().sized(bytes).generate("a").len(), bytes, "{spec:?}");
            }
        }
        let spec = MediaFile::jpeg(9, 9);
        let bare = spec.generate("a").len();
        for bytes in [bare + 1, bare + 2, bare + 3, bare + 65_537 + 2, bare + 2 * 65_537 + 1] {
            let file = spec.clone().sized(bytes).generate("a");
            assert_eq!((file.len(), sniff(&file).is_image()), (bytes, true));
        }
    }

    #[test]
    fn media_file_colour_is_chosen_by_its_name() {
        for spec in [MediaFile::jpeg(8, 8), MediaFile::png(8, 8)] {
            assert_ne!(spec.generate("a"), spec.generate("b"));
            assert_eq!(spec.generate("a"), spec.generate("a"));
        }
    }

    #[test]
    fn media_sniffer_refuses_files_that_only_look_right() {
        let quicktime = b"\0\0\0\x14ftypqt  \0\0\0\0qt  \0\0\0\x08moov".as_slice();
        let cut = MediaFile::mp4(1000).generate("a");
        let endless = b"\0\0\0\0ftyp\0\0\0\0".as_slice();
        for file in [b"".as_slice(), b"\xff\xd8", b"\xff\xd8\xff\xff", b"<html>", quicktime, &cut[..60], endless] {
            assert_eq!(sniff(file), Sniffed::Other, "{file:?}");
        }
    }
}
