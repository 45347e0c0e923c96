//! What decoding and scaling an image takes in memory, told from its header before anything is decoded.
//!
//! The publisher has 768 MiB and works on ten posts at a time, nine of which may hold a medium of 10 MB each while one
//! is decoded. A process that exceeds its memory is killed together with all ten. Pixels are no measure: a 16-bit PNG
//! of 40 million has three times the bytes of a JPEG, and in a file of half a megabyte.

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::limits::Limits;
use super::problem::{Fault, MediaProblem};

/// The most that one image may take while it is decoded and scaled. Beside it the publisher takes about 30 MiB itself and 90
/// for the media of the nine other posts of a batch, and a PNG's extra data may take `MAX_EXTRA_BYTES` twice; that is half
/// of its 768 MiB. It is enough for 40 million pixels of eight bits, with transparency too.
pub const MAX_DECODING_BYTES: u64 = 240 * 1024 * 1024;

/// The most that a PNG's colour profile and texts may take unpacked. They are compressed, so a file of kilobytes can hold
/// gigabytes; a larger profile is ignored.
pub(super) const MAX_EXTRA_BYTES: u64 = 16 * 1024 * 1024;

/// One image may take [`MAX_DECODING_BYTES`], half of the memory of the smallest function that judges media, so there is one
/// at a time.
static ONE: Semaphore = Semaphore::const_new(1);

/// Does what takes memory and time: one at a time, and not in the way of what waits for the network. A decoder that
/// panics has found damage.
pub(super) async fn run_exclusively<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, MediaProblem> + Send + 'static,
) -> Result<T, MediaProblem> {
    const DAMAGED: MediaProblem = MediaProblem::Corrupt(Fault::ImageData);
    let _permit = ONE.acquire().await.map_err(|_| DAMAGED)?;
    spawn_blocking(work).await.map_err(|_| DAMAGED)?
}

/// An image as its header describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) width: u32,
    pub(super) height: u32,
    /// What the decoder writes for each pixel.
    pub(super) decoded_bytes_per_pixel: u64,
    /// Three bytes for each pixel in the form that is scaled, four with transparency.
    pub(super) has_alpha: bool,
    /// Whether the decoder writes something else than eight bits for each of red, green, blue (and opacity).
    pub(super) is_converted: bool,
    /// What a JPEG's decoder holds beside its output if its scans are not of all components: all
    /// coefficients.
    pub(super) coefficient_bytes: u64,
}

impl Frame {
    pub(super) const fn pixels(&self) -> u64 {
        self.width as u64 * self.height as u64
    }

    /// What the decoder's output takes.
    pub(super) const fn decoded_bytes(&self) -> u64 {
        self.pixels().saturating_mul(self.decoded_bytes_per_pixel)
    }

    /// The peak of fetching, decoding, converting to eight bits, scaling and encoding, in bytes: what
    /// [`Medium::fit`](super::Medium::fit) holds at once. `source` is the size of the file.
    pub(super) fn memory(&self, source: usize, limits: &Limits) -> u64 {
        // The fetched bytes, and the copy that the JPEG decoder makes of them.
        let source = 2 * source as u64;
        if limits.fits(self.width, self.height) {
            return source;
        }
        let (width, height) = limits.scaled(self.width, self.height);
        let channels = if self.has_alpha { 4 } else { 3 };
        let in_eight_bits = self.pixels().saturating_mul(channels);
        let converted = if self.is_converted { in_eight_bits } else { 0 };
        // Columns are scaled first, all rows of them.
        let half_scaled = u64::from(width) * u64::from(self.height) * channels;
        // The scaled image, and the file it is encoded to.
        let scaled = 2 * u64::from(width) * u64::from(height) * channels;
        let decoding = self.decoded_bytes().saturating_add(self.coefficient_bytes);
        let converting = self.decoded_bytes().saturating_add(converted);
        let scaling = in_eight_bits.saturating_add(half_scaled).saturating_add(scaled);
        source.saturating_add(decoding.max(converting).max(scaling))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    fn frame(width: u32, height: u32, decoded_bytes_per_pixel: u64, has_alpha: bool) -> Frame {
        let is_converted = decoded_bytes_per_pixel != if has_alpha { 4 } else { 3 };
        Frame { width, height, decoded_bytes_per_pixel, has_alpha, is_converted, coefficient_bytes: 0 }
    }

    #[test]
    fn image_memory_follows_bytes_and_not_pixels() {
        let progressive = |subsampled: u64| Frame { coefficient_bytes: subsampled, ..frame(8_000, 5_000, 3, false) };
        for (what, frame, mebibytes, accepted) in [
            ("a 40 MP JPEG", frame(8_000, 5_000, 3, false), 169, true),
            ("a 40 MP JPEG in grey", frame(8_000, 5_000, 1, false), 172, true),
            ("a progressive 40 MP JPEG, 4:2:0", progressive(40_000_000 * 3), 248, false),
            (
                "a progressive 36 MP JPEG, 4:2:0",
                Frame { coefficient_bytes: 36_000_000 * 3, ..frame(7_200, 5_000, 3, false) },
                225,
                true,
            ),
            ("a 40 MP PNG with transparency", frame(8_000, 5_000, 4, true), 219, true),
            ("a 40 MP PNG of 16 bits", frame(8_000, 5_000, 6, false), 363, false),
            ("a 40 MP PNG of 16 bits with transparency", frame(6_300, 6_300, 8, true), 474, false),
            (
                "a 40 MP PNG in grey of 16 bits with transparency",
                Frame { is_converted: true, ..frame(8_000, 5_000, 4, true) },
                325,
                false,
            ),
            ("a 19 MP PNG of 16 bits with transparency", frame(4_400, 4_400, 8, true), 241, false),
            ("an 18 MP PNG of 16 bits with transparency", frame(4_250, 4_250, 8, true), 226, true),
        ] {
            let needed = frame.memory(10 * 1024 * 1024, &Limits::WECOM);
            assert_eq!(needed / MIB, mebibytes, "{what}");
            assert_eq!(needed <= MAX_DECODING_BYTES, accepted, "{what}");
        }
    }

    #[test]
    fn image_that_fits_is_not_decoded() {
        assert_eq!(frame(1_080, 10_800, 8, true).memory(1_000, &Limits::WECOM), 2_000);
    }
}
