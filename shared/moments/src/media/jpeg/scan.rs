//! Reads the scans of a JPEG without making a picture of them: every block must be there, and every code must be one.
//!
//! Decoders fill what they cannot read with grey and say nothing. Reading takes time in proportion to the file and, for a
//! progressive image, eight bytes for each block of 64 samples.

use super::bits::{Bits, Codes};
use super::header::Header;
use crate::media::problem::{Fault, MediaProblem};

const STRUCTURE: MediaProblem = MediaProblem::Corrupt(Fault::Structure);
const DAMAGED: MediaProblem = MediaProblem::Corrupt(Fault::ImageData);

/// Programs write about ten; a file of thousands of empty ones would be read for minutes.
const MOST_SCANS: usize = 100;
/// Bytes after the last block of a scan that are taken for padding. If more are left, blocks were lost on the way.
const PADDING: usize = 16;
/// A coefficient of which no scan has told anything.
const UNKNOWN: u8 = u8::MAX;

/// What has been read of an image.
pub(super) struct Image {
    header: Header,
    planes: Vec<Plane>,
    scans: usize,
}

/// A component of an image.
struct Plane {
    /// Blocks across and down when it has a scan of its own.
    blocks: (u32, u32),
    /// Which coefficients of each block are not zero: scans that refine a progressive image have a bit for each of them.
    coefficients: Vec<u64>,
    /// How many low bits of each coefficient are still to come.
    missing_bits: [u8; 64],
}

/// The tables that scans refer to by number.
#[derive(Default)]
pub(super) struct Tables {
    dc: [Option<Codes>; 4],
    ac: [Option<Codes>; 4],
    has_quantisers: [bool; 4],
    pub(super) restart_interval: u32,
}

impl Tables {
    /// Takes note of the tables of quantisers in a segment.
    pub(super) fn define_quantisers(&mut self, mut segment: &[u8]) -> Result<(), MediaProblem> {
        while let Some((size_and_number, rest)) = segment.split_first() {
            let size = if size_and_number >> 4 == 0 { 64 } else { 128 };
            segment = rest.get(size..).ok_or(STRUCTURE)?;
            *self.has_quantisers.get_mut(usize::from(size_and_number & 15)).ok_or(STRUCTURE)? = true;
        }
        Ok(())
    }

    /// Takes the tables of a segment.
    pub(super) fn define(&mut self, mut segment: &[u8]) -> Result<(), MediaProblem> {
        while let Some((class_and_number, rest)) = segment.split_first() {
            let (codes, rest) = Codes::read(rest).ok_or(STRUCTURE)?;
            let class = if class_and_number >> 4 == 0 { &mut self.dc } else { &mut self.ac };
            *class.get_mut(usize::from(class_and_number & 15)).ok_or(STRUCTURE)? = Some(codes);
            segment = rest;
        }
        Ok(())
    }
}

/// A part of a scan: a component with its tables.
struct Part<'t> {
    plane: usize,
    blocks_in_unit: u32,
    dc: Option<&'t Codes>,
    ac: Option<&'t Codes>,
}

/// The coefficients that a scan is of, and the bits of them.
#[derive(Clone, Copy)]
struct Band {
    start: u32,
    end: u32,
    is_refinement: bool,
    missing_bits: u8,
}

impl Image {
    pub(super) fn new(header: Header) -> Self {
        let (across, down) = (header.most_across(), header.most_down());
        let samples = |pixels: u16, factor: u32, most: u32| (u32::from(pixels) * factor).div_ceil(most).div_ceil(8);
        let planes = header.components.iter().map(|part| Plane {
            blocks: (samples(header.width, part.across, across), samples(header.height, part.down, down)),
            coefficients: Vec::new(),
            missing_bits: [UNKNOWN; 64],
        });
        Self { planes: planes.collect(), header, scans: 0 }
    }

    /// Whether every component is there, if perhaps not in all its detail.
    pub(super) fn is_shown(&self) -> bool {
        self.planes.iter().all(|plane| plane.missing_bits.first() != Some(&UNKNOWN))
    }

