//! Sets of lead ids as rows hold them: roaring bitmaps of any ids, and blocks of neighbours bit by bit.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use kernel::error::{Error, Result};
use roaring::RoaringBitmap;

use crate::ids::LeadId;

/// How many neighbouring ids share a block. 4,096 bits are 512 bytes, where a roaring bitmap of so few of its 65,536
/// would take up to 8 KB.
pub(crate) const BLOCK_IDS: u32 = 1 << 12;

/// A lead's id as bitmaps hold it: four thousand million leads of one tenant are beyond everything else here.
///
/// # Errors
/// [`Error::Corrupt`] when it is beyond that.
pub(crate) fn bitmap_id(lead_id: LeadId) -> Result<u32> {
    u32::try_from(lead_id.get()).map_err(|_| Error::Corrupt("lead id"))
}

/// A bitmap of a row of `what`; empty before anything was put into it.
///
/// # Errors
/// [`Error::Corrupt`] when the bytes are none.
pub(crate) fn bitmap(what: &'static str, bytes: &[u8]) -> Result<RoaringBitmap> {
    if bytes.is_empty() {
        return Ok(RoaringBitmap::new());
    }
    RoaringBitmap::deserialize_from(bytes).map_err(|_| Error::Corrupt(what))
}

/// The attribute that holds these ids in as few bytes as can be.
pub(crate) fn blob(ids: &RoaringBitmap) -> Result<AttributeValue> {
    let mut ids = ids.clone();
    ids.optimize();
    let mut bytes = Vec::with_capacity(ids.serialized_size());
    ids.serialize_into(&mut bytes).map_err(|_| Error::Internal("bitmap not serialised"))?;
    Ok(AttributeValue::B(Blob::new(bytes)))
}

/// The ids of a block, as [`block_blob`] wrote them.
///
/// # Errors
/// [`Error::Corrupt`] when there are more bits than a block has.
pub(crate) fn block_ids(block: u32, bits: &[u8]) -> Result<RoaringBitmap> {
    if bits.len() > BLOCK_IDS as usize / 8 {
        return Err(Error::Corrupt("lead index"));
    }
    let first = block.checked_mul(BLOCK_IDS).ok_or(Error::Corrupt("lead index"))?;
    Ok(RoaringBitmap::from_lsb0_bytes(first, bits))
}

/// The attribute that holds the ids of a block: a bit for each, the lowest id in the lowest bit of the first byte, without
/// the zeros at the end.
pub(crate) fn block_blob(block: u32, ids: &RoaringBitmap) -> AttributeValue {
    let mut bits = Vec::new();
    for id in ids {
        let place = id.saturating_sub(block * BLOCK_IDS);
        let byte = place as usize / 8;
        bits.resize(bits.len().max(byte + 1), 0_u8);
        if let Some(byte) = bits.get_mut(byte) {
            *byte |= 1 << (place % 8);
        }
    }
    AttributeValue::B(Blob::new(bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn block_of_ids_is_read_back_as_it_was_written_and_never_larger_than_half_a_kilobyte() {
        let first = 3 * BLOCK_IDS;
        for step in [1, 2, 3, 7, 8, 100, 4_095, 5_000] {
            let ids: RoaringBitmap = (first..first + BLOCK_IDS).step_by(step).collect();
            let AttributeValue::B(bits) = block_blob(3, &ids) else { panic!("no bytes") };
            assert!(bits.as_ref().len() <= 512, "every {step}th: {} bytes", bits.as_ref().len());
            assert_eq!(block_ids(3, bits.as_ref()).unwrap(), ids, "every {step}th");
        }
        let AttributeValue::B(none) = block_blob(3, &RoaringBitmap::new()) else { panic!("no bytes") };
        assert!(block_ids(3, none.as_ref()).unwrap().is_empty());
        assert!(block_ids(3, &[1; 513]).is_err() && block_ids(u32::MAX, &[1]).is_err());
    }
}
