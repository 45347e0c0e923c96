//! Sets of lead ids as roaring bitmaps, as rows hold them.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use kernel::error::{Error, Result};
use roaring::RoaringBitmap;

use crate::ids::LeadId;

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
