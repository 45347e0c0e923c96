//! Files as people send them: what came from real programs and was judged wrongly once, and the relatives of it.

use image::GenericImageView;

use super::samples::{self, Mp4, boxed};
use super::*;

macro_rules! file {
    ($name:literal) => {
        include_bytes!(concat!("../../../../tests/it/media/", $name)).to_vec()
    };
}

/// What is said against a file, or nothing.
fn message(bytes: Vec<u8>) -> String {
    Medium::of(bytes, &Limits::WECOM).err().map(|problem| problem.message()).unwrap_or_default()
}

#[test]
fn jpeg_cut_in_half_with_an_end_marker_is_damaged() {
    let message = message(file!("cut-half-with-eoi-2000.jpg"));
    assert!(message.contains("图片数据") && message.contains("请重新导出"), "{message:?}");
}

#[test]
fn jpeg_with_a_stray_marker_in_its_scan_is_damaged() {
    let whole = file!("noeoi-2000.jpg");
    for marker in [0xd3, 0xd9, 0xda, 0xe1, 0xfe, 0x02] {
        let mut stray = whole.clone();
        stray.splice(40_000..40_002, [0xff, marker]);
        stray.extend([0xff, 0xd9]);
        let message = message(stray);
        assert!(message.contains("图片数据") && message.contains("请重新导出"), "{marker:x}: {message:?}");
    }
}

#[test]
fn jpeg_that_lacks_only_its_end_marker_is_accepted_and_gets_one() {
    let whole = file!("noeoi-2000.jpg");
    let medium = Medium::of(whole.clone(), &Limits::WECOM).unwrap();
    assert_eq!(medium.bytes, [&whole[..], &[0xff, 0xd9]].concat());
    assert_eq!(medium.sha256, kernel::crypto::sha256_hex(&medium.bytes));
    // A few bytes less, and a piece of the picture is missing too.
    let message = message(whole[..whole.len() - 40].to_vec());
    assert!(message.contains("请重新导出"), "{message:?}");
}

#[tokio::test]
async fn transparent_margins_of_a_png_that_becomes_a_jpeg_are_white() {
    let limits = Limits { image_bytes: 3_000, ..Limits::WECOM };
    let medium = Medium::of(file!("palette-trns-2000.png"), &Limits::WECOM).unwrap();
    let fitted = medium.fit(limits).await.unwrap();
    assert_eq!(fitted.mime, "image/jpeg");
    let image = image::load_from_memory(&fitted.bytes).unwrap();
    let corner = image.get_pixel(2, 2).0;
    assert!(corner.iter().all(|level| *level > 245), "{corner:?}");
}

#[test]
fn mp4_is_judged_by_what_is_inside() {
    assert_eq!(message(file!("brand-XAVC.mp4")), "");
    for brand in [b"3gp5", b"isom", b"mp42", b"iso5", b"XAVC", b"avc1", b"MSNV", b"dash", b"f4v ", b"3g2a", b"mmp4"] {
        let video =
            [&boxed(b"ftyp", &[&brand[..], &[0; 4], &brand[..]].concat())[..], &Mp4::default().movie()].concat();
        assert_eq!(message([&video[..], &boxed(b"mdat", &[7; 64])].concat()), "", "{}", String::from_utf8_lossy(brand));
    }
    for (brand, name) in
        [(b"qt  ", "QuickTime"), (b"heic", "HEIC"), (b"mif1", "HEI"), (b"M4A ", "M4A"), (b"avif", "AVIF")]
    {
        let file = [&boxed(b"ftyp", &[&brand[..], &[0; 4], &brand[..]].concat())[..], &Mp4::default().movie()].concat();
        let message = message([&file[..], &boxed(b"mdat", &[7; 64])].concat());
        assert!(message.contains(name) && message.contains("请转换格式"), "{message:?}");
    }
}

#[test]
fn mp4_whose_header_does_not_tell_its_length_is_measured_elsewhere() {
    assert_eq!(message(file!("mvhd-ffffffff.mp4")), "");
    assert_eq!(message(file!("frag-obs.mp4")), "");
    let MediaKind::Video { duration } = Medium::of(file!("frag-obs.mp4"), &Limits::WECOM).unwrap().kind else {
        panic!()
    };
    assert_eq!(duration.as_millis(), 5_000);
    let silent = message(Mp4 { units: 0, ..Mp4::default() }.bytes());
    assert!(silent.contains("读不出视频时长"), "{silent:?}");
}

#[test]
fn mp4_a_few_frames_too_long_is_accepted_and_a_longer_one_told_its_length() {
    assert_eq!(message(file!("len-30.03.mp4")), "");
    let video = |units| message(Mp4 { scale: 1_000, units, ..Mp4::default() }.bytes());
    assert_eq!(video(30_100), "");
    assert!(video(30_101).contains("30.1 秒") && video(31_640).contains("31.6 秒"), "{}", video(31_640));
}

