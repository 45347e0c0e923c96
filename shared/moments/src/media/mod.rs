//! Users' media: fetched from the addresses they name without letting those addresses reach into our network, and
//! judged by what the bytes are, not by what the server or the address says.
//!
//! What holds for every fetch, redirects included:
//! - https on port 443 to public addresses only; the address that was judged is the address that is connected to;
//! - nothing of ours goes out: no cookies, no referer, no credentials, no proxy;
//! - one deadline for the whole medium and one cap on its bytes, however the server behaves;
//! - one copy of the bytes in memory, and one decoded image at a time.
//!
//! The origins named by configuration (the sandbox, locally) are exempt from the first rule and from no other.

mod body;
mod decoding;
mod fetcher;
mod fit;
mod format;
mod jpeg;
mod limits;
mod medium;
mod mp4;
mod png;
mod problem;
mod set;

#[cfg(test)]
mod inputs;
#[cfg(test)]
mod samples;

pub use decoding::MAX_DECODING_BYTES;
pub use fetcher::{MAX_REDIRECTS, MediaFetcher};
pub use format::ImageFormat;
pub use limits::{Limits, MAX_LONG_SIDE, MAX_MEDIUM_BYTES, MAX_PIXELS, MAX_SHORT_SIDE, MAX_VIDEO, MIN_MEDIUM_BYTES};
pub use medium::{MediaKind, Medium};
pub use problem::{Fault, JpegCoding, MediaProblem};
pub use set::check_set;
