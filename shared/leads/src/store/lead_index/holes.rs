//! How many ids of each block stand for nobody in the list any more. With these numbers any page is found without reading
//! more than the blocks that it lies in.

use kernel::error::Result;
use serde::Deserialize;

use super::id_sets::block_of;
use super::lookup::Bounds;
use crate::ids::LeadId;
use crate::store::bitmap::BLOCK_IDS;

/// By block of ids, from the first; blocks beyond the end have none.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(transparent)]
pub struct Holes(Vec<u64>);

/// Where a page of the list lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// Whole blocks of ids, which have all of the page in them.
    pub bounds: Bounds,
    /// How many leads are newer than those.
    pub newer: u64,
}

impl Holes {
    /// The numbers of the blocks.
    pub(super) fn by_block(&self) -> &[u64] {
        &self.0
    }

    /// How many there are.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Counts one more.
    ///
    /// # Errors
    /// When the id is beyond all that a bitmap holds.
    pub(crate) fn add(&mut self, lead_id: LeadId) -> Result<()> {
        let block = block_of(lead_id)? as usize;
        self.0.resize(self.0.len().max(block + 1), 0);
        if let Some(holes) = self.0.get_mut(block) {
            *holes += 1;
        }
        Ok(())
    }

    /// Counts one less.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub(crate) fn remove(&mut self, lead_id: LeadId) -> Result<()> {
        let block = block_of(lead_id)? as usize;
        if let Some(holes) = self.0.get_mut(block) {
            *holes = holes.saturating_sub(1);
        }
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
        Ok(())
    }

    /// Where `size` leads after the `offset` newest lie, among ids 1 to `last`; `None` when there are not so many.
    pub(crate) fn place(&self, last: u64, offset: u64, size: u64) -> Option<Place> {
        let block_ids = u64::from(BLOCK_IDS);
        let (mut newer, mut found) = (0, 0);
        let mut bounds: Option<Bounds> = None;
        for block in (0..=last / block_ids).rev() {
            let of_block =
                Bounds { first: (block * block_ids).max(1), last: (block * block_ids + block_ids - 1).min(last) };
            let holes = usize::try_from(block).ok().and_then(|block| self.0.get(block)).copied().unwrap_or_default();
            let present = of_block.count().saturating_sub(holes);
            if bounds.is_none() && newer + present <= offset {
                newer += present;
                continue;
            }
            bounds = Some(Bounds { first: of_block.first, last: bounds.map_or(of_block.last, |bounds| bounds.last) });
            found += present;
            if newer + found >= offset.saturating_add(size) {
                break;
            }
        }
        bounds.map(|bounds| Place { bounds, newer })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_counted_by_block() {
        let mut holes = Holes::default();
        for id in [1, 4_095, 4_096, 12_288] {
            holes.add(LeadId::new(id)).unwrap();
        }
        assert_eq!((holes.by_block(), holes.total()), (&[2, 1, 0, 1][..], 4));
        assert!(holes.add(LeadId::new(1 << 32)).is_err());
        for id in [12_288, 4_095] {
            holes.remove(LeadId::new(id)).unwrap();
        }
        assert_eq!(holes.by_block(), [1, 1]);
    }

    #[test]
    fn page_place_is_the_blocks_that_it_lies_in() {
        // 10,000 ids in three blocks; the second has no lead left, the first half of them.
        let holes = Holes(vec![2_000, 4_096]);
        let place = |offset, size| holes.place(10_000, offset, size).map(|place| (place.bounds, place.newer));
        let newest = Bounds { first: 8_192, last: 10_000 };
        assert_eq!(place(0, 10), Some((newest, 0)));
        assert_eq!(place(1_799, 10), Some((newest, 0)), "the last ten of 1,809");
        assert_eq!(place(1_800, 10), Some((Bounds { first: 1, last: 10_000 }, 0)), "the page has leads of two blocks");
        assert_eq!(place(1_809, 10), Some((Bounds { first: 1, last: 4_095 }, 1_809)));
        assert_eq!(place(3_903, 10), Some((Bounds { first: 1, last: 4_095 }, 1_809)), "the last of all");
        assert_eq!(place(3_904, 10), None);
        assert_eq!(place(u64::MAX, 10), None);
        assert_eq!(Holes::default().place(0, 0, 10), None);
    }
}
