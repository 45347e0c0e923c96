//! Reads an uploaded file out of its form, and says what about the form was improper. WeCom reads no form that lacks the
//! part `media`, its file name or its length, and blames the file for it (44001).

use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request};
use axum::http::header;

use crate::incoming::{Incoming, printable};

/// A file as it arrived.
pub(super) struct Form {
    /// Nothing when WeCom cannot find a file in it.
    pub(super) file: Option<Bytes>,
    pub(super) violations: Vec<String>,
}

pub(super) async fn read(incoming: &Incoming) -> Form {
    let mut violations = Vec::new();
    let mut note = |text: String| violations.push(text);
    let mut request = Request::new(Body::from(incoming.body.clone()));
    if let Some(content_type) = incoming.headers.get(header::CONTENT_TYPE) {
        request.headers_mut().insert(header::CONTENT_TYPE, content_type.clone());
    }
    DefaultBodyLimit::disable().apply(&mut request);
    let has_length = incoming.headers.contains_key(header::CONTENT_LENGTH);
    if !has_length {
        note("sent in chunks, without a length".to_owned());
    }
    let mut found = None;
    match Multipart::from_request(request, &()).await {
        Err(_) => note("not a readable multipart form".to_owned()),
        Ok(mut form) => {
            let mut parts = 0;
            while let Ok(Some(part)) = form.next_field().await {
                parts += 1;
                let name = part.name().unwrap_or_default().to_owned();
                let file_name = part.file_name().map(str::to_owned);
                let content_type = part.content_type().map(str::to_owned);
                let Ok(bytes) = part.bytes().await else {
                    note("the form ends in the middle".to_owned());
                    break;
                };
                if name != "media" {
                    note(format!("part {} in place of media", printable(&name)));
                    continue;
                }
                match file_name.as_deref() {
                    None | Some("") => note("part media without a file name".to_owned()),
                    Some(file_name) if !file_name.is_ascii() => note("file name beyond ASCII".to_owned()),
                    Some(_) if has_length => found = Some(bytes),
                    Some(_) => {}
                }
                if content_type.is_none() {
                    note("part media without a content-type".to_owned());
                }
            }
            if parts > 1 {
                note("more than one part".to_owned());
            }
        }
    }
    Form { file: found, violations }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, Method};

    use super::*;

    async fn form(part: &str, has_length: bool) -> Form {
        let body = format!("--x\r\nContent-Disposition: form-data; {part}\r\n\r\nabc\r\n--x--\r\n");
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, "multipart/form-data; boundary=x".parse().unwrap());
        if has_length {
            headers.insert(header::CONTENT_LENGTH, body.len().into());
        }
        read(&Incoming { method: Method::POST, headers, query: Vec::new(), body: body.into() }).await
    }

    #[tokio::test]
    async fn wecom_form_file_is_found_only_in_a_proper_form() {
        let proper = form("name=\"media\"; filename=\"a.jpg\"\r\nContent-Type: image/jpeg", true).await;
        assert_eq!((proper.file.as_deref(), proper.violations), (Some(b"abc".as_slice()), Vec::new()));
        for (part, has_length, violation) in [
            ("name=\"file\"; filename=\"a.jpg\"\r\nContent-Type: image/jpeg", true, "part file in place of media"),
            ("name=\"media\"\r\nContent-Type: image/jpeg", true, "part media without a file name"),
            ("name=\"media\"; filename=\"茶.jpg\"\r\nContent-Type: image/jpeg", true, "file name beyond ASCII"),
            (
                "name=\"media\"; filename=\"a.jpg\"\r\nContent-Type: image/jpeg",
                false,
                "sent in chunks, without a length",
            ),
        ] {
            let improper = form(part, has_length).await;
            assert_eq!((improper.file, improper.violations), (None, vec![violation.to_owned()]));
        }
        let untyped = form("name=\"media\"; filename=\"a.jpg\"", true).await;
        assert!(untyped.file.is_some() && untyped.violations == ["part media without a content-type"]);
        let wild = Incoming { method: Method::POST, headers: HeaderMap::new(), query: Vec::new(), body: "x".into() };
        assert!(read(&wild).await.file.is_none());
    }
}