    /// Whether nothing can be missing.
    pub(super) fn is_whole(&self) -> bool {
        self.planes.iter().all(|plane| plane.missing_bits.iter().all(|bits| *bits == 0))
    }

    /// Reads a scan of which `segment` is the header and `data` what follows it; answers what follows its data.
    pub(super) fn read<'a>(
        &mut self,
        segment: &[u8],
        tables: &Tables,
        data: &'a [u8],
    ) -> Result<&'a [u8], MediaProblem> {
        self.scans += 1;
        if self.scans > MOST_SCANS {
            return Err(STRUCTURE);
        }
        let (parts, band) = self.parts(segment, tables).ok_or(STRUCTURE)?;
        let mut bits = Bits::of(data);
        let (mut unit, units, interval, mut run) = (0, self.units(&parts), tables.restart_interval, 0);
        while unit < units {
            if interval > 0 && unit > 0 && unit.is_multiple_of(interval) {
                bits.restart(((unit / interval - 1) % 8) as u8)?;
                run = 0;
            }
            for part in &parts {
                for _ in 0..part.blocks_in_unit {
                    self.read_block(&mut bits, part, band, unit, &mut run)?;
                }
            }
            unit += 1;
            if !band.is_refinement {
                // A refinement has bits for blocks without anything new too; others have none.
                let end = if interval > 0 { unit.next_multiple_of(interval).min(units) } else { units };
                let passed = run.min(end - unit);
                (unit, run) = (unit + passed, run - passed);
            }
        }
        let (left, rest) = bits.end();
        if left > PADDING {
            return Err(DAMAGED);
        }
        for part in &parts {
            let plane = self.planes.get_mut(part.plane).ok_or(STRUCTURE)?;
            let coded =
                plane.missing_bits.iter_mut().skip(band.start as usize).take((band.end - band.start + 1) as usize);
            coded.for_each(|missing| *missing = band.missing_bits);
        }
        Ok(rest)
    }

    /// How many units a scan has: blocks of one component, or squares of blocks of several.
    fn units(&self, parts: &[Part<'_>]) -> u32 {
        if let [part] = parts
            && let Some(plane) = self.planes.get(part.plane)
        {
            return plane.blocks.0 * plane.blocks.1;
        }
        let across = u32::from(self.header.width).div_ceil(8 * self.header.most_across());
        across * u32::from(self.header.height).div_ceil(8 * self.header.most_down())
    }

    fn parts<'t>(&self, segment: &[u8], tables: &'t Tables) -> Option<(Vec<Part<'t>>, Band)> {
        let (count, rest) = segment.split_first()?;
        let (chosen, rest) = rest.split_at_checked(2 * usize::from(*count))?;
        let [start, end, bits] = *rest.first_chunk()?;
        let table = |all: &'t [Option<Codes>; 4], number: u8| all.get(usize::from(number))?.as_ref();
        let mut parts = Vec::new();
        for [id, numbers] in chosen.as_chunks().0 {
            let plane = self.header.components.iter().position(|component| component.id == *id)?;
            let component = self.header.components.get(plane)?;
            tables.has_quantisers.get(usize::from(component.quantisers)).filter(|has| **has)?;
            let blocks_in_unit = if *count == 1 { 1 } else { component.across * component.down };
            let (dc, ac) = (table(&tables.dc, numbers >> 4), table(&tables.ac, numbers & 15));
            parts.push(Part { plane, blocks_in_unit, dc, ac });
        }
        let band = if self.header.is_progressive {
            let (start, end) = (u32::from(start), u32::from(end));
            Band { start, end, is_refinement: bits >> 4 != 0, missing_bits: bits & 15 }
        } else {
            Band { start: 0, end: 63, is_refinement: false, missing_bits: 0 }
        };
        // A scan of a progressive image is of the first coefficients, or of others of one component.
        let is_legal = !self.header.is_progressive
            || if band.start == 0 {
                band.end == 0
            } else {
                parts.len() == 1 && band.start <= band.end && band.end < 64
            };
        (is_legal && (1..=4).contains(&parts.len())).then_some((parts, band))
    }

    /// Reads a block; `run` is how many blocks have nothing more in this band.
    fn read_block(
        &mut self,
        bits: &mut Bits<'_>,
        part: &Part<'_>,
        band: Band,
        unit: u32,
        run: &mut u32,
    ) -> Result<(), MediaProblem> {
        if band.start == 0 {
            if band.is_refinement {
                return bits.skip(1);
            }
            let size = bits.symbol(part.dc.ok_or(STRUCTURE)?)?;
            bits.skip(size.into())?;
            if band.end == 0 {
                return Ok(());
            }
            return read_sequence(bits, part.ac.ok_or(STRUCTURE)?);
        }
        let codes = part.ac.ok_or(STRUCTURE)?;
        let plane = self.planes.get_mut(part.plane).ok_or(STRUCTURE)?;
        if plane.coefficients.is_empty() {
            plane.coefficients = vec![0; plane.blocks.0 as usize * plane.blocks.1 as usize];
        }
        let block = plane.coefficients.get_mut(unit as usize).ok_or(STRUCTURE)?;
        if band.is_refinement {
            refine(bits, codes, band, block, run)
        } else {
            read_band(bits, codes, band, block, run)
        }
    }
}

