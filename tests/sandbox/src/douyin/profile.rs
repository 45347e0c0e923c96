//! Who a fan is: everything about it follows from the account's seed and the fan's index, and is made up when needed.

use super::fan::Written;
use super::json::Fields;
use super::nickname;
use crate::seed::{Seed, Stream};

pub(crate) struct Profile {
    pub(crate) open_id: String,
    pub(crate) union_id: Option<String>,
    pub(crate) nickname: Option<String>,
    pub(crate) avatar: Option<String>,
    place: Option<(&'static str, &'static str)>,
    gender: Option<i64>,
}

const PLACES: [(&str, &str); 6] =
    [("广东", "深圳"), ("浙江", "杭州"), ("四川", "成都"), ("北京", ""), ("黑龙江", "哈尔滨"), ("", "")];

impl Profile {
    pub(crate) fn open_id(seed: Seed, index: u32) -> String {
        open_id(seed.with_text("fan").with(u64::from(index)), true)
    }

    pub(crate) fn of(seed: Seed, index: u32, revision: u32) -> Self {
        let person = seed.with_text("fan").with(u64::from(index));
        let mut stream = person.with_text("profile").stream();
        let kind = Some(u64::from(index)).filter(|kind| *kind < nickname::KINDS);
        let union_id = (!stream.per_mille(300)).then(|| uuid(&mut person.with_text("union").stream()));
        let nickname = (kind.is_some() || !stream.per_mille(8)).then(|| nickname::nickname(&mut stream, kind));
        let avatar = (!stream.per_mille(30)).then(|| avatar(person.with(u64::from(revision))));
        let place =
            usize::try_from(stream.below(PLACES.len() as u64)).ok().and_then(|place| PLACES.get(place).copied());
        let place = place.filter(|_| !stream.per_mille(400));
        let gender = (!stream.per_mille(400)).then(|| i64::try_from(stream.below(3)).unwrap_or_default());
        // A new name must differ from every name this fan had before; the count sees to it.
        let renamed = (revision > 0).then(|| format!("{}{revision}", nickname::plain(&mut stream)));
        Self { open_id: Self::open_id(seed, index), union_id, nickname: renamed.or(nickname), avatar, place, gender }
    }

    /// Its JSON, for the first time it is listed.
    pub(crate) fn write(self) -> Written {
        let mut fields = Fields::default();
        fields.text("open_id", &self.open_id);
        if let Some(union_id) = &self.union_id {
            fields.text("union_id", union_id);
        }
        if let Some(nickname) = &self.nickname {
            fields.text("nickname", nickname);
        }
        if let Some(avatar) = &self.avatar {
            fields.text("avatar", avatar);
        }
        if let Some((province, city)) = self.place {
            fields.text("country", "中国").text("province", province).text("city", city);
        }
        Written { fields: fields.inner().into(), gender: self.gender, nickname: self.nickname.map(Into::into) }
    }
}

/// An id of one of the forms seen in the wild: a UUID, or an opaque `_000…` text. Where `awkward` forms are allowed, one
/// in ten holds characters that must be percent-encoded in a query.
pub(crate) fn open_id(person: Seed, awkward: bool) -> String {
    const URL_SAFE: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut stream = person.with_text("open_id").stream();
    match stream.below(10) {
        0 if awkward => format!("@{}+/{}==", stream.text(BASE64, 20), stream.text(BASE64, 20)),
        1..5 => uuid(&mut stream),
        _ => format!("_000{}", stream.text(URL_SAFE, 32)),
    }
}

pub(crate) fn uuid(stream: &mut Stream) -> String {
    let (high, low) = (stream.next(), stream.next());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        0x8000 | ((low >> 48) & 0x3fff),
        low & 0xffff_ffff_ffff
    )
}

pub(crate) fn avatar(person: Seed) -> String {
    format!("https://p3.douyinpic.example/aweme/100x100/{:016x}.jpeg?from=4010531038", person.value())
}
