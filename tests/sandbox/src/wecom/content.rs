//! What a moment says: read from a request and held against the documented limits.

use serde_json::{Map, Value};

use super::error::Refusal;
use super::files::FileKind;

const MOST_CHARACTERS: usize = 2000;
const MOST_BYTES: usize = 4000;
const MOST_IMAGES: usize = 9;
const LONGEST_URL: usize = 1024;
const LONGEST_TITLE: usize = 64;
const LONGEST_TITLE_BYTES: usize = 128;
const KINDS: [&str; 3] = ["image", "video", "link"];

/// A picture, a video or a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Attachment {
    Image { media_id: String },
    Video { media_id: String },
    Link { title: String, url: String, media_id: String },
}

impl Attachment {
    pub(crate) fn media_id(&self) -> &str {
        match self {
            Self::Image { media_id } | Self::Video { media_id } | Self::Link { media_id, .. } => media_id,
        }
    }

    /// The kind of file it shows; a link shows its cover.
    pub(crate) const fn file_kind(&self) -> FileKind {
        match self {
            Self::Image { .. } | Self::Link { .. } => FileKind::Image,
            Self::Video { .. } => FileKind::Video,
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) text: String,
    pub(crate) attachments: Vec<Attachment>,
}

impl Content {
    /// Reads and checks the body of `add_moment_task`, except for what only the corp's files and words can tell.
    pub(crate) fn read(body: &Map<String, Value>) -> Result<Self, Refusal> {
        let text = body.get("text").and_then(|text| text.get("content")).and_then(Value::as_str).unwrap_or_default();
        let attachments = match body.get("attachments") {
            None | Some(Value::Null) => &Vec::new(),
            Some(Value::Array(attachments)) => attachments,
            Some(_) => return Err(40_058.into()),
        };
        if text.is_empty() && attachments.is_empty() {
            return Err(41_089.into());
        }
        // The documents give both measures; whichever is exceeded first counts.
        if text.chars().count() > MOST_CHARACTERS || text.len() > MOST_BYTES {
            return Err(Refusal::saying(40_058, "invalid text size"));
        }
        let kinds: Vec<&str> = attachments.iter().map(kind).collect();
        let first = kinds.first().copied();
        if kinds.iter().any(|kind| !KINDS.contains(kind) || Some(*kind) != first) {
            return Err(41_065.into());
        }
        let most = if first == Some("image") { MOST_IMAGES } else { 1 };
        if attachments.len() > most {
            return Err(41_064.into());
        }
        let attachments = attachments.iter().map(attachment).collect::<Result<_, _>>()?;
        Ok(Self { text: text.to_owned(), attachments })
    }
}

fn kind(attachment: &Value) -> &str {
    attachment.get("msgtype").and_then(Value::as_str).unwrap_or_default()
}

fn attachment(attachment: &Value) -> Result<Attachment, Refusal> {
    let kind = kind(attachment);
    let field = |name: &str| {
        let value = attachment.get(kind).and_then(|inner| inner.get(name)).and_then(Value::as_str);
        value.unwrap_or_default().to_owned()
    };
    let media_id = field("media_id");
    if kind == "link" {
        check_link(&field("url"), &field("title"))?;
    }
    if media_id.is_empty() {
        return Err(Refusal::saying(41_006, "invalid msg"));
    }
    Ok(match kind {
        "image" => Attachment::Image { media_id },
        "video" => Attachment::Video { media_id },
        _ => Attachment::Link { title: field("title"), url: field("url"), media_id },
    })
}

fn check_link(url: &str, title: &str) -> Result<(), Refusal> {
    if url.len() > LONGEST_URL {
        return Err(40_039.into());
    }
    if !url.starts_with("http://") && !url.starts_with("https://") {
        return Err(45_034.into());
    }
    if title.chars().count() > LONGEST_TITLE || title.len() > LONGEST_TITLE_BYTES {
        return Err(Refusal::saying(40_058, "invalid title size"));
    }
    Ok(())
}

/// Signs of a client that fills in every kind of attachment it knows.
pub(crate) fn violations(body: &Map<String, Value>) -> Vec<String> {
    let attachments = body.get("attachments").and_then(Value::as_array).into_iter().flatten();
    let foreign = attachments.flat_map(|attachment| {
        let own = kind(attachment);
        KINDS.into_iter().filter(move |kind| *kind != own && attachment.get(kind).is_some())
    });
    let mut found: Vec<String> = foreign.map(|kind| format!("an attachment of another type with a {kind}")).collect();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn code(body: &Value) -> i64 {
        Content::read(body.as_object().unwrap()).map_or_else(|refusal| refusal.code, |_| 0)
    }

    fn images(count: usize) -> Value {
        vec![json!({"msgtype": "image", "image": {"media_id": "m"}}); count].into()
    }

    fn link(url: &str, title: &str) -> Value {
        json!({"attachments": [{"msgtype": "link", "link": {"url": url, "title": title, "media_id": "m"}}]})
    }

    #[test]
    fn wecom_content_beyond_any_limit_is_refused() {
        let text = |content: String| json!({"text": {"content": content}});
        let video = json!({"msgtype": "video", "video": {"media_id": "m"}});
        let table = [
            (json!({}), 41_089),
            (json!({"text": {"content": ""}, "attachments": []}), 41_089),
            (text("a".repeat(2000)), 0),
            (text("a".repeat(2001)), 40_058),
            (text("茶".repeat(1333)), 0),
            (text("茶".repeat(1334)), 40_058),
            (text("🎄".repeat(1000)), 0),
            (text("🎄".repeat(1001)), 40_058),
            (json!({"attachments": images(9)}), 0),
            (json!({"attachments": images(10)}), 41_064),
            (json!({"attachments": [video]}), 0),
            (json!({"attachments": [video, video]}), 41_064),
            (json!({"attachments": [images(1)[0], video]}), 41_065),
            (json!({"attachments": [{"msgtype": "file", "file": {"media_id": "m"}}]}), 41_065),
            (json!({"attachments": [{"msgtype": "video", "video": {}}]}), 41_006),
            (json!({"attachments": [{"msgtype": "image"}]}), 41_006),
            (json!({"attachments": {"msgtype": "image"}}), 40_058),
            (link("https://example.com/a", "标题"), 0),
            (link("example.com/a", ""), 45_034),
            (link(&format!("https://example.com/{}", "a".repeat(1005)), ""), 40_039),
            (link("https://example.com/a", &"a".repeat(65)), 40_058),
        ];
        for (body, expected) in table {
            assert_eq!(code(&body), expected, "{}", body.to_string().chars().take(120).collect::<String>());
        }
    }

    #[test]
    fn wecom_content_with_empty_objects_of_other_kinds_is_recorded() {
        let body =
            json!({"attachments": [{"msgtype": "image", "image": {"media_id": "m"}, "video": {"media_id": ""}}]});
        assert_eq!(violations(body.as_object().unwrap()), ["an attachment of another type with a video"]);
        let proper = json!({"attachments": images(2)});
        assert!(violations(proper.as_object().unwrap()).is_empty());
    }
}
