//! Where a length is told, and what is believed when several places tell one.

use std::time::Instant;

use super::*;

fn full(kind: &[u8; 4], version: u8, flags: u32, numbers: &[u32]) -> Vec<u8> {
    let start = (u32::from(version) << 24 | flags).to_be_bytes();
    let numbers: Vec<u8> = numbers.iter().flat_map(|number| number.to_be_bytes()).collect();
    boxed(kind, &[&start[..], &numbers].concat())
}

fn inside(kind: &[u8; 4], parts: &[Vec<u8>]) -> Vec<u8> {
    boxed(kind, &parts.concat())
}

/// The handler of a track with these headers.
fn track(id: u32, presented: u32, scale: u32, units: u32) -> Vec<u8> {
    let handler = boxed(b"hdlr", &[&[0; 8], &b"vide"[..], &[0; 13]].concat());
    let media = inside(b"mdia", &[full(b"mdhd", 0, 0, &[0, 0, scale, units, 0]), handler]);
    inside(b"trak", &[full(b"tkhd", 0, 3, &[0, 0, id, 0, presented]), media])
}

/// A film of a clock of 1000 ticks whose header tells `units`.
fn film(units: u32, parts: &[Vec<u8>], after: &[Vec<u8>]) -> Vec<u8> {
    let movie = [&[full(b"mvhd", 0, 0, &[0, 0, 1_000, units])], parts].concat();
    let file = [boxed(b"ftyp", b"isom\0\0\0\0"), inside(b"moov", &movie), boxed(b"mdat", b"pictures")];
    [&file[..], after].concat().concat()
}

/// Fragments of track 1 whose samples take so many ticks, from this instant on.
fn fragment(base: Option<u32>, samples: &[u32]) -> Vec<u8> {
    let base = base.map(|base| full(b"tfdt", 0, 0, &[base])).unwrap_or_default();
    let run = full(b"trun", 0, 0x100, &[&[samples.len() as u32], samples].concat());
    inside(b"moof", &[inside(b"traf", &[full(b"tfhd", 0, 0x2_0000, &[1]), base, run])])
}

fn milliseconds(file: &[u8]) -> u128 {
    duration(file).unwrap().as_millis()
}

#[test]
fn mp4_length_of_the_movie_goes_before_that_of_tracks() {
    assert_eq!(milliseconds(&film(25_000, &[track(1, 35_000, 600, 21_000)], &[])), 25_000);
}

#[test]
fn mp4_length_is_that_of_tracks_where_the_movie_has_none() {
    for units in [0, u32::MAX] {
        assert_eq!(milliseconds(&film(units, &[track(1, 4_000, 600, 3_000)], &[])), 4_000);
        assert_eq!(milliseconds(&film(units, &[track(1, 0, 600, 3_000)], &[])), 5_000);
        let two = [track(1, u32::MAX, 600, 3_000), track(2, 7_000, 0, 0)];
        assert_eq!(milliseconds(&film(units, &two, &[])), 7_000, "the longest counts");
    }
    assert_eq!(duration(&film(0, &[track(1, 0, 0, 3_000)], &[])), Err(MediaProblem::UnknownLength));
}

#[test]
fn mp4_length_of_fragments_is_measured() {
    let tracks = [track(1, 0, 500, 0)];
    let measured = |after: &[Vec<u8>]| duration(&film(0, &tracks, after)).map(|length| length.as_millis());
    assert_eq!(measured(&[fragment(Some(0), &[250, 250]), fragment(Some(500), &[500])]), Ok(2_000));
    assert_eq!(measured(&[fragment(None, &[250, 250]), fragment(None, &[500])]), Ok(2_000), "one after the other");
    let late = [fragment(Some(3_600_000), &[500]), fragment(Some(3_600_500), &[500])];
    assert_eq!(measured(&late), Ok(2_000), "recorded from a stream that ran for hours");
    assert_eq!(measured(&[]), Err(MediaProblem::UnknownLength));
}

#[test]
fn mp4_samples_without_a_length_have_that_of_track_or_fragment() {
    let extension = inside(b"mvex", &[full(b"trex", 0, 0, &[1, 1, 40, 0, 0])]);
    let parts = [track(1, 0, 1_000, 0), extension];
    let run = |header: Vec<u8>| inside(b"moof", &[inside(b"traf", &[header, full(b"trun", 0, 0, &[100])])]);
    let by_track = run(full(b"tfhd", 0, 0, &[1]));
    assert_eq!(milliseconds(&film(0, &parts, &[by_track])), 4_000);
    // With the place of its data and a number of a description before it.
    let by_fragment = run(full(b"tfhd", 0, 0xb, &[1, 0, 0, 1, 20]));
    assert_eq!(milliseconds(&film(0, &parts, &[by_fragment])), 2_000);
}

#[test]
fn mp4_header_of_the_first_fragment_only_is_not_believed() {
    let tracks = [track(1, 1_000, 1_000, 1_000)];
    let after = [fragment(Some(1_000), &[20_000]), fragment(Some(21_000), &[20_000])];
    assert_eq!(milliseconds(&film(1_000, &tracks, &after)), 41_000);
}

#[test]
fn mp4_index_of_segments_is_read_last() {
    // Version, id, scale, earliest, offset; two segments of size and length.
    let index = full(b"sidx", 0, 0, &[1, 90_000, 0, 0, 2, 0x1000, 90_000, 0, 0x1000, 45_000, 0]);
    let tracks = [track(1, 0, 500, 0)];
    assert_eq!(milliseconds(&film(0, &tracks, std::slice::from_ref(&index))), 1_500);
    assert_eq!(milliseconds(&film(0, &tracks, &[index, fragment(None, &[500])])), 1_000);
}

#[test]
fn mp4_segment_without_its_beginning_is_no_video() {
    let segment = [boxed(b"styp", b"msdh\0\0\0\0"), fragment(Some(0), &[500]), boxed(b"mdat", b"pictures")].concat();
    assert_eq!(duration(&segment), Err(MediaProblem::Corrupt(Fault::NoMovie)));
}

#[test]
fn mp4_with_huge_counts_takes_no_time() {
    let endless = inside(b"traf", &[full(b"tfhd", 0, 0x8, &[1, u32::MAX]), full(b"trun", 0, 0, &[u32::MAX])]);
    let all = [inside(b"moof", &[endless])];
    assert!(duration(&film(0, &[track(1, 0, 1, 0)], &all)).unwrap().as_secs() > u64::from(u32::MAX));

    // Ten megabytes of tracks, defaults and fragments that look each other up, and of boxes within boxes.
    let tracks = vec![track(1, 0, 500, 0); 20_000];
    let defaults = boxed(b"mvex", &full(b"trex", 0, 0, &[1, 1, 0, 0, 0]).repeat(50_000));
    let fragments = vec![fragment(None, &[1]); 40_000];
    let heavy = film(0, &[&tracks[..], &[defaults]].concat(), &fragments);
    let mut nested = boxed(b"trak", b"");
    for _ in 0..2_000 {
        nested = boxed(b"trak", &nested);
    }
    let begun = Instant::now();
    assert_eq!(milliseconds(&heavy), 80_000);
    assert!(duration(&film(0, &[nested], &[])).is_err());
    assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
}
