//! Says in the user's language what is wrong with a field.
//!
//! serde's errors are English sentences for programmers, and they quote what the caller sent. Only their fixed
//! beginnings and the names our own types expect are read here; nothing of the caller's text is repeated. A
//! `Deserialize` of ours that fails with a Chinese sentence speaks to the user directly and is passed on as it is.

use kernel::FieldProblem;

/// A caller can make a path as long as a body.
const MAX_PATH: usize = 100;

/// The problem serde reports with `message` at `path` (empty for the whole input, which is then called `whole`).
pub(super) fn field_problem(whole: &str, path: &str, message: &str) -> FieldProblem {
    let (member, problem) = explain(message);
    let path = match (path, member) {
        ("" | ".", None) => whole.to_owned(),
        ("" | ".", Some(member)) => member.to_owned(),
        (path, None) => path.to_owned(),
        (path, Some(member)) => format!("{path}.{member}"),
    };
    FieldProblem::new(path.chars().take(MAX_PATH).collect::<String>(), problem)
}

/// What to do, and the member of the path's object it is about where serde names it in the message only.
fn explain(message: &str) -> (Option<&str>, String) {
    if let Some(name) = quoted_after(message, "missing field `") {
        return (Some(name), "缺少必填项，请填写".to_owned());
    }
    if let Some(name) = quoted_after(message, "duplicate field `") {
        return (Some(name), "重复出现，请只保留一个".to_owned());
    }
    let expected = message.rsplit_once(", expected ").map_or("", |(_, expected)| expected);
    let problem = if message.starts_with("unknown field `") {
        format!("不支持此项，请检查拼写或删除{}", choices("，可用项：", expected))
    } else if message.starts_with("unknown variant `") {
        format!("取值无效{}", choices("，可选值：", expected))
    } else if message.starts_with("invalid type: ") {
        format!("类型不正确{}", should_be(expected))
    } else if message.starts_with("invalid value: ") {
        format!("取值超出范围{}", should_be(expected))
    } else if message.starts_with(is_chinese) {
        message.to_owned()
    } else {
        "格式不正确，请检查后重试".to_owned()
    };
    (None, problem)
}

fn quoted_after<'a>(message: &'a str, start: &str) -> Option<&'a str> {
    message.strip_prefix(start)?.split_once('`').map(|(name, _)| name)
}

/// The names serde lists as `` `a` or `b` `` or ``one of `a`, `b` ``.
fn choices(introduction: &str, expected: &str) -> String {
    let names: Vec<_> = expected.split('`').skip(1).step_by(2).collect();
    if names.is_empty() { String::new() } else { format!("{introduction}{}", names.join("、")) }
}

fn should_be(expected: &str) -> &'static str {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "，应为非负整数",
        "i8" | "i16" | "i32" | "i64" | "isize" => "，应为整数",
        "f32" | "f64" => "，应为数字",
        "a string" | "str" => "，应为文本",
        "a boolean" => "，应为 true 或 false",
        "a sequence" => "，应为数组",
        "a map" => "，应为对象",
        _ if expected.starts_with("struct ") => "，应为对象",
        _ => "，请检查后重试",
    }
}

fn is_chinese(character: char) -> bool {
    ('\u{4e00}'..='\u{9fff}').contains(&character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serde_message_of_every_kind_has_a_remedy() {
        for (path, message, expected_path, expected) in [
            (".", "missing field `douyinUserId`", "douyinUserId", "缺少必填项，请填写"),
            ("items[2]", "missing field `id`", "items[2].id", "缺少必填项，请填写"),
            (".", "duplicate field `page`", "page", "重复出现，请只保留一个"),
            (
                "sise",
                "unknown field `sise`, expected `page` or `size`",
                "sise",
                "不支持此项，请检查拼写或删除，可用项：page、size",
            ),
            ("x", "unknown field `x`, there are no fields", "x", "不支持此项，请检查拼写或删除"),
            ("s", "unknown variant `B`, expected one of `NEW`, `OLD`, `ODD`", "s", "取值无效，可选值：NEW、OLD、ODD"),
            // What the caller wrote must not pass for what we expect.
            ("s", "unknown variant `a`, expected `evil`, expected `NEW`", "s", "取值无效，可选值：NEW"),
            ("size", "invalid type: string \"中文\", expected u64", "size", "类型不正确，应为非负整数"),
            ("size", "invalid value: integer `-1`, expected u32", "size", "取值超出范围，应为非负整数"),
            ("text", "invalid type: integer `1`, expected a string", "text", "类型不正确，应为文本"),
            ("ids", "invalid type: map, expected a sequence", "ids", "类型不正确，应为数组"),
            (".", "invalid type: integer `1`, expected struct Edit", "body", "类型不正确，应为对象"),
            ("when", "时间须带时区", "when", "时间须带时区"),
            ("when", "failed to parse \"明天\"", "when", "格式不正确，请检查后重试"),
        ] {
            assert_eq!(field_problem("body", path, message), FieldProblem::new(expected_path, expected), "{message}");
        }
    }

    #[test]
    fn serde_message_with_a_long_path_is_cut() {
        assert_eq!(field_problem("body", &"长".repeat(5_000), "x").path.chars().count(), MAX_PATH);
    }
}
