//! The header `Idempotency-Key`.

use super::ApiRequest;

/// Characters of a key.
pub(crate) const MAX_KEY: usize = 255;

/// The caller's key: up to 255 printable characters. One that is something else is refused, because a caller who is
/// not answered relies on it: overlooked, it would be done twice.
///
/// # Errors
/// [`kernel::Error::InvalidRequest`] for a key that is none.
pub(crate) fn idempotency_key(request: &ApiRequest) -> kernel::Result<Option<String>> {
    let Some(key) = request.header("idempotency-key") else { return Ok(None) };
    if (1..=MAX_KEY).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(Some(key.to_owned()));
    }
    Err(kernel::Error::invalid("Idempotency-Key", format!("须为 1 到 {MAX_KEY} 个可见的英文字符，请更换后重试")))
}
