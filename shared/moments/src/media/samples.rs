//! Media for tests: the least that is well-formed.

/// A JPEG of this size.
pub(super) fn jpeg(width: u16, height: u16) -> Vec<u8> {
    let [[h1, h0], [w1, w0]] = [height.to_be_bytes(), width.to_be_bytes()];
    let frame = [0xff, 0xc0, 0, 11, 8, h1, h0, w1, w0, 1, 1, 0x11, 0];
    // One component; then scan data with a stuffed zero and a restart in it.
    let scan = [0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0, 0x12, 0xff, 0x00, 0x34, 0xff, 0xd0, 0x56];
    [&[0xff, 0xd8], &frame[..], &scan, &[0xff, 0xd9]].concat()
}

/// A PNG of this size.
pub(super) fn png(width: u32, height: u32) -> Vec<u8> {
    let chunk = |kind: &[u8; 4], content: &[u8]| {
        [&u32::try_from(content.len()).unwrap().to_be_bytes()[..], kind, content, b"crc!"].concat()
    };
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 2, 0, 0, 0]].concat();
    let signature = b"\x89PNG\r\n\x1a\n";
    [&signature[..], &chunk(b"IHDR", &header), &chunk(b"IDAT", &[1, 2, 3]), &chunk(b"IEND", &[])].concat()
}

/// An MP4, as different as the tests need it.
#[derive(Debug, Clone)]
pub(super) struct Mp4 {
    pub(super) version: u8,
    pub(super) scale: u32,
    pub(super) units: u64,
    pub(super) handlers: &'static [&'static [u8; 4]],
    /// Version and length of the extension of a fragmented file.
    pub(super) fragments: Option<(u8, u64)>,
}

impl Default for Mp4 {
    /// Ten seconds.
    fn default() -> Self {
        Self { version: 0, scale: 600, units: 6_000, handlers: &[b"vide", b"soun"], fragments: None }
    }
}

impl Mp4 {
    pub(super) fn bytes(&self) -> Vec<u8> {
        [&boxed(b"ftyp", b"isom\0\0\x02\0isomiso2avc1mp41")[..], &self.movie(), &boxed(b"mdat", &[7; 64])].concat()
    }

    pub(super) fn movie(&self) -> Vec<u8> {
        let times = vec![0; if self.version == 0 { 8 } else { 16 }];
        let scale = self.scale.to_be_bytes();
        let header =
            [&[self.version, 0, 0, 0], &times[..], &scale, &units(self.version, self.units), &[0; 80]].concat();
        let mut content = boxed(b"mvhd", &header);
        for handler in self.handlers {
            let handler = boxed(b"hdlr", &[&[0; 8], &handler[..], &[0; 13]].concat());
            content.extend(boxed(b"trak", &boxed(b"mdia", &handler)));
        }
        if let Some((version, length)) = self.fragments {
            let extension = [&[version, 0, 0, 0], &units(version, length)[..]].concat();
            content.extend(boxed(b"mvex", &boxed(b"mehd", &extension)));
        }
        boxed(b"moov", &content)
    }
}

/// A box with this content.
pub(super) fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    [&u32::try_from(content.len() + 8).unwrap().to_be_bytes()[..], kind, content].concat()
}

fn units(version: u8, units: u64) -> Vec<u8> {
    if version == 0 { (units as u32).to_be_bytes().to_vec() } else { units.to_be_bytes().to_vec() }
}
