//! JSON bodies read as a typed struct.

use kernel::{Error, FieldProblem, Result};
use serde::de::{DeserializeOwned, IntoDeserializer};
use serde::{Deserialize, Deserializer};
use serde_json::error::Category;

use super::serde_messages::field_problem;

/// What a body may have unless its route says otherwise: several times the longest text and list of the contract.
pub const MAX_BODY: usize = 64 * 1024;

/// How problems with the body as a whole are addressed.
const WHOLE: &str = "body";

/// Reads `body`, of at most `max_bytes`, as `T`, whatever its content type says. A field `T` does not know is refused
/// by name if `T` carries `deny_unknown_fields`, as every body of the contract does: a misspelt option must not be
/// silently without effect.
///
/// # Errors
/// [`Error::InvalidRequest`] naming what is wrong.
pub(super) fn read<T: DeserializeOwned>(body: &[u8], max_bytes: usize) -> Result<T> {
    if body.len() > max_bytes {
        return Err(Error::invalid(WHOLE, format!("请求内容过大，不能超过 {} KB", max_bytes / 1024)));
    }
    // serde would also read a struct from an array, by position.
    match body.trim_ascii_start().first() {
        None => return Err(Error::invalid(WHOLE, "请求内容为空，请提交 JSON 对象")),
        Some(b'{') => {}
        Some(_) => return Err(Error::invalid(WHOLE, "请求内容须为 JSON 对象")),
    }
    let mut source = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut source).map_err(|error| {
        let path = error.path().to_string();
        Error::InvalidRequest(vec![describe(&path, &error.into_inner())])
    })?;
    source.end().map_err(|error| Error::InvalidRequest(vec![describe("", &error)]))?;
    Ok(value)
}

/// One of an enum's words, for `#[serde(deserialize_with = "enum_string")]`: a text and nothing else. Left to itself, serde_json
/// also takes `{"FULL":null}` for `"FULL"`, and reports a number in its place as broken JSON.
///
/// # Errors
/// Those of the text and of the enum.
pub fn enum_string<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer)?;
    T::deserialize(text.as_str().into_deserializer())
}

/// The same for a field that may be absent or null.
///
/// # Errors
/// As [`enum_string`].
pub fn optional_enum_string<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| T::deserialize(text.as_str().into_deserializer())).transpose()
}

