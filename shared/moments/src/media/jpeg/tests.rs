use proptest::prelude::*;

use super::*;
use crate::media::samples::jpeg;

fn size(bytes: &[u8]) -> Result<(u32, u32), MediaProblem> {
    let frame = frame(bytes)?;
    check(bytes)?;
    Ok((frame.width, frame.height))
}

fn is_corrupt(bytes: &[u8]) -> bool {
    matches!(size(bytes), Err(MediaProblem::Corrupt(_)))
}

#[test]
fn jpeg_whose_scans_hold_single_components_keeps_all_coefficients() {
    let components = [1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1];
    let coefficients = |scanned: u8| {
        let frame_header = [&[0xff, 0xc0, 0, 17, 8, 0, 100, 0, 200, 3], &components[..]].concat();
        let tables: Vec<u8> = (1..=scanned).flat_map(|id| [id, 0]).collect();
        let scan = [&[0xff, 0xda, 0, 6 + 2 * scanned, scanned], &tables[..], &[0, 63, 0, 0x12]].concat();
        frame(&[&[0xff, 0xd8], &frame_header[..], &scan, &[0xff, 0xd9]].concat()).unwrap().coefficient_bytes
    };
    assert_eq!((coefficients(3), coefficients(1)), (0, 120_000));
}

#[test]
fn jpeg_frame_has_the_size() {
    assert_eq!(size(&jpeg(640, 480)), Ok((640, 480)));
    // Fill bytes before a marker, and something after the end.
    let mut padded = jpeg(3, 2);
    padded.splice(2..2, [0xff, 0xff, 0xff]);
    padded.extend_from_slice(b"trailer");
    assert_eq!(size(&padded), Ok((3, 2)));
}

#[test]
fn jpeg_preview_inside_a_segment_is_not_the_image() {
    let preview = jpeg(160, 120);
    let mut application = vec![0xff, 0xe1];
    application.extend_from_slice(&u16::try_from(preview.len() + 2).unwrap().to_be_bytes());
    application.extend_from_slice(&preview);
    let mut image = jpeg(640, 480);
    image.splice(2..2, application);
    assert_eq!(size(&image), Ok((640, 480)));
}

#[test]
fn jpeg_truncation_is_noticed_but_for_the_end_marker() {
    let whole = jpeg(640, 480);
    let picture = whole.len() - END_MARKER.len();
    for end in 0..picture {
        assert!(is_corrupt(&whole[..end]), "cut at {end}");
        // Nor does an end marker make it whole.
        assert!(is_corrupt(&[&whole[..end], &END_MARKER].concat()), "ended at {end}");
    }
    for end in picture..whole.len() {
        assert_eq!(check(&whole[..end]), Ok(Ending::Unmarked), "cut at {end}");
    }
    assert_eq!(check(&whole), Ok(Ending::Marked));
    assert!(is_corrupt(&jpeg(0, 480)));
    assert!(is_corrupt(&[0xff, 0xd8, 0xff, 0xd9]), "no frame");
}

#[test]
fn jpeg_without_a_table_that_it_refers_to_is_damaged() {
    let whole = jpeg(640, 480);
    for marker in [0xdb, 0xc4] {
        let place = whole.windows(2).position(|bytes| bytes == [0xff, marker]).unwrap();
        let mut lacking = whole.clone();
        // A comment in its place.
        lacking[place + 1] = 0xfe;
        assert!(is_corrupt(&lacking), "{marker:x}");
    }
}

#[test]
fn jpeg_with_data_left_over_lost_something_on_the_way() {
    let whole = jpeg(640, 480);
    let picture = whole.len() - END_MARKER.len();
    let with = |data: &[u8]| [&whole[..picture], data, &END_MARKER].concat();
    assert_eq!(check(&with(&[0; 5_000])), Ok(Ending::Marked), "zeros are padding");
    assert_eq!(check(&with(&[7; 16])), Ok(Ending::Marked));
    assert!(is_corrupt(&with(&[7; 17])));
}

proptest! {
    #[test]
    fn jpeg_of_any_bytes_does_not_panic(
        bytes: Vec<u8>,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
    ) {
        let _ = size(&[&[0xff, 0xd8], &bytes[..]].concat());
        let progressive: &[u8] = include_bytes!("../../../../../tests/it/media/progressive.jpg");
        for mut damaged in [jpeg(640, 480), progressive.to_vec()] {
            for (place, byte) in &damage {
                *place.get_mut(&mut damaged) = *byte;
            }
            let _ = size(&damaged);
        }
    }
}
