//! The page that a query asks for.

use kernel::page::{MAX_SIZE, PageRequest};
use kernel::{Error, Result};

/// Records of a page whose size is not said.
const DEFAULT_SIZE: u64 = 10;

/// The page asked for, the first of ten records if nothing is said.
///
/// # Errors
/// [`Error::InvalidRequest`] for a page before the first and a size outside 1 to [`MAX_SIZE`].
pub fn page_request(page: Option<u64>, size: Option<u64>) -> Result<PageRequest> {
    let wanted = PageRequest { page: page.unwrap_or(1), size: size.unwrap_or(DEFAULT_SIZE) };
    if wanted.page < 1 {
        return Err(Error::invalid("page", "页码须为不小于 1 的整数"));
    }
    if !(1..=MAX_SIZE).contains(&wanted.size) {
        return Err(Error::invalid("size", format!("每页条数须为 1 到 {MAX_SIZE} 的整数")));
    }
    Ok(wanted)
}
