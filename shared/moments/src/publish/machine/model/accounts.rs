//! Sets of accounts, small enough to be part of a state.

/// The most accounts of a setting.
pub(super) const MOST: usize = 2;

/// Some of the accounts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Accounts(u8);

impl Accounts {
    pub fn all(count: usize) -> Self {
        (0..count).collect()
    }

    pub const fn has(self, account: usize) -> bool {
        self.0 & (1 << account) != 0
    }

    pub fn toggle(&mut self, account: usize) {
        self.0 ^= 1 << account;
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// In order, as a delivery's row has them.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        (0..MOST).filter(move |account| self.has(*account))
    }

    /// The account at a place of a delivery's row.
    pub fn at(self, place: usize) -> usize {
        self.iter().nth(place).expect("the delivery has it")
    }

    /// The places of those that are also in `others`.
    pub fn places(self, others: Self) -> Vec<usize> {
        self.iter().enumerate().filter(|(_, account)| others.has(*account)).map(|(place, _)| place).collect()
    }
}

impl FromIterator<usize> for Accounts {
    fn from_iter<I: IntoIterator<Item = usize>>(accounts: I) -> Self {
        Self(accounts.into_iter().fold(0, |set, account| set | 1 << account))
    }
}
