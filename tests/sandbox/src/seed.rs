//! Deterministic pseudo-randomness: everything the sandbox invents about people (ids, names, orders) follows from one
//! seed, so that a failing test can be replayed. The algorithm is SplitMix64, written out because a random crate's
//! output may change between its versions. Tokens and codes are not made here: they come from the system's randomness.

/// A point in the tree of derived values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seed(u64);

impl Seed {
    pub(crate) const fn new(value: u64) -> Self {
        Self(mix(value))
    }

    pub(crate) const fn with(self, value: u64) -> Self {
        Self(mix(self.0 ^ mix(value)))
    }

    /// FNV-1a over the text, then mixed: two names that differ in one character share nothing.
    pub(crate) fn with_text(self, text: &str) -> Self {
        let hash = text
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        self.with(hash)
    }

    pub(crate) const fn value(self) -> u64 {
        self.0
    }

    pub(crate) const fn stream(self) -> Stream {
        Stream(self.0)
    }
}

/// A sequence of values drawn from a seed.
#[derive(Clone, Debug)]
pub(crate) struct Stream(u64);

impl Stream {
    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A value in `0..bound`; 0 when the bound is 0.
    pub(crate) const fn below(&mut self, bound: u64) -> u64 {
        // The bias of the modulo is far below anything a test could see at bounds this small.
        match self.next().checked_rem(bound) {
            Some(value) => value,
            None => 0,
        }
    }

    pub(crate) const fn per_mille(&mut self, chance: u64) -> bool {
        self.below(1000) < chance
    }

    pub(crate) fn pick(&mut self, items: &[&'static str]) -> &'static str {
        let place = usize::try_from(self.below(items.len() as u64)).unwrap_or_default();
        items.get(place).copied().unwrap_or_default()
    }

    /// `length` characters of an ASCII alphabet.
    pub(crate) fn text(&mut self, alphabet: &[u8], length: usize) -> String {
        (0..length)
            .filter_map(|_| {
                let place = usize::try_from(self.below(alphabet.len() as u64)).ok()?;
                alphabet.get(place).copied().map(char::from)
            })
            .collect()
    }
}

const fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seed_generator_is_splitmix64() {
        // First outputs for state 0, from the reference implementation.
        let mut stream = Stream(0);
        assert_eq!(stream.next(), 0xe220_a839_7b1d_cdaf);
        assert_eq!(stream.next(), 0x6e78_9e6a_a1b9_65f4);
    }

    #[test]
    fn seed_names_do_not_collide() {
        let root = Seed::new(7);
        assert_ne!(root.with_text("fans-1"), root.with_text("fans-37"));
        assert_eq!(root.with_text("fans-1"), root.with_text("fans-1"));
        assert_ne!(root.with(1), root.with(2));
    }
}
