//! Images as the provider takes them: WeCom refuses what every phone's camera makes, so larger ones are scaled down.

use std::io::Cursor;

use bytes::Bytes;
use fast_image_resize::pixels::{U8x3, U8x4};
use fast_image_resize::{IntoImageView, IntoImageViewMut, MulDiv, PixelTrait, ResizeAlg, ResizeOptions, Resizer};
use image::codecs::jpeg::{JpegDecoder, JpegEncoder};
use image::codecs::png::{PngDecoder, PngEncoder};
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageEncoder, Rgb, RgbImage};

use super::decoding::{Frame, MAX_EXTRA_BYTES, run_exclusively};
use super::format::ImageFormat;
use super::limits::Limits;
use super::medium::{MediaKind, Medium, frame};
use super::problem::{Fault, MediaProblem};

const DAMAGED: MediaProblem = MediaProblem::Corrupt(Fault::ImageData);
/// The first is hardly told from the original, at about a quarter of a lossless file. Ten million pixels of noise need
/// the second; no image needs more than the last.
const JPEG_QUALITIES: [u8; 3] = [90, 75, 50];

impl Medium {
    /// The medium itself, or an image scaled down until it fits, upright and in its own colours.
    ///
    /// # Errors
    /// [`MediaProblem::Corrupt`] when it cannot be decoded.
    pub async fn fit(self, limits: Limits) -> Result<Self, MediaProblem> {
        let MediaKind::Image { format, width, height } = self.kind else { return Ok(self) };
        if limits.fits(width, height) {
            return Ok(self);
        }
        run_exclusively(move || scale(format, self.bytes, &limits)).await
    }
}

fn scale(format: ImageFormat, bytes: Bytes, limits: &Limits) -> Result<Medium, MediaProblem> {
    let frame = frame(format, &bytes)?;
    let source = Cursor::new(bytes);
    let decoded = match format {
        ImageFormat::Jpeg => decode(JpegDecoder::new(source).map_err(corrupt)?, &frame)?,
        ImageFormat::Png => {
            let mut allowed = image::Limits::no_limits();
            allowed.max_alloc = Some(MAX_EXTRA_BYTES);
            decode(PngDecoder::with_limits(source, allowed).map_err(corrupt)?, &frame)?
        }
    };
    let Decoded { mut image, colours, orientation } = decoded;
    let (width, height) = limits.scaled(image.width(), image.height());
    let mut small = DynamicImage::new(width, height, image.color());
    // Averages over all of the original, so that letters stay legible. Colours are weighted by their opacity in place: the
    // resizer's own way copies the whole image first.
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(fast_image_resize::FilterType::Lanczos3))
        .use_alpha(false);
    if image.color().has_alpha() {
        resize_transparent(&mut image, &mut small, &options)
    } else {
        resize::<U8x3>(&image, &mut small, &options)
    }
    .ok_or(DAMAGED)?;
    drop(image);
    // Turned only now: turning copies the image.
    small.apply_orientation(orientation);
    let mut encoded = Vec::new();
    if format == ImageFormat::Png {
        encode(PngEncoder::new(&mut encoded), &small, colours.clone())?;
    }
    // A photograph as PNG may be as large as before.
    if format == ImageFormat::Jpeg || encoded.len() > limits.image_bytes {
        let opaque = DynamicImage::ImageRgb8(on_white(small));
        for quality in JPEG_QUALITIES {
            encoded.clear();
            encode(JpegEncoder::new_with_quality(&mut encoded, quality), &opaque, colours.clone())?;
            if encoded.len() <= limits.image_bytes {
                break;
            }
        }
    }
    Medium::of(encoded, limits)
}

/// The image as it looks on white, as pages and chats show it: a JPEG knows no transparency, and where a pixel is not seen its
/// colour is mostly black.
fn on_white(image: DynamicImage) -> RgbImage {
    let DynamicImage::ImageRgba8(image) = image else { return image.into_rgb8() };
    let (width, height) = image.dimensions();
    RgbImage::from_fn(width, height, |x, y| {
        let [colours @ .., opacity] = image.get_pixel(x, y).0;
        let opacity = u16::from(opacity);
        let laid = |level: u8| (u16::from(level) * opacity + 255 * (255 - opacity) + 127) / 255;
        Rgb(colours.map(|level| u8::try_from(laid(level)).unwrap_or(u8::MAX)))
    })
}

/// Scales pixels of this type. The resizer can tell the type by itself, but then the code for all of its 13 types, each in
/// several sets of instructions, becomes part of the function.
fn resize<P: PixelTrait>(image: &DynamicImage, small: &mut DynamicImage, options: &ResizeOptions) -> Option<()> {
    let source = image.image_view::<P>()?;
    let mut target = small.image_view_mut::<P>()?;
    Resizer::new().resize_typed(&source, &mut target, options).ok()
}