#[test]
fn medium_of_another_kind_is_refused_by_its_name() {
    let webm = [&b"\x1a\x45\xdf\xa3\x01\0\0\0\0\0\0\x1f\x42\x86\x81\x01\x42\x82\x84webm"[..], &[0; 300]].concat();
    for (bytes, name) in [
        (&b"RIFF\x10\0\0\0AVI LIST\0\0\0\0\0\0\0\0"[..], "AVI"),
        (&webm, "WebM"),
        (b"GIF89a\x01\0\x01\0\0\0\0;", "GIF"),
        (b"RIFF\x10\0\0\0WEBPVP8 \0\0\0\0", "WebP"),
        (b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0", "BMP"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"<?xml version='1.0'?>\n<!-- drawn -->\n<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"{\"error\":\"expired\"}", "文字"),
        ("链接已过期，请重新获取".as_bytes(), "文字"),
    ] {
        let message = message(bytes.to_vec());
        assert!(message.contains(name) && message.contains("请转换格式"), "{message:?} lacks {name}");
    }
    for empty in [vec![], vec![0; 3]] {
        assert!(message(empty).contains("素材内容为空，请"));
    }
}

#[test]
fn png_whose_data_are_damaged_is_refused() {
    let whole = samples::png(300, 200);
    assert_eq!(message(whole.clone()), "");
    let rows_missing = [&whole[..16], &samples::png_header(300, 201)[16..24], &whole[24..]].concat();
    assert!(message(rows_missing).contains("请重新导出"));
    let data = whole.windows(4).position(|name| name == b"IDAT").unwrap() + 4;
    for (at, what) in [(data + 3, "a byte of the data"), (data - 8, "the length of the data")] {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x55;
        let message = message(damaged);
        assert!(message.contains("请重新导出"), "{what}: {message:?}");
    }
}

#[test]
fn png_of_every_form_is_accepted() {
    // Seven passes; and an animation, whose first picture counts.
    assert_eq!(message(file!("interlaced.png")), "");
    assert_eq!(message(file!("animated.png")), "");
    for image in [
        image::DynamicImage::new_luma8(33, 9),
        image::DynamicImage::new_luma_a8(33, 9),
        image::DynamicImage::new_luma16(33, 9),
        image::DynamicImage::new_rgba8(33, 9),
        image::DynamicImage::new_rgba16(33, 9),
    ] {
        let mut bytes = Vec::new();
        image.write_to(&mut std::io::Cursor::new(&mut bytes), image::ImageFormat::Png).unwrap();
        assert_eq!(message(bytes.clone()), "", "{:?}", image.color());
        bytes.extend(b"and what a program left behind");
        assert_eq!(message(bytes), "", "{:?} with a trailer", image.color());
    }
}

#[tokio::test]
async fn png_transparency_of_every_form_becomes_white() {
    // Each is noise below a transparent upper half, so that it stays too heavy for a PNG.
    let limits = Limits { long_side: 200, short_side: 200, image_bytes: 2_000, ..Limits::WECOM };
    let noise = |x: u32, y: u32| (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503).rotate_left(7)) as u8;
    let opacity = |y: u32| if y < 200 { 0 } else { 255 };
    let grey = image::GrayAlphaImage::from_fn(400, 400, |x, y| image::LumaA([noise(x, y), opacity(y)]));
    let colour = image::RgbaImage::from_fn(400, 400, |x, y| image::Rgba([noise(x, y), noise(y, x), 0, opacity(y)]));
    for image in [image::DynamicImage::from(grey), image::DynamicImage::from(colour)] {
        let mut bytes = Vec::new();
        image.write_to(&mut std::io::Cursor::new(&mut bytes), image::ImageFormat::Png).unwrap();
        let fitted = Medium::of(bytes, &Limits::WECOM).unwrap().fit(limits).await.unwrap();
        assert_eq!(fitted.mime, "image/jpeg", "{:?}", image.color());
        let corner = image::load_from_memory(&fitted.bytes).unwrap().get_pixel(100, 40).0;
        assert!(corner.iter().all(|level| *level > 245), "{:?}: {corner:?}", image.color());
    }
}

#[tokio::test]
async fn jpeg_for_printers_and_progressive_ones_keep_their_colours() {
    let limits = Limits { long_side: 48, short_side: 48, ..Limits::WECOM };
    for (file, expected) in [(file!("cmyk.jpg"), CMYK), (file!("progressive.jpg"), PROGRESSIVE)] {
        let fitted = Medium::of(file, &Limits::WECOM).unwrap().fit(limits).await.unwrap();
        let image = image::load_from_memory(&fitted.bytes).unwrap();
        let sum = image.to_rgb8().pixels().fold([0_u64; 3], |sum, pixel| {
            let mut of = pixel.0.into_iter();
            sum.map(|sum| sum + u64::from(of.next().unwrap_or_default()))
        });
        let mean = sum.map(|sum| sum / u64::from(image.width() * image.height()));
        let is_close = mean.iter().zip(expected).all(|(found, expected)| found.abs_diff(expected) < 8);
        assert!(is_close, "{mean:?} instead of {expected:?}");
    }
}

/// The mean colours of the two samples as another program shows them.
const CMYK: [u64; 3] = [126, 132, 125];
const PROGRESSIVE: [u64; 3] = [126, 132, 125];
