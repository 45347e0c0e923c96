//! Query parameters read as a typed struct.
//!
//! Parameters the struct does not name are ignored, because platforms append their own to a callback, unless it says
//! `deny_unknown_fields`, as every list's does: a misspelt filter must not answer with everything. Names beginning with
//! `_` are ignored everywhere, for that is how clients get around a cache. A named parameter that comes twice or does
//! not parse is refused, and one that is empty counts as absent, which is what a form with an unfilled field sends.

use kernel::{Error, Result};
use serde::de::value::{Error as DeError, MapDeserializer, StrDeserializer};
use serde::de::{DeserializeOwned, Deserializer, Error as _, IntoDeserializer, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

use super::serde_messages::field_problem;

/// Reads `parameters` as `T`.
///
/// # Errors
/// [`Error::InvalidRequest`] naming all parameters that are not known, and the first that is wrong otherwise.
pub(super) fn read<T: DeserializeOwned>(parameters: &[(String, String)]) -> Result<T> {
    let mut given: Vec<(&str, &str)> = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    given.retain(|(name, value)| !value.is_empty() && !name.starts_with('_'));
    let mut problems = Vec::new();
    loop {
        let source = MapDeserializer::new(given.iter().map(|(name, value)| (*name, Value(value))));
        let error = match serde_path_to_error::deserialize(source) {
            Ok(query) if problems.is_empty() => return Ok(query),
            Ok(_) => return Err(Error::InvalidRequest(problems)),
            Err(error) => error,
        };
        let (path, message) = (error.path().to_string(), error.into_inner().to_string());
        problems.push(field_problem("query", &path, &message));
        let before = given.len();
        if message.starts_with("unknown field") {
            given.retain(|(name, _)| *name != path);
        }
        if given.len() == before {
            return Err(Error::InvalidRequest(problems));
        }
    }
}

/// The text of one parameter, which is whatever type the field wants it to be.
#[derive(Clone, Copy)]
struct Value<'a>(&'a str);

impl<'de> IntoDeserializer<'de, DeError> for Value<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'a> Value<'a> {
    fn text(self) -> StrDeserializer<'a, DeError> {
        self.0.into_deserializer()
    }

    fn integer<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
        // The widest types: what is too large for the field is then out of range, and not "no number".
        if let Ok(number) = self.0.parse() {
            visitor.visit_u64(number)
        } else if let Ok(number) = self.0.parse() {
            visitor.visit_i64(number)
        } else if self.0.parse::<i128>().is_ok() {
            Err(DeError::invalid_value(Unexpected::Other("integer"), &visitor))
        } else {
            self.text().deserialize_any(visitor)
        }
    }

    fn boolean<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
        match self.0.parse() {
            Ok(flag) => visitor.visit_bool(flag),
            Err(_) => self.text().deserialize_any(visitor),
        }
    }
}

/// Text that is no number stays text, so that the field itself says what it expected.
macro_rules! parsed {
    ($($method:ident)* => $parse:ident) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
            self.$parse(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for Value<'_> {
    type Error = DeError;

    parsed!(deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 => integer);
    parsed!(deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 => integer);
    parsed!(deserialize_bool => boolean);

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
        self.text().deserialize_any(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DeError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, DeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DeError> {
        self.text().deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        i128 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier
        ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq, Default)]
    #[serde(rename_all = "camelCase")]
    struct Query {
        page: Option<u64>,
        #[serde(default)]
        size: u8,
        keyword: Option<String>,
        status: Option<Status>,
        source_id: Option<Id>,
        deep: Option<bool>,
        shift: Option<i64>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "UPPERCASE")]
    enum Status {
        New,
        Contacted,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Id(u64);

    fn parse(parameters: &[(&str, &str)]) -> Result<Query, (String, String)> {
        let owned: Vec<_> = parameters.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        read(&owned).map_err(|error| match error {
            Error::InvalidRequest(fields) => (fields[0].path.clone(), fields[0].problem.clone()),
            other => panic!("{other}"),
        })
    }

    #[test]
    fn query_reads_declared_parameters_and_ignores_others() {
        assert_eq!(parse(&[]), Ok(Query::default()));
        assert_eq!(
            parse(&[
                ("page", "3"),
                ("size", "255"),
                ("keyword", "12 张三"),
                ("status", "CONTACTED"),
                ("sourceId", "9"),
                ("deep", "true"),
                ("shift", "-5"),
                ("utm_source", "x"),
                ("utm_source", "y"),
                ("page", ""),
            ]),
            Ok(Query {
                page: Some(3),
                size: 255,
                keyword: Some("12 张三".into()),
                status: Some(Status::Contacted),
                source_id: Some(Id(9)),
                deep: Some(true),
                shift: Some(-5),
            })
        );
        assert_eq!(parse(&[("page", ""), ("size", ""), ("keyword", ""), ("status", "")]), Ok(Query::default()));
    }

    #[test]
    fn list_query_with_unknown_parameters_names_them_all() {
        #[derive(Debug, Deserialize, PartialEq)]
        #[serde(deny_unknown_fields)]
        struct List {
            size: Option<u64>,
            status: Option<Status>,
        }
        let parse = |parameters: &[(&str, &str)]| {
            let owned: Vec<_> = parameters.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
            read::<List>(&owned).map_err(|error| match error {
                Error::InvalidRequest(fields) => fields.into_iter().map(|field| field.path).collect::<Vec<String>>(),
                other => panic!("{other}"),
            })
        };
        let list = List { size: Some(5), status: None };
        assert_eq!(parse(&[("size", "5"), ("_", "1795161600"), ("_t", "1"), ("pageSize", "")]), Ok(list));
        assert_eq!(parse(&[("pageSize", "5")]), Err(vec!["pageSize".to_owned()]));
        let unknown = [("status[]", "NEW"), ("a.b", "1"), ("status[]", "NEW"), ("size", "5")];
        assert_eq!(parse(&unknown), Err(vec!["status[]".to_owned(), "a.b".to_owned()]));
        assert_eq!(parse(&[("more", "1"), ("size", "x")]), Err(vec!["more".to_owned(), "size".to_owned()]));
    }

    #[test]
    fn query_with_a_wrong_value_names_its_parameter() {
        for (parameters, path, problem) in [
            (&[("page", "two")][..], "page", "类型不正确，应为非负整数"),
            (&[("page", "-1")], "page", "取值超出范围，应为非负整数"),
            (&[("page", "1.5")], "page", "类型不正确，应为非负整数"),
            (&[("page", "99999999999999999999")], "page", "取值超出范围，应为非负整数"),
            (&[("size", "256")], "size", "取值超出范围，应为非负整数"),
            (&[("sourceId", "x")], "sourceId", "类型不正确，应为非负整数"),
            (&[("deep", "yes")], "deep", "类型不正确，应为 true 或 false"),
            (&[("status", "new")], "status", "取值无效，可选值：NEW、CONTACTED"),
            (&[("page", "1"), ("page", "1")], "page", "重复出现，请只保留一个"),
        ] {
            assert_eq!(parse(parameters), Err((path.into(), problem.into())), "{parameters:?}");
        }
    }
}