fn resize_transparent(image: &mut DynamicImage, small: &mut DynamicImage, options: &ResizeOptions) -> Option<()> {
    let alpha = MulDiv::new();
    alpha.multiply_alpha_inplace_typed(&mut image.image_view_mut::<U8x4>()?).ok()?;
    resize::<U8x4>(image, small, options)?;
    alpha.divide_alpha_inplace_typed(&mut small.image_view_mut::<U8x4>()?).ok()
}

struct Decoded {
    image: DynamicImage,
    colours: Option<Vec<u8>>,
    orientation: Orientation,
}

/// Decodes an image whose memory was judged by its `frame`. A decoder that reads another header than was judged is not
/// let near the memory.
fn decode(mut decoder: impl ImageDecoder, frame: &Frame) -> Result<Decoded, MediaProblem> {
    if decoder.dimensions() != (frame.width, frame.height) || decoder.total_bytes() > frame.decoded_bytes() {
        return Err(DAMAGED);
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let colours = decoder.icc_profile().ok().flatten().filter(|profile| is_of_rgb(profile));
    let image = DynamicImage::from_decoder(decoder).map_err(corrupt)?;
    let image = if image.color().has_alpha() {
        DynamicImage::ImageRgba8(image.into_rgba8())
    } else {
        DynamicImage::ImageRgb8(image.into_rgb8())
    };
    Ok(Decoded { image, colours, orientation })
}

/// Profiles of other colour models do not describe the decoded image any more (ICC.1:2022, 7.2.6: bytes 16 to 19).
fn is_of_rgb(profile: &[u8]) -> bool {
    profile.get(16..20) == Some(b"RGB ")
}

fn encode(mut encoder: impl ImageEncoder, image: &DynamicImage, colours: Option<Vec<u8>>) -> Result<(), MediaProblem> {
    if let Some(colours) = colours {
        encoder.set_icc_profile(colours).map_err(|_| DAMAGED)?;
    }
    image.write_with_encoder(encoder).map_err(corrupt)
}

fn corrupt(error: image::ImageError) -> MediaProblem {
    tracing::debug!("image not decoded: {error}");
    DAMAGED
}

#[cfg(test)]
mod tests {
    use image::codecs::jpeg::JpegEncoder;
    use image::{GenericImageView, Rgba, RgbaImage};

    use super::*;

    const SMALL: Limits = Limits { long_side: 400, short_side: 100, ..Limits::WECOM };

    /// Red above, blue below.
    fn flag(width: u32, height: u32) -> DynamicImage {
        RgbImage::from_fn(width, height, |_, y| if y < height / 2 { Rgb([255, 0, 0]) } else { Rgb([0, 0, 255]) }).into()
    }

    fn jpeg(image: &DynamicImage, exif: Option<Vec<u8>>, colours: Option<Vec<u8>>) -> Medium {
        let mut bytes = Vec::new();
        let mut encoder = JpegEncoder::new(&mut bytes);
        if let Some(exif) = exif {
            encoder.set_exif_metadata(exif).unwrap();
        }
        encode(encoder, image, colours).unwrap();
        Medium::of(bytes, &SMALL).unwrap()
    }

    fn png(image: &DynamicImage) -> Medium {
        let mut bytes = Vec::new();
        encode(PngEncoder::new(&mut bytes), image, None).unwrap();
        Medium::of(bytes, &SMALL).unwrap()
    }

    fn size(medium: &Medium) -> (u32, u32) {
        match medium.kind {
            MediaKind::Image { width, height, .. } => (width, height),
            MediaKind::Video { .. } => (0, 0),
        }
    }

    fn is(pixel: Rgba<u8>, colour: [u8; 3]) -> bool {
        pixel.0.iter().zip(colour).all(|(is, should)| is.abs_diff(should) < 40)
    }

    #[tokio::test]
    async fn image_fit_of_an_image_that_fits_leaves_it_unchanged() {
        let medium = jpeg(&flag(100, 400), None, None);
        let fitted = medium.clone().fit(SMALL).await.unwrap();
        assert_eq!((fitted.bytes, fitted.sha256), (medium.bytes, medium.sha256));
    }

    #[tokio::test]
    async fn image_fit_of_a_larger_one_scales_to_the_binding_side() {
        for ((width, height), scaled) in
            [((300, 400), (100, 133)), ((400, 300), (133, 100)), ((101, 800), (51, 400)), ((1_000, 1_000), (100, 100))]
        {
            let fitted = jpeg(&flag(width, height), None, None).fit(SMALL).await.unwrap();
            assert_eq!(size(&fitted), scaled, "{width}x{height}");
            let image = image::load_from_memory(&fitted.bytes).unwrap();
            assert!(is(image.get_pixel(scaled.0 / 2, 5), [255, 0, 0]), "the top is not red");
            assert!(is(image.get_pixel(scaled.0 / 2, scaled.1 - 5), [0, 0, 255]), "the bottom is not blue");
        }
    }

    /// A phone held upright writes a lying image and says so in the EXIF data, which does not survive.
    #[tokio::test]
    async fn image_fit_of_a_rotated_photograph_turns_it_upright() {
        // "Exif" content: big-endian TIFF, one entry: orientation (0x0112), SHORT, 1 value, 6 = turn right.
        let exif = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0".to_vec();
        let fitted = jpeg(&flag(400, 300), Some(exif), None).fit(SMALL).await.unwrap();
        assert_eq!(size(&fitted), (100, 133));
        let image = image::load_from_memory(&fitted.bytes).unwrap();
        assert!(is(image.get_pixel(90, 60), [255, 0, 0]) && is(image.get_pixel(10, 60), [0, 0, 255]));
    }

    #[tokio::test]
    async fn image_fit_keeps_colours_and_transparency() {
        let mut profile = vec![7; 128];
        profile[16..20].copy_from_slice(b"RGB ");
        let fitted = jpeg(&flag(300, 300), None, Some(profile.clone())).fit(SMALL).await.unwrap();
        let mut decoder = JpegDecoder::new(Cursor::new(fitted.bytes)).unwrap();
        assert_eq!(decoder.icc_profile().unwrap(), Some(profile));

        let clear = RgbaImage::from_pixel(300, 300, Rgba([0, 255, 0, 0])).into();
        let fitted = png(&clear).fit(SMALL).await.unwrap();
        assert_eq!(fitted.mime, "image/png");
        assert_eq!(image::load_from_memory(&fitted.bytes).unwrap().get_pixel(50, 50).0[3], 0);
    }

    #[tokio::test]
    async fn image_fit_of_a_png_that_stays_too_large_makes_a_jpeg() {
        let noise = RgbImage::from_fn(300, 300, |x, y| Rgb([(x * y) as u8, (x ^ (y * 7)) as u8, (x * 31 + y) as u8]));
        let limits = Limits { image_bytes: 12_000, ..SMALL };
        let heavy = png(&noise.into());
        assert_eq!(heavy.clone().fit(SMALL).await.unwrap().mime, "image/png");
        let fitted = heavy.fit(limits).await.unwrap();
        assert_eq!((fitted.mime, size(&fitted)), ("image/jpeg", (100, 100)));
    }

    #[tokio::test]
    async fn image_fit_of_a_jpeg_that_stays_too_large_lowers_the_quality() {
        let noise = RgbImage::from_fn(300, 300, |x, y| Rgb([(x * y) as u8, (x ^ (y * 7)) as u8, (x * 31 + y) as u8]));
        let photograph = jpeg(&noise.into(), None, None);
        let fine = photograph.clone().fit(SMALL).await.unwrap().bytes.len();
        let coarse = photograph.fit(Limits { image_bytes: fine - 1, ..SMALL }).await.unwrap().bytes.len();
        assert!(coarse < fine, "{coarse} and {fine} bytes");
    }

    #[test]
    fn image_fit_of_what_only_begins_like_an_image_is_corrupt() {
        let mut bytes = crate::media::samples::png(300, 300);
        bytes[60] ^= 0xff;
        assert_eq!(Medium::of(bytes, &SMALL).unwrap_err(), DAMAGED);
    }

    /// A profile of a gigabyte in a file of a megabyte; and one of a text as long as a program writes.
    #[tokio::test]
    async fn png_extra_data_takes_no_more_memory_than_allowed() {
        let picture = png(&flag(300, 300));
        let with_chunk = |kind: &[u8; 4], content: Vec<u8>| {
            let mut bytes = picture.bytes.to_vec();
            let mut chunk = u32::try_from(content.len()).unwrap().to_be_bytes().to_vec();
            chunk.extend(kind);
            chunk.extend(&content);
            chunk.extend(checksum(&[&kind[..], &content].concat()).to_be_bytes());
            bytes.splice(33..33, chunk);
            Medium::of(bytes, &SMALL).unwrap()
        };
        let long = [b"XML:com.adobe.xmp\0\0\0\0\0", &vec![b'x'; 2_000_000][..]].concat();
        assert_eq!(size(&with_chunk(b"iTXt", long).fit(SMALL).await.unwrap()), (100, 100));

        let mut profile = vec![0; 64 * 1024 * 1024];
        profile[16..20].copy_from_slice(b"RGB ");
        let mut packed = Vec::new();
        encode(PngEncoder::new(&mut packed), &flag(2, 2), Some(profile)).unwrap();
        let at = packed.windows(4).position(|name| name == b"iCCP").unwrap();
        let length = u32::from_be_bytes(packed[at - 4..at].try_into().unwrap()) as usize;
        let fitted = with_chunk(b"iCCP", packed[at + 4..at + 4 + length].to_vec()).fit(SMALL).await.unwrap();
        let mut decoder = PngDecoder::new(Cursor::new(fitted.bytes)).unwrap();
        assert_eq!(decoder.icc_profile().unwrap(), None, "a profile too large is ignored");
    }

    /// The CRC of PNG (third edition, annex D).
    fn checksum(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(u32::MAX, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 })
        })
    }
}
