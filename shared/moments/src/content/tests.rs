use axum::body::Body;
use axum::http::Response;
use serde_json::json;

use super::*;
use crate::provider::testing::{Server, fault, log::Log};

const BEARER: &str = "secret.bearer.token";

async fn ask(server: &Server, id: &str) -> Result<Draft, ContentError> {
    let library = ContentLibrary::new(server.base_url.clone(), Duration::from_secs(20));
    library.draft(&SecretString::from(BEARER), id).await
}

#[tokio::test]
async fn draft_is_requested_with_the_token_of_the_caller() {
    let server = Server::answering(200, json!({"text": "早安"})).await;
    for (id, path) in [("42", "42"), ("a/b ?#%", "a%2Fb%20%3F%23%25"), ("..a", "..a"), ("草稿", "%E8%8D%89%E7%A8%BF")]
    {
        ask(&server, id).await.unwrap();
        let request = server.seen().pop().unwrap();
        assert_eq!(request.line, format!("GET /below/contents/{path}"));
        assert_eq!(request.header("authorization"), Some("Bearer secret.bearer.token"));
        assert!(request.body.is_empty());
    }
}

#[tokio::test]
async fn draft_id_that_is_a_path_step_is_not_requested() {
    let server = Server::answering(200, json!({"text": "早安"})).await;
    for id in ["", ".", ".."] {
        assert_eq!(ask(&server, id).await, Err(ContentError::NotFound), "{id:?}");
    }
    assert!(server.seen().is_empty());
    let library = ContentLibrary::new(server.base_url.clone(), Duration::from_secs(20));
    let broken = library.draft(&SecretString::from("a\r\nb"), "1").await;
    assert_eq!(broken, Err(ContentError::Unavailable));
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn draft_is_read_bare_and_in_the_envelope() {
    let both = json!({"contentId": "42", "text": "早安🌸", "mediaUrls": ["https://m.example.com/1.jpg"], "title": "t"});
    let text = Some("早安🌸".to_owned());
    let urls = vec!["https://m.example.com/1.jpg".to_owned()];
    for (body, text, media_urls) in [
        (both.clone(), text.clone(), urls.clone()),
        (json!({"code": 200, "message": "成功", "data": both}), text.clone(), urls.clone()),
        (json!({"text": "早安🌸", "mediaUrls": null}), text, vec![]),
        (json!({"text": "", "mediaUrls": urls}), None, urls.clone()),
        (json!({"text": null, "mediaUrls": urls, "data": null}), None, urls),
        (json!({"mediaUrls": []}), None, vec![]),
    ] {
        let server = Server::answering(200, &body).await;
        assert_eq!(ask(&server, "42").await, Ok(Draft { text, media_urls }), "{body}");
    }
}

#[tokio::test]
async fn draft_of_another_library_is_read_where_its_settings_say() {
    let form = DraftForm {
        path: "v2/materials/{id}/detail".to_owned(),
        text: "/content/body".to_owned(),
        media_urls: "/files".to_owned(),
    };
    let draft = json!({"content": {"body": "早安"}, "files": ["https://m.example.com/1.jpg"], "text": "t"});
    for body in [draft.clone(), json!({"code": 200, "data": draft})] {
        let server = Server::answering(200, &body).await;
        let library = ContentLibrary::new(server.base_url.clone(), Duration::from_secs(20)).with_form(form.clone());
        let read = library.draft(&SecretString::from(BEARER), "a/b").await;
        let media_urls = vec!["https://m.example.com/1.jpg".to_owned()];
        assert_eq!(read, Ok(Draft { text: Some("早安".to_owned()), media_urls }));
        assert_eq!(server.seen().pop().unwrap().line, "GET /below/v2/materials/a%2Fb/detail");
    }
    for (path, is_fine) in [("contents/{id}", true), ("{id}", true), ("x/{id}.json", true), ("contents", false)]
        .into_iter()
        .chain(["/contents/{id}", "../{id}", "a//{id}", "a/{id}/", "a?id={id}"].map(|path| (path, false)))
    {
        assert_eq!(DraftForm::path_problem(path).is_none(), is_fine, "{path}");
    }
}

#[tokio::test]
async fn draft_that_is_missing_or_foreign_is_not_found() {
    for (status, error) in [
        (404, ContentError::NotFound),
        (403, ContentError::NotFound),
        (401, ContentError::Unavailable),
        (429, ContentError::Unavailable),
        (302, ContentError::Unavailable),
        (204, ContentError::Unavailable),
        (500, ContentError::Unavailable),
    ] {
        let server = Server::answering(status, json!({"text": "早安"})).await;
        assert_eq!(ask(&server, "42").await, Err(error), "{status}");
        assert_eq!(server.seen().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn draft_of_another_form_is_unavailable_and_not_empty() {
    for body in [
        json!({}),
        json!({"data": null}),
        json!({"data": {"title": "t"}}),
        json!({"text": 7}),
        json!({"mediaUrls": "https://m.example.com/1.jpg"}),
        json!({"mediaUrls": [7]}),
        json!([]),
        json!(null),
    ] {
        let server = Server::answering(200, &body).await;
        assert_eq!(ask(&server, "42").await, Err(ContentError::Unavailable), "{body}");
    }
}

#[tokio::test]
async fn content_library_that_fails_in_any_way_is_unavailable() {
    for fault in fault::all().await {
        let missing = matches!(fault.detail, crate::provider::Detail::HttpStatus(404));
        let library = ContentLibrary::new(fault.base_url, fault.timeout);
        let error = library.draft(&SecretString::from(BEARER), "42").await.unwrap_err();
        let expected = if missing { ContentError::NotFound } else { ContentError::Unavailable };
        assert_eq!(error, expected, "{} {}", fault.name, fault.detail);
    }
}

#[tokio::test]
async fn content_library_client_prints_no_token_and_no_content() {
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    let echo = json!({"text": format!("秘密正文 {BEARER}"), "mediaUrls": ["https://m.example.com/?sign=secret"]});
    let server = Server::making(move |_| Response::new(Body::from(echo.to_string()))).await;
    let mut printed = format!("{:?}", ask(&server, "42").await.unwrap());
    Log::capture();
    printed.push_str(&format!("{:?}", ask(&server, "42").await.unwrap()));
    for fault in fault::one_of_each().await {
        let library = ContentLibrary::new(fault.base_url, fault.timeout);
        let error = library.draft(&SecretString::from(BEARER), "42").await.unwrap_err();
        printed.push_str(&format!("{library:?} {error:?} {error}"));
    }
    printed.push_str(&log.text());
    assert!(printed.contains("content library called") && printed.contains("reason=connection lost"), "{printed}");
    for secret in ["secret", "秘密"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}
