//! The page that a query asks for.

use kernel::page::{MAX_PAGE, MAX_SIZE, PageRequest};
use kernel::{Error, Result};

/// Records of a page whose size is not said.
const DEFAULT_SIZE: u64 = 10;

/// The page asked for, the first of ten records if nothing is said.
///
/// # Errors
/// [`Error::InvalidRequest`] for a page outside 1 to [`MAX_PAGE`] and a size outside 1 to [`MAX_SIZE`].
pub fn page_request(page: Option<u64>, size: Option<u64>) -> Result<PageRequest> {
    let wanted = PageRequest { page: page.unwrap_or(1), size: size.unwrap_or(DEFAULT_SIZE) };
    if !(1..=MAX_PAGE).contains(&wanted.page) {
        return Err(Error::invalid("page", format!("页码须为 1 到 {MAX_PAGE} 的整数")));
    }
    if !(1..=MAX_SIZE).contains(&wanted.size) {
        return Err(Error::invalid("size", format!("每页条数须为 1 到 {MAX_SIZE} 的整数")));
    }
    Ok(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_outside_its_limits_is_refused_by_name() {
        let refused = |page, size| match page_request(Some(page), Some(size)) {
            Err(Error::InvalidRequest(fields)) => fields.into_iter().map(|field| field.path).collect(),
            other => format!("{other:?}"),
        };
        for (page, size, expected) in [
            (0, 10, "page"),
            (MAX_PAGE + 1, 10, "page"),
            (u64::MAX, 10, "page"),
            (1, 0, "size"),
            (1, MAX_SIZE + 1, "size"),
        ] {
            assert_eq!(refused(page, size), expected, "{page} {size}");
        }
        let last = PageRequest { page: MAX_PAGE, size: MAX_SIZE };
        assert_eq!(page_request(Some(MAX_PAGE), Some(MAX_SIZE)).unwrap(), last);
    }
}