/// The coefficients of a block of a sequential image, but for the first.
fn read_sequence(bits: &mut Bits<'_>, codes: &Codes) -> Result<(), MediaProblem> {
    let mut next = 1;
    while next < 64 {
        let (zeros, size) = halves(bits.symbol(codes)?);
        match (zeros, size) {
            (15, 0) => next += 16,
            (_, 0) => break,
            _ => {
                next += zeros + 1;
                bits.skip(size)?;
            }
        }
        if next > 64 {
            return Err(DAMAGED);
        }
    }
    Ok(())
}

/// The first scan of a band of a progressive image's block.
fn read_band(
    bits: &mut Bits<'_>,
    codes: &Codes,
    band: Band,
    block: &mut u64,
    run: &mut u32,
) -> Result<(), MediaProblem> {
    let mut next = band.start;
    while next <= band.end {
        let (zeros, size) = halves(bits.symbol(codes)?);
        match (zeros, size) {
            (15, 0) => next += 16,
            (_, 0) => {
                *run = (1 << zeros) + bits.take(zeros)? - 1;
                break;
            }
            _ => {
                next += zeros;
                if next > band.end {
                    return Err(DAMAGED);
                }
                bits.skip(size)?;
                *block |= 1 << next;
                next += 1;
            }
        }
    }
    Ok(())
}

/// A further bit of a band of a progressive image's block: one for each coefficient that is not zero, and new ones among
/// them.
fn refine(bits: &mut Bits<'_>, codes: &Codes, band: Band, block: &mut u64, run: &mut u32) -> Result<(), MediaProblem> {
    let mut next = band.start;
    while *run == 0 && next <= band.end {
        let (mut zeros, size) = halves(bits.symbol(codes)?);
        match size {
            0 if zeros < 15 => {
                *run = (1 << zeros) + bits.take(zeros)?;
                break;
            }
            0 => {}
            1 => bits.skip(1)?,
            _ => return Err(DAMAGED),
        }
        while next <= band.end {
            if *block >> next & 1 == 1 {
                bits.skip(1)?;
            } else if zeros == 0 {
                break;
            } else {
                zeros -= 1;
            }
            next += 1;
        }
        if size == 1 {
            if next > band.end {
                return Err(DAMAGED);
            }
            *block |= 1 << next;
        }
        next += 1;
    }
    if *run > 0 {
        let rest = u64::MAX.checked_shl(next).unwrap_or(0) & (u64::MAX >> (63 - band.end));
        bits.skip((*block & rest).count_ones())?;
        *run -= 1;
    }
    Ok(())
}

/// The two halves of a code of the alternating components: zeros before a coefficient, and its size.
fn halves(symbol: u8) -> (u32, u32) {
    (u32::from(symbol >> 4), u32::from(symbol & 15))
}
