//! What the providers take, as they document it.

use std::time::Duration;

/// "Every file > 5 bytes": WeCom, `media/upload_attachment` (developer.work.weixin.qq.com/document/path/96347).
pub const MIN_MEDIUM_BYTES: usize = 6;
/// 10 MB for an image and for a video alike (same page). The page does not say whether an MB has 10⁶ or 2²⁰ bytes;
/// a file in between is left to WeCom, whose refusal is final and reported.
pub const MAX_MEDIUM_BYTES: usize = 10 * 1024 * 1024;
/// 30 s (same page).
pub const MAX_VIDEO: Duration = Duration::from_secs(30);
/// How much longer a video may be. 900 frames of 30000/1001 a second are 30.03 s, and sound ends with the packet that the
/// last picture falls into.
pub(super) const VIDEO_TOLERANCE: Duration = Duration::from_millis(100);
/// Pixels of a side: the most that a JPEG can have. What scaling takes grows with the length of a side too, so that a line of
/// 40 million pixels takes a hundred times what as many take in a square.
pub(super) const MAX_SIDE: u32 = 65_535;
/// Long side of an image of a moment (document/path/96351, 2025-09-11).
pub const MAX_LONG_SIDE: u32 = 10_800;
/// Short side of an image of a moment (same page). Older pages only advise 1440 × 1080, which is why the two sides can
/// be configured.
pub const MAX_SHORT_SIDE: u32 = 1_080;
/// What a publisher's memory can hold decoded; a phone's photographs have 12 to 24 million.
pub const MAX_PIXELS: u64 = 40_000_000;

/// What a medium may measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of an image.
    pub image_bytes: usize,
    /// Bytes of a video.
    pub video_bytes: usize,
    /// Length of a video.
    pub video_duration: Duration,
    /// Pixels of an image in all; one of more is refused.
    pub pixels: u64,
    /// Pixels of an image's longer side; a larger image is scaled down.
    pub long_side: u32,
    /// Pixels of an image's shorter side; a larger image is scaled down.
    pub short_side: u32,
}

impl Limits {
    pub const WECOM: Self = Self {
        image_bytes: MAX_MEDIUM_BYTES,
        video_bytes: MAX_MEDIUM_BYTES,
        video_duration: MAX_VIDEO,
        pixels: MAX_PIXELS,
        long_side: MAX_LONG_SIDE,
        short_side: MAX_SHORT_SIDE,
    };

    /// Bytes of a medium before it is known what it is.
    pub(super) fn largest(&self) -> usize {
        self.image_bytes.max(self.video_bytes)
    }

    /// The largest size in the same proportions that fits.
    pub(super) fn scaled(&self, width: u32, height: u32) -> (u32, u32) {
        let by_long = f64::from(self.long_side) / f64::from(width.max(height).max(1));
        let by_short = f64::from(self.short_side) / f64::from(width.min(height).max(1));
        let factor = by_long.min(by_short).min(1.0);
        // In range: neither side grows.
        let side = |pixels: u32| ((f64::from(pixels) * factor).round() as u32).max(1);
        (side(width), side(height))
    }

    /// Whether an image of this size fits as it is.
    pub(super) fn fits(&self, width: u32, height: u32) -> bool {
        width.max(height) <= self.long_side && width.min(height) <= self.short_side
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn image_limits_hold_in_portrait_and_landscape() {
        for (width, height, fits) in [
            (1_080, 10_800, true),
            (10_800, 1_080, true),
            (1_080, 1_080, true),
            (1_081, 1_081, false),
            (1_080, 10_801, false),
            (10_801, 1, false),
        ] {
            assert_eq!(Limits::WECOM.fits(width, height), fits, "{width}x{height}");
        }
    }

    #[test]
    fn image_limits_after_scaling_hold_and_one_is_reached() {
        for (width, height, scaled) in [
            (3_024, 4_032, (1_080, 1_440)),
            (4_032, 3_024, (1_440, 1_080)),
            (1_242, 26_880, (499, 10_800)),
            (1, 21_600, (1, 10_800)),
            (1_080, 1_080, (1_080, 1_080)),
        ] {
            assert_eq!(Limits::WECOM.scaled(width, height), scaled, "{width}x{height}");
            assert!(Limits::WECOM.fits(scaled.0, scaled.1));
        }
    }
}
