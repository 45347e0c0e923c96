//! Pages of a list, as the contract counts them: from 1, newest first.

use serde::Serialize;

/// The most records a page may have.
pub const MAX_SIZE: u64 = 100;

/// The last page that can be asked for: its number is answered, and JavaScript reads it exactly.
pub const MAX_PAGE: u64 = crate::ids::MAX_SAFE_INTEGER;

/// A page asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest {
    /// 1 to [`MAX_PAGE`].
    pub page: u64,
    /// 1 to [`MAX_SIZE`].
    pub size: u64,
}

/// A page answered: the contract's field names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "{T}Page"))]
pub struct Page<T> {
    /// The records, newest first.
    pub records: Vec<T>,
    /// How many there are in all.
    pub total: u64,
    /// The size asked for.
    pub size: u64,
    /// The page asked for, also when it lies past the end.
    pub current: u64,
    /// How many pages of this size there are.
    pub pages: u64,
}

impl PageRequest {
    /// How many records lie before this page; saturating, so an absurd page is only past the end.
    pub fn offset(self) -> u64 {
        self.page.saturating_sub(1).saturating_mul(self.size)
    }

    /// The answer to this request.
    pub fn answer<T>(self, records: Vec<T>, total: u64) -> Page<T> {
        Page { records, total, size: self.size, current: self.page, pages: total.div_ceil(self.size.max(1)) }
    }
}
