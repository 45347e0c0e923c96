//! WeChat's own description of a post: the `TimelineObject` of the gateway's list.

use quick_xml::Reader;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::Event;

/// What of a description is of use.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Description {
    pub(super) text: String,
    pub(super) media_count: usize,
}

impl Description {
    /// Reads a description; `None` when it is none. The text is `contentDesc`, plain, escaped or as CDATA.
    pub(super) fn read(xml: &str) -> Option<Self> {
        let mut reader = Reader::from_str(xml);
        let mut path: Vec<String> = Vec::new();
        let mut seen = false;
        let mut described = Self { text: String::new(), media_count: 0 };
        loop {
            let within_text = is_at(&path, &["TimelineObject", "contentDesc"]);
            match reader.read_event().ok()? {
                Event::Start(tag) => {
                    path.push(tag.local_name().as_ref().to_owned());
                    seen |= is_at(&path, &["TimelineObject"]);
                    described.media_count += usize::from(is_at(&path, &["mediaList", "media"]));
                }
                Event::Empty(tag) => {
                    path.push(tag.local_name().as_ref().to_owned());
                    described.media_count += usize::from(is_at(&path, &["mediaList", "media"]));
                    path.pop();
                }
                Event::End(_) => {
                    path.pop();
                }
                Event::Text(text) if within_text => described.text.push_str(&text.xml10_content()),
                Event::CData(text) if within_text => described.text.push_str(&text.xml10_content()),
                Event::GeneralRef(entity) if within_text => match entity.resolve_char_ref().ok()? {
                    Some(character) => described.text.push(character),
                    None => described.text.push_str(resolve_xml_entity(&entity)?),
                },
                Event::Eof => return (seen && path.is_empty()).then_some(described),
                _ => {}
            }
        }
    }
}

/// Whether the innermost elements are `tail`.
fn is_at(path: &[String], tail: &[&str]) -> bool {
    path.len() >= tail.len() && path.iter().rev().zip(tail.iter().rev()).all(|(name, wanted)| name == wanted)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn timeline(text: &str) -> String {
        format!(
            "<TimelineObject><id><![CDATA[1]]></id><contentDescShowType>0</contentDescShowType>\
             <contentDesc>{text}</contentDesc><ContentObject><contentStyle>1</contentStyle><title>题</title>\
             <description>述</description><mediaList><media><id>1</id><description>图</description></media>\
             </mediaList></ContentObject></TimelineObject>"
        )
    }

    #[test]
    fn sns_xml_text_is_read_plain_escaped_and_as_cdata() {
        for (text, read) in [
            ("早安🌸", "早安🌸"),
            ("", ""),
            ("a &amp; b &lt;c&gt; &quot;d&quot; &apos;e&apos; &#26089;&#x1F338;", "a & b <c> \"d\" 'e' 早🌸"),
            ("<![CDATA[a & b <c> ]]>", "a & b <c> "),
            ("<![CDATA[一]]>二<![CDATA[三]]>", "一二三"),
            (" 行一\n行二 ", " 行一\n行二 "),
        ] {
            let expected = Description { text: read.to_owned(), media_count: 1 };
            assert_eq!(Description::read(&timeline(text)), Some(expected), "{text}");
        }
        let without = "<?xml version=\"1.0\"?><TimelineObject><contentDesc/><mediaList/></TimelineObject>";
        assert_eq!(Description::read(without), Some(Description { text: String::new(), media_count: 0 }));
        let within = format!("<SnsDataItem>{}</SnsDataItem>", timeline("早安"));
        assert_eq!(Description::read(&within).unwrap().text, "早安");
    }

    #[test]
    fn sns_xml_without_a_description_has_no_text() {
        for xml in [
            "",
            "早安",
            "<a/>",
            "<TimelineObject><contentDesc>早安",
            "<TimelineObject><contentDesc>早安</TimelineObject>",
            "<TimelineObject><contentDesc>&unknown;</contentDesc></TimelineObject>",
            "<!DOCTYPE a [<!ENTITY b \"c\">]><TimelineObject><contentDesc>&b;</contentDesc></TimelineObject>",
        ] {
            assert_eq!(Description::read(xml), None, "{xml}");
        }
    }

    proptest! {
        #[test]
        fn sns_xml_of_any_text_is_read_back(text in "[^\r\u{0}-\u{8}\u{b}\u{c}\u{e}-\u{1f}]*") {
            let escaped = quick_xml::escape::escape(text.as_str());
            prop_assert_eq!(Description::read(&timeline(&escaped)).unwrap().text, text);
        }

        #[test]
        fn sns_xml_of_any_bytes_does_not_panic(xml in ".*") {
            Description::read(&xml);
        }
    }
}
