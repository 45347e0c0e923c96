//! MP4 with one grey H.264 picture that lasts as long as asked for. Players show it, and whatever reads the length of a
//! video finds it where it belongs.

use super::h264::Picture;

/// Ticks per second of all time stamps in the file.
const TIMESCALE: u32 = 1000;
const IDENTITY: [u32; 9] = [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000];
const BOX: usize = 8;

/// At least `bytes` long; exactly, unless that is within 8 bytes of the smallest possible. Odd sizes become even.
pub(super) fn encode(width: u16, height: u16, milliseconds: u32, bytes: usize) -> Vec<u8> {
    let picture = Picture::grey(width, height);
    let sample = picture.sample();
    let head = mp4_box(b"ftyp", &[b"isom\0\0\x02\0isomiso2avc1mp41"]);
    // The place of the sample is a number of fixed length: once without knowing it, once with.
    let length = head.len() + movie(&picture, sample.len(), milliseconds, 0).len();
    let place = u32::try_from(length + BOX).unwrap_or(u32::MAX);
    let mut file = [head, movie(&picture, sample.len(), milliseconds, place), mp4_box(b"mdat", &[&sample])].concat();
    let missing = bytes.saturating_sub(file.len());
    if missing > 0 {
        file.extend(mp4_box(b"free", &[&vec![0; missing.saturating_sub(BOX)]]));
    }
    file
}

fn movie(picture: &Picture, sample: usize, milliseconds: u32, place: u32) -> Vec<u8> {
    let size = [u32::from(picture.width) << 16, u32::from(picture.height) << 16];
    let sample = u32::try_from(sample).unwrap_or(u32::MAX);
    let movie_header =
        numbers(&[&[0, 0, 0, TIMESCALE, milliseconds, 0x1_0000, 0x0100_0000, 0, 0], &IDENTITY, &[0, 0, 0, 0, 0, 0, 2]]);
    let track_header = numbers(&[&[3, 0, 0, 1, 0, milliseconds, 0, 0, 0, 0], &IDENTITY, &size]);
    // 0x55c4 is "undetermined" in the packed language code.
    let media_header = numbers(&[&[0, 0, 0, TIMESCALE, milliseconds, 0x55c4_0000]]);
    let handler = [numbers(&[&[0, 0]]), b"vide".to_vec(), numbers(&[&[0, 0, 0]]), b"video\0".to_vec()].concat();
    let data = mp4_box(b"dinf", &[&mp4_box(b"dref", &[&numbers(&[&[0, 1]]), &mp4_box(b"url ", &[&numbers(&[&[1]])])])]);
    let table = mp4_box(
        b"stbl",
        &[
            &mp4_box(b"stsd", &[&numbers(&[&[0, 1]]), &picture.sample_entry(mp4_box)]),
            &mp4_box(b"stts", &[&numbers(&[&[0, 1, 1, milliseconds]])]),
            &mp4_box(b"stsc", &[&numbers(&[&[0, 1, 1, 1, 1]])]),
            &mp4_box(b"stsz", &[&numbers(&[&[0, 0, 1, sample]])]),
            &mp4_box(b"stco", &[&numbers(&[&[0, 1, place]])]),
        ],
    );
    let information = mp4_box(b"minf", &[&mp4_box(b"vmhd", &[&numbers(&[&[1, 0, 0]])]), &data, &table]);
    let media = mp4_box(b"mdia", &[&mp4_box(b"mdhd", &[&media_header]), &mp4_box(b"hdlr", &[&handler]), &information]);
    let track = mp4_box(b"trak", &[&mp4_box(b"tkhd", &[&track_header]), &media]);
    mp4_box(b"moov", &[&mp4_box(b"mvhd", &[&movie_header]), &track])
}

/// What the standard calls a box.
fn mp4_box(kind: &[u8; 4], contents: &[&[u8]]) -> Vec<u8> {
    let length: usize = BOX + contents.iter().map(|content| content.len()).sum::<usize>();
    let mut out = Vec::with_capacity(length);
    out.extend(u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    out.extend(kind);
    contents.iter().for_each(|content| out.extend(*content));
    out
}

fn numbers(groups: &[&[u32]]) -> Vec<u8> {
    groups.iter().flat_map(|group| group.iter()).flat_map(|number| number.to_be_bytes()).collect()
}
