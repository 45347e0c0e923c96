//! Why a medium cannot be used: what the user is told, and whether trying again may help.

use super::MAX_URL_LENGTH;

/// Bytes of the MB people are told about.
const MB: usize = 1024 * 1024;

/// What is wrong with a medium or its address. The English text is for logs and never quotes the address, which may be
/// signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MediaProblem {
    /// Not an absolute address as a person or program would write it.
    #[error("not an absolute URL")]
    NotAUrl,
    /// Longer than [`super::MAX_URL_LENGTH`].
    #[error("URL too long")]
    UrlTooLong,
    /// Another scheme, there or after a redirect.
    #[error("not https")]
    NotHttps,
    /// A user name or password in the address.
    #[error("credentials in the URL")]
    Credentials,
    /// Another port than that of https.
    #[error("forbidden port {0}")]
    ForbiddenPort(u16),
    /// The host is, or resolves to, something that is not public.
    #[error("address is not public")]
    ForbiddenAddress,
    /// Sent on and on.
    #[error("too many redirects")]
    TooManyRedirects,
    /// No such name, no connection, no valid certificate, or the connection broke.
    #[error("unreachable")]
    Unreachable,
    /// Not there in time.
    #[error("timed out")]
    TimedOut,
    /// Another status than 200.
    #[error("HTTP status {0}")]
    HttpStatus(u16),
    /// More bytes than allowed.
    #[error("larger than {limit} bytes")]
    TooLarge {
        /// Bytes allowed.
        limit: usize,
    },
    /// Fewer bytes than any medium has.
    #[error("empty")]
    Empty,
    /// Not a JPEG, PNG or MP4 video, whatever its name says.
    #[error("wrong type: {}", found.unwrap_or("unknown"))]
    WrongType {
        /// What the bytes are, as a media type, if that can be told.
        found: Option<&'static str>,
    },
    /// An image of too many pixels.
    #[error("{width}x{height} pixels, more than {limit}")]
    BadDimensions {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
        /// Pixels allowed in all.
        limit: u64,
    },
    /// An image whose decoding would exceed the publisher's memory.
    #[error("decoding needs {needed} bytes, more than {limit}")]
    TooMuchMemory {
        /// Bytes needed.
        needed: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// A video of too many seconds.
    #[error("{seconds} s long, more than {limit} s")]
    TooLong {
        /// Its length, rounded up.
        seconds: u64,
        /// Seconds allowed.
        limit: u64,
    },
    /// The file breaks off or contradicts itself, or is a video that does not tell its length.
    #[error("corrupt")]
    Corrupt,
}

impl MediaProblem {
    /// What happened and what to do about it, in Chinese.
    pub fn message(&self) -> String {
        let text = match self {
            Self::NotAUrl => "素材链接格式不正确，请填写以 https:// 开头的完整链接",
            Self::UrlTooLong => return format!("素材链接过长（最多 {MAX_URL_LENGTH} 个字符），请换用更短的链接"),
            Self::NotHttps => "素材链接必须以 https:// 开头（跳转后的地址也必须是），请更换链接",
            Self::Credentials => "素材链接中不能包含用户名或密码，请换用可公开访问的链接",
            Self::ForbiddenPort(_) => "素材链接只能使用 https 的默认端口 443，请更换链接",
            Self::ForbiddenAddress => "素材链接指向内网或无法公开访问的地址，请换用公网链接",
            Self::TooManyRedirects => "素材链接跳转次数过多，请填写素材的最终地址",
            Self::Unreachable => "无法下载素材，请确认链接可以公开访问后重试",
            Self::TimedOut => "下载素材超时，请稍后重试或换用访问更快的链接",
            Self::HttpStatus(status) => return status_message(*status),
            Self::TooLarge { limit } => return format!("素材超过 {} MB，请压缩后重新上传", limit / MB),
            Self::Empty => "素材内容为空，请重新上传",
            Self::WrongType { found: Some("text/html") } => {
                "链接打开的是网页而不是素材文件，请填写图片或视频文件本身的链接"
            }
            Self::WrongType { found } => {
                let found = found.map(|found| format!("（实际为 {found}）")).unwrap_or_default();
                return format!("素材格式不受支持{found}：图片仅支持 JPG、PNG，视频仅支持 MP4，请转换格式后重新上传");
            }
            Self::BadDimensions { width, height, limit } => {
                let limit = limit / 10_000;
                return format!("图片为 {width}×{height} 像素，超过 {limit} 万像素，请缩小后重新上传");
            }
            Self::TooMuchMemory { needed, limit } => {
                let (needed, limit) = (needed.div_ceil(MB as u64), limit / MB as u64);
                return format!(
                    "图片解码后约占 {needed} MB，超过 {limit} MB 的处理上限，请缩小尺寸或另存为普通 JPG 后重新上传"
                );
            }
            Self::TooLong { seconds, limit } => {
                return format!("视频长约 {seconds} 秒，超过 {limit} 秒的限制，请剪辑后重新上传");
            }
            Self::Corrupt => "素材文件不完整、已损坏或读不出时长，请重新导出并上传",
        };
        text.to_owned()
    }

