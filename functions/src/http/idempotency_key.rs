//! The header `Idempotency-Key`.

use super::ApiRequest;

/// The caller's key: up to 255 printable characters. One that is something else is refused, because a caller who is
/// not answered relies on it: overlooked, it would be done twice.
///
/// # Errors
/// [`kernel::Error::InvalidRequest`] for a key that is none.
pub(crate) fn idempotency_key(request: &ApiRequest) -> kernel::Result<Option<String>> {
    let Some(key) = request.header("idempotency-key") else { return Ok(None) };
    if (1..=255).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(Some(key.to_owned()));
    }
    Err(kernel::Error::invalid("Idempotency-Key", "须为 1 到 255 个可见的英文字符，请更换后重试"))
}
