//! The bits of a scan and the Huffman codes they are read by (ITU T.81, annexes C and F).

use crate::media::problem::{Fault, MediaProblem};

/// Codes up to this length are looked up at once; in photographs that is nearly every one.
const SHORT: usize = 8;

pub(super) struct Codes {
    /// Length and symbol of the code that eight bits begin with; a length of 0 for a longer code.
    short: [(u8, u8); 1 << SHORT],
    /// Of each length from 1: the first code, and the place of its symbol.
    lengths: [(u32, usize); 16],
    counts: [u8; 16],
    symbols: Vec<u8>,
}

impl Codes {
    /// Reads the table that a segment goes on with, and what follows it.
    pub(super) fn read(segment: &[u8]) -> Option<(Self, &[u8])> {
        let (counts, rest) = segment.split_first_chunk::<16>()?;
        let (symbols, rest) = rest.split_at_checked(counts.iter().map(|count| usize::from(*count)).sum())?;
        let mut codes =
            Self { short: [(0, 0); 1 << SHORT], lengths: [(0, 0); 16], counts: *counts, symbols: symbols.to_vec() };
        let (mut code, mut place) = (0_u32, 0);
        for ((bits, count), length) in (1..).zip(counts).zip(&mut codes.lengths) {
            *length = (code, place);
            for symbol in symbols.iter().skip(place).take(usize::from(*count)) {
                // More codes than there are of this length.
                if code >> bits != 0 {
                    return None;
                }
                if bits <= SHORT {
                    let first = (code as usize) << (SHORT - bits);
                    let slots = codes.short.iter_mut().skip(first).take(1 << (SHORT - bits));
                    slots.for_each(|slot| *slot = (bits as u8, *symbol));
                }
                code += 1;
            }
            place += usize::from(*count);
            code <<= 1;
        }
        Some((codes, rest))
    }

    /// The symbol that these 16 bits begin with, and the length of its code.
    fn find(&self, bits: u16) -> Option<(u8, u32)> {
        if let Some((length @ 1.., symbol)) = self.short.get(usize::from(bits >> SHORT)) {
            return Some((*symbol, u32::from(*length)));
        }
        let longer = (1..).zip(&self.lengths).zip(&self.counts).skip(SHORT);
        longer.into_iter().find_map(|((length, (first, place)), count)| {
            let nth = (u32::from(bits) >> (16 - length)).checked_sub(*first)?;
            if nth >= u32::from(*count) {
                return None;
            }
            Some((*self.symbols.get(place + nth as usize)?, length))
        })
    }
}

/// The data of a scan, up to the next marker.
pub(super) struct Bits<'a> {
    rest: &'a [u8],
    buffer: u64,
    claimed_delivery: u32,
}

impl<'a> Bits<'a> {
    pub(super) const fn of(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, buffer: 0, claimed_delivery: 0 }
    }

    /// The next symbol of a table.
    pub(super) fn symbol(&mut self, codes: &Codes) -> Result<u8, MediaProblem> {
        let bits = self.peek();
        let (symbol, length) = codes.find(bits).ok_or_else(|| self.damage())?;
        self.take(length)?;
        Ok(symbol)
    }

    /// The next bits as a number, at most 16 of them.
    pub(super) fn take(&mut self, count: u32) -> Result<u32, MediaProblem> {
        let bits = self.peek();
        if count > self.claimed_delivery {
            return Err(self.damage());
        }
        self.claimed_delivery -= count;
        Ok(u32::from(bits).checked_shr(16 - count).unwrap_or(0))
    }

    /// Passes over up to 64 bits.
    pub(super) fn skip(&mut self, count: u32) -> Result<(), MediaProblem> {
        let mut left = count;
        while left > 0 {
            let next = left.min(16);
            self.take(next)?;
            left -= next;
        }
        Ok(())
    }

    /// Passes over the restart marker of this number, which must be the next thing.
    pub(super) fn restart(&mut self, number: u8) -> Result<(), MediaProblem> {
        let marker = self.rest.iter().position(|byte| *byte != 0xff).unwrap_or(self.rest.len());
        match self.rest.split_at_checked(marker) {
            Some((fill, [found, rest @ ..]))
                if self.claimed_delivery < 8 && !fill.is_empty() && *found == 0xd0 + number =>
            {
                *self = Self::of(rest);
                Ok(())
            }
            _ => Err(self.damage()),
        }
    }

    /// The bytes of data left over, but for padding, and what follows them: the next marker, if there is one.
    pub(super) fn end(self) -> (usize, &'a [u8]) {
        let (mut left, mut rest) = (self.claimed_delivery as usize / 8, self.rest);
        loop {
            match rest {
                [0xff, 0x00, after @ ..] => (left, rest) = (left + 1, after),
                [] | [0xff, ..] => return (left, rest),
                [0x00, after @ ..] => rest = after,
                [_, after @ ..] => (left, rest) = (left + 1, after),
            }
        }
    }

    /// Data that end before the picture does are cut off with the file, or else something is in their place.
    fn damage(&self) -> MediaProblem {
        MediaProblem::Corrupt(if self.rest.len() < 2 { Fault::CutOff } else { Fault::ImageData })
    }

    /// The next 16 bits, with zeros for those that are missing.
    fn peek(&mut self) -> u16 {
        while self.claimed_delivery <= 48 {
            let (byte, rest) = match self.rest {
                // A byte of all ones is followed by a zero, lest it be taken for a marker.
                [0xff, 0x00, rest @ ..] => (0xff, rest),
                [0xff, ..] | [] => break,
                [byte, rest @ ..] => (*byte, rest),
            };
            self.buffer = self.buffer << 8 | u64::from(byte);
            self.claimed_delivery += 8;
            self.rest = rest;
        }
        let aligned = if self.claimed_delivery >= 16 {
            self.buffer >> (self.claimed_delivery - 16)
        } else {
            self.buffer << (16 - self.claimed_delivery)
        };
        aligned as u16
    }
}