    /// Whether the same address may serve the medium later.
    pub fn transient(&self) -> bool {
        match self {
            Self::Unreachable | Self::TimedOut => true,
            Self::HttpStatus(status) => passes(*status),
            _ => false,
        }
    }
}

/// Statuses by which a server says "not now": request timeout, too early, too many requests, and its own faults.
fn passes(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500..=599)
}

fn status_message(status: u16) -> String {
    match status {
        401 | 403 => format!("素材服务器拒绝访问（HTTP {status}），请确认链接可公开访问且没有过期"),
        404 | 410 => format!("素材不存在或已被删除（HTTP {status}），请检查链接"),
        status if passes(status) => format!("素材服务器暂时不可用（HTTP {status}），请稍后重试"),
        status => format!("素材服务器没有返回文件（HTTP {status}），请检查链接"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_is_chinese_and_says_what_to_do() {
        let problems = [
            MediaProblem::NotAUrl,
            MediaProblem::UrlTooLong,
            MediaProblem::NotHttps,
            MediaProblem::Credentials,
            MediaProblem::ForbiddenPort(22),
            MediaProblem::ForbiddenAddress,
            MediaProblem::TooManyRedirects,
            MediaProblem::Unreachable,
            MediaProblem::TimedOut,
            MediaProblem::HttpStatus(302),
            MediaProblem::HttpStatus(403),
            MediaProblem::HttpStatus(404),
            MediaProblem::HttpStatus(503),
            MediaProblem::TooLarge { limit: 10 * MB },
            MediaProblem::Empty,
            MediaProblem::WrongType { found: None },
            MediaProblem::WrongType { found: Some("image/webp") },
            MediaProblem::WrongType { found: Some("text/html") },
            MediaProblem::BadDimensions { width: 1, height: 2, limit: 1 },
            MediaProblem::TooMuchMemory { needed: 500, limit: 240 },
            MediaProblem::TooLong { seconds: 31, limit: 30 },
            MediaProblem::Corrupt,
        ];
        for problem in problems {
            let message = problem.message();
            assert!(message.contains('请') && message.contains('，'), "{message}");
        }
    }

    #[test]
    fn messages_name_the_numbers_that_matter() {
        for (problem, parts) in [
            (MediaProblem::TooLarge { limit: 10 * MB }, &["10 MB"][..]),
            (MediaProblem::UrlTooLong, &[MAX_URL_LENGTH.to_string().as_str()]),
            (MediaProblem::WrongType { found: Some("image/webp") }, &["image/webp", "MP4"]),
            (MediaProblem::BadDimensions { width: 8_001, height: 5_000, limit: 40_000_000 }, &["8001×5000", "4000 万"]),
            (
                MediaProblem::TooMuchMemory { needed: (363 * MB) as u64 + 1, limit: (240 * MB) as u64 },
                &["364 MB", "240 MB"],
            ),
            (MediaProblem::TooLong { seconds: 31, limit: 30 }, &["31 秒", "30 秒"]),
            (MediaProblem::HttpStatus(404), &["404"]),
        ] {
            for part in parts {
                assert!(problem.message().contains(part), "{} lacks {part}", problem.message());
            }
        }
    }

    #[test]
    fn only_what_may_pass_is_transient() {
        for (problem, transient) in [
            (MediaProblem::Unreachable, true),
            (MediaProblem::TimedOut, true),
            (MediaProblem::HttpStatus(429), true),
            (MediaProblem::HttpStatus(503), true),
            (MediaProblem::HttpStatus(404), false),
            (MediaProblem::ForbiddenAddress, false),
            (MediaProblem::TooManyRedirects, false),
            (MediaProblem::Corrupt, false),
        ] {
            assert_eq!(problem.transient(), transient, "{problem}");
        }
    }
}
