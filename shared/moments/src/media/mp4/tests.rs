mod lengths;

use proptest::prelude::*;

use super::*;
use crate::media::samples::{Mp4, boxed};

const SOUND: MediaProblem = MediaProblem::WrongType { found: Some("audio/mp4") };

#[test]
fn mp4_length_is_read_from_both_versions_of_the_movie_header() {
    for (version, scale, units, expected) in [
        (0, 600, 600 * 30, Duration::from_secs(30)),
        (1, 600, 600 * 30, Duration::from_secs(30)),
        (0, 1_000, 12_345, Duration::from_millis(12_345)),
        (1, 90_000, 90_000 * 7 + 45_000, Duration::from_millis(7_500)),
        (1, 1, u64::MAX - 1, Duration::from_secs(u64::MAX - 1)),
        (0, u32::MAX, 1, Duration::ZERO),
    ] {
        let video = Mp4 { version, scale, units, ..Mp4::default() }.bytes();
        assert_eq!(duration(&video), Ok(expected), "version {version}: {units} / {scale}");
    }
}

#[test]
fn mp4_length_that_is_nowhere_is_unknown() {
    for (version, scale, units) in
        [(0, 600, 0), (1, 600, 0), (0, 600, u32::MAX.into()), (1, 600, u64::MAX), (0, 0, 600), (1, 0, 600)]
    {
        let video = Mp4 { version, scale, units, ..Mp4::default() };
        assert_eq!(duration(&video.bytes()), Err(MediaProblem::UnknownLength), "{video:?}");
    }
}

#[test]
fn mp4_length_of_a_fragmented_file_may_be_in_its_extension() {
    for version in [0, 1] {
        let video = Mp4 { units: 0, fragments: Some((version, 600 * 9)), ..Mp4::default() };
        assert_eq!(duration(&video.bytes()), Ok(Duration::from_secs(9)));
    }
    let video = Mp4 { units: 0, fragments: Some((0, 0)), ..Mp4::default() };
    assert_eq!(duration(&video.bytes()), Err(MediaProblem::UnknownLength));
}

#[test]
fn mp4_with_sound_alone_is_no_video() {
    assert_eq!(duration(&Mp4 { handlers: &[b"soun"], ..Mp4::default() }.bytes()), Err(SOUND));
    assert_eq!(duration(&Mp4 { handlers: &[], ..Mp4::default() }.bytes()), Err(SOUND));
    assert!(duration(&Mp4 { handlers: &[b"soun", b"vide"], ..Mp4::default() }.bytes()).is_ok());
}

#[test]
fn mp4_boxes_are_read_in_any_order_and_form() {
    let video = Mp4::default();
    let (kind, movie, data) = (boxed(b"ftyp", b"isom0000"), video.movie(), [7; 40]);
    let wide = [&1_u32.to_be_bytes()[..], b"mdat", &56_u64.to_be_bytes(), &data].concat();
    let open = [&0_u32.to_be_bytes()[..], b"mdat", &data].concat();
    for whole in [
        [&kind[..], &wide, &movie].concat(),
        [&kind[..], &movie, &open].concat(),
        [&kind[..], &boxed(b"free", &[]), &movie, &boxed(b"mdat", &data), &[0; 7]].concat(),
    ] {
        assert_eq!(duration(&whole), Ok(Duration::from_secs(10)));
    }
}

#[test]
fn mp4_truncation_is_noticed() {
    let whole = Mp4::default().bytes();
    for end in 0..whole.len() {
        assert!(matches!(duration(&whole[..end]), Err(MediaProblem::Corrupt(_))), "cut at {end}");
    }
}

#[test]
fn mp4_box_of_a_wrong_size_is_noticed() {
    let whole = Mp4::default().bytes();
    for size in [2_u32, 7, 0x7fff_ffff, u32::MAX] {
        let lying = [&size.to_be_bytes()[..], &whole[4..]].concat();
        assert!(matches!(duration(&lying), Err(MediaProblem::Corrupt(_))), "{size}");
    }
    for size in [0_u64, 15, u64::MAX] {
        let lying = [&1_u32.to_be_bytes()[..], b"free", &size.to_be_bytes(), &whole].concat();
        assert!(matches!(duration(&lying), Err(MediaProblem::Corrupt(_))), "{size}");
    }
}

proptest! {
    #[test]
    fn mp4_of_any_bytes_does_not_panic(
        bytes: Vec<u8>,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        version: u8,
        scale: u32,
        units: u64,
    ) {
        let _ = duration(&bytes);
        let _ = duration(&boxed(b"moov", &boxed(b"mvhd", &bytes)));
        let mut damaged = Mp4 { version, scale, units, ..Mp4::default() }.bytes();
        for (place, byte) in damage {
            *place.get_mut(&mut damaged) = byte;
        }
        let _ = duration(&damaged);
    }
}