fn describe(path: &str, error: &serde_json::Error) -> FieldProblem {
    if error.classify() != Category::Data {
        let (line, column) = (error.line(), error.column());
        return FieldProblem::new(WHOLE, format!("不是有效的 JSON，请检查第 {line} 行第 {column} 列附近"));
    }
    let text = error.to_string();
    let message = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message);
    field_problem(WHOLE, path, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Edit {
        lead_id: u64,
        notes: Option<String>,
        #[serde(default)]
        account_ids: Vec<u32>,
        inner: Option<Inner>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Order {
        #[serde(deserialize_with = "enum_string")]
        how: How,
        #[serde(default, deserialize_with = "optional_enum_string")]
        else_how: Option<How>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "UPPERCASE")]
    enum How {
        Fast,
        Slow,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        on: bool,
    }

    fn parse(body: &[u8]) -> Result<Edit, (String, String)> {
        read(body, 200).map_err(|error| match error {
            Error::InvalidRequest(fields) => (fields[0].path.clone(), fields[0].problem.clone()),
            other => panic!("{other}"),
        })
    }

    #[test]
    fn body_with_all_fields_is_read() {
        let expected = Edit { lead_id: 7, notes: Some("跟进".into()), account_ids: vec![1, 2], inner: None };
        let body = r#" {"leadId":7,"notes":"跟进","accountIds":[1,2],"inner":null} "#;
        assert_eq!(parse(body.as_bytes()), Ok(expected));
    }

    #[test]
    fn body_with_a_wrong_value_names_its_path() {
        let large = format!(r#"{{"leadId":1,"notes":"{}"}}"#, "x".repeat(200));
        for (body, path, problem) in [
            ("", "body", "请求内容为空，请提交 JSON 对象"),
            (" \n", "body", "请求内容为空，请提交 JSON 对象"),
            ("[7,null,[]]", "body", "请求内容须为 JSON 对象"),
            ("null", "body", "请求内容须为 JSON 对象"),
            ("leadId=7", "body", "请求内容须为 JSON 对象"),
            ("{\"leadId\":7,\n}", "body", "不是有效的 JSON，请检查第 2 行第 1 列附近"),
            (r#"{"leadId":7"#, "body", "不是有效的 JSON，请检查第 1 行第 11 列附近"),
            (r#"{"leadId":7} {}"#, "body", "不是有效的 JSON，请检查第 1 行第 14 列附近"),
            (large.as_str(), "body", "请求内容过大，不能超过 0 KB"),
            ("{}", "leadId", "缺少必填项，请填写"),
            (r#"{"leadId":"7"}"#, "leadId", "类型不正确，应为非负整数"),
            (r#"{"leadId":-7}"#, "leadId", "取值超出范围，应为非负整数"),
            (r#"{"leadId":7.0}"#, "leadId", "类型不正确，应为非负整数"),
            (r#"{"leadId":7,"leadId":8}"#, "leadId", "重复出现，请只保留一个"),
            (r#"{"leadId":7,"accountIds":[1,"2"]}"#, "accountIds[1]", "类型不正确，应为非负整数"),
            (r#"{"leadId":7,"accountIds":5}"#, "accountIds", "类型不正确，应为数组"),
            (r#"{"leadId":7,"inner":{}}"#, "inner.on", "缺少必填项，请填写"),
            (r#"{"leadId":7,"inner":{"off":1}}"#, "inner.off", "不支持此项，请检查拼写或删除，可用项：on"),
            (
                r#"{"leadId":7,"note":"x"}"#,
                "note",
                "不支持此项，请检查拼写或删除，可用项：leadId、notes、accountIds、inner",
            ),
        ] {
            assert_eq!(parse(body.as_bytes()), Err((path.into(), problem.into())), "{body}");
        }
        let not_text = parse(b"{\"leadId\":7,\"notes\":\"\xff\"}").unwrap_err();
        assert!(not_text.1.starts_with("不是有效的 JSON"), "{not_text:?}");
    }

    #[test]
    fn body_enum_is_read_from_a_string_only() {
        let parse = |body: &str| {
            read::<Order>(body.as_bytes(), 200).map_err(|error| match error {
                Error::InvalidRequest(fields) => fields[0].problem.clone(),
                other => panic!("{other}"),
            })
        };
        assert_eq!(parse(r#"{"how":"FAST"}"#), Ok(Order { how: How::Fast, else_how: None }));
        assert_eq!(parse(r#"{"how":"FAST","else_how":null}"#), Ok(Order { how: How::Fast, else_how: None }));
        let both = Order { how: How::Fast, else_how: Some(How::Slow) };
        assert_eq!(parse(r#"{"how":"FAST","else_how":"SLOW"}"#), Ok(both));
        for (value, problem) in [
            (r#""fast""#, "取值无效，可选值：FAST、SLOW"),
            (r#"{"FAST":null}"#, "类型不正确，应为文本"),
            ("1", "类型不正确，应为文本"),
            ("true", "类型不正确，应为文本"),
            (r#"["FAST"]"#, "类型不正确，应为文本"),
        ] {
            assert_eq!(parse(&format!(r#"{{"how":{value}}}"#)), Err(problem.into()), "{value}");
            assert_eq!(parse(&format!(r#"{{"how":"FAST","else_how":{value}}}"#)), Err(problem.into()), "{value}");
        }
        assert_eq!(parse(r#"{"how":null}"#), Err("类型不正确，应为文本".into()));
    }
}
