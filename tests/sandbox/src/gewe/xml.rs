//! `snsXml`: a post as WeChat itself writes it down.

use super::post::{Attached, Post};
use super::settings::XmlStyle;
use crate::seed::Seed;

/// The document of a post. Text, ids and addresses come as CDATA or escaped, as the post's lot or the knob has it.
pub(super) fn timeline(post: &Post, style: XmlStyle) -> String {
    let is_escaped = match style {
        XmlStyle::Mixed => Seed::new(post.id).value() & 1 == 0,
        XmlStyle::Cdata => false,
        XmlStyle::Escaped => true,
    };
    let text = |text: &str| if is_escaped { escaped(text) } else { cdata(text) };
    let (style, media) = match &post.attached {
        Attached::Nothing => (2, String::new()),
        Attached::Images(images) => {
            let one = |image: &super::device::Uploaded| {
                let (width, height) = image.pixels.map_or((0, 0), |pixels| (pixels.width, pixels.height));
                format!(
                    r#"<media><id>{}</id><type>{}</type><title></title><description></description><url type="1" md5="{}">{}</url><thumb type="1">{}</thumb><size totalSize="{}.0" width="{width}.0" height="{height}.0"></size></media>"#,
                    text(&(post.id + 1).to_string()),
                    text("2"),
                    image.file_md5,
                    text(&image.file_url),
                    text(&image.thumb_url),
                    image.length,
                )
            };
            (1, images.iter().map(one).collect())
        }
        Attached::Video(video) => (
            15,
            format!(
                r#"<media><id>{}</id><type>{}</type><url type="1" md5="{}">{}</url><thumb type="1">{}</thumb></media>"#,
                text(&(post.id + 1).to_string()),
                text("6"),
                video.file_md5,
                text(&video.file_url),
                text(&video.thumb_url),
            ),
        ),
        Attached::Link { thumb, .. } => {
            (3, format!(r#"<media><type>{}</type><thumb type="1">{}</thumb></media>"#, text("2"), text(thumb)))
        }
    };
    let (title, description, url) = match &post.attached {
        Attached::Link { title, description, url, .. } => (title.as_str(), description.as_str(), url.as_str()),
        Attached::Video(_) => ("微信小视频", "Sight", ""),
        Attached::Nothing | Attached::Images(_) => ("", "", ""),
    };
    format!(
        "<TimelineObject><id>{}</id><username>{}</username><createTime>{}</createTime>\
         <contentDescShowType>0</contentDescShowType><private>{}</private><contentDesc>{}</contentDesc>\
         <ContentObject><contentStyle>{}</contentStyle><title>{}</title><description>{}</description>\
         <contentUrl>{}</contentUrl><mediaList>{media}</mediaList></ContentObject>\
         <location poiClassifyId=\"\" poiName=\"\" poiAddress=\"\" poiClassifyType=\"0\" city=\"\"></location>\
         </TimelineObject>",
        text(&post.id.to_string()),
        text(&post.author),
        text(&post.at.as_second().to_string()),
        text("0"),
        text(&post.text),
        text(&style.to_string()),
        text(title),
        text(description),
        text(url),
    )
}

fn cdata(text: &str) -> String {
    // The one sequence that cannot stand in CDATA is split over two.
    if text.is_empty() { String::new() } else { format!("<![CDATA[{}]]>", text.replace("]]>", "]]]]><![CDATA[>")) }
}

fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, character| {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#x0A;"),
            other => out.push(other),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gewe_xml_text_is_written_both_ways() {
        assert_eq!(escaped("a<b>&\"c\"\n茶🎄"), "a&lt;b&gt;&amp;&quot;c&quot;&#x0A;茶🎄");
        assert_eq!(cdata("a<b>&\n"), "<![CDATA[a<b>&\n]]>");
        assert_eq!(cdata("x]]>y"), "<![CDATA[x]]]]><![CDATA[>y]]>");
        assert_eq!(cdata(""), "");
    }
}
