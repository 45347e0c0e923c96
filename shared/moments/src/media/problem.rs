//! Why a medium cannot be used: what the user is told, and whether trying again may help.

use std::time::Duration;

use kernel::public_http::{AddressProblem, MAX_URL_LENGTH};

/// Bytes of the MB people are told about.
const MB: usize = 1024 * 1024;

/// What is wrong with a medium or its address. The English text is for logs and never quotes the address, which may be
/// signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MediaProblem {
    /// Not an absolute address as a person or program would write it.
    #[error("not an absolute URL")]
    NotAUrl,
    /// A blank or a line break within the address.
    #[error("blank in the URL")]
    BlankInUrl,
    /// Longer than [`MAX_URL_LENGTH`].
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
    /// An image so long and narrow that scaling it would take more memory than its pixels do.
    #[error("{width}x{height} pixels, a side of more than {limit}")]
    SideTooLong {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
        /// Pixels allowed on a side.
        limit: u32,
    },
    /// A video that plays too long.
    #[error("{length:?} long, more than {limit:?}")]
    TooLong { length: Duration, limit: Duration },
    /// A video of which no header and no fragment tells how long it plays.
    #[error("unknown length")]
    UnknownLength,
    /// A JPEG that nobody but its maker shows.
    #[error("unsupported JPEG coding: {0:?}")]
    UnsupportedJpeg(JpegCoding),
    /// The file breaks off or is damaged.
    #[error("corrupt: {0:?}")]
    Corrupt(Fault),
    /// At its address is something else than was judged when its task was made.
    #[error("changed since it was judged")]
    Changed,
    /// The bucket does not hold what was judged.
    #[error("not stored")]
    NotStored,
    /// Whether the bucket holds it cannot be told now.
    #[error("storage unavailable")]
    StorageUnavailable,
}

/// Where a file is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It ends before what it announces.
    CutOff,
    /// Its headers contradict themselves or each other.
    Structure,
    /// The data of the picture itself: a part of it would be grey or wrong.
    ImageData,
    /// A video without the box that says what is in it.
    NoMovie,
}

/// Codings of JPEG that browsers, phones and WeChat do not show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JpegCoding {
    /// More than eight bits for each sample.
    DeepColour,
    /// Arithmetic in place of Huffman codes.
    Arithmetic,
    /// Without loss, or in layers of several sizes.
    LosslessOrHierarchical,
}

impl From<AddressProblem> for MediaProblem {
    fn from(problem: AddressProblem) -> Self {
        match problem {
            AddressProblem::NotAUrl => Self::NotAUrl,
            AddressProblem::BlankInUrl => Self::BlankInUrl,
            AddressProblem::UrlTooLong => Self::UrlTooLong,
            AddressProblem::NotHttps => Self::NotHttps,
            AddressProblem::Credentials => Self::Credentials,
            AddressProblem::ForbiddenPort(port) => Self::ForbiddenPort(port),
            AddressProblem::NotPublic => Self::ForbiddenAddress,
        }
    }
}

impl MediaProblem {
    /// What happened and what to do about it, in Chinese.
    pub fn message(&self) -> String {
        let text = match self {
            Self::NotAUrl => "素材链接格式不正确，请填写以 https:// 开头的完整链接",
            Self::BlankInUrl => "素材链接中间有空格或换行，格式不正确，请填写以 https:// 开头的完整链接",
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
                let found = found.map(|found| format!("（实际为{}）", kind_name(found))).unwrap_or_default();
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
            Self::SideTooLong { width, height, limit } => {
                return format!("图片为 {width}×{height} 像素，单边超过 {limit} 像素，请裁剪后重新上传");
            }
            Self::TooLong { length, limit } => {
                let (length, limit) = (length.as_secs_f64(), limit.as_secs());
                return format!("视频长约 {length:.1} 秒，超过 {limit} 秒的限制，请剪辑后重新上传");
            }
            Self::UnknownLength => "读不出视频时长，请用剪辑软件重新导出为 MP4 后上传",
            Self::UnsupportedJpeg(coding) => {
                let coding = match coding {
                    JpegCoding::DeepColour => "每色超过 8 位",
                    JpegCoding::Arithmetic => "算术编码",
                    JpegCoding::LosslessOrHierarchical => "无损或分层编码",
                };
                return format!("图片是特殊的 JPG（{coding}），微信无法显示，请另存为普通 JPG 后重新上传");
            }
            Self::Changed => "素材链接的内容在创建任务后被更换，与审核时的不一致，没有内容被发出，请确认素材",
            Self::NotStored => "创建任务时保存的素材已被删除，请重新上传",
            Self::StorageUnavailable => "素材存储暂时不可用，请稍后重试",
            Self::Corrupt(Fault::CutOff) => "素材文件不完整（缺少末尾部分），请重新导出并上传",
            Self::Corrupt(Fault::Structure) => "素材文件已损坏（文件结构有误），请重新导出并上传",
            Self::Corrupt(Fault::ImageData) => "图片数据已损坏，只能显示出一部分，请重新导出并上传",
            Self::Corrupt(Fault::NoMovie) => {
                "视频缺少索引信息，可能没有录制完成或只是流媒体片段，请重新导出为完整的 MP4 并上传"
            }
        };
        text.to_owned()
    }

    /// Whether the address serves something, and it is that which is wrong.
    pub fn is_about_content(&self) -> bool {
        match self {
            Self::TooLarge { .. }
            | Self::Empty
            | Self::WrongType { .. }
            | Self::BadDimensions { .. }
            | Self::TooMuchMemory { .. }
            | Self::SideTooLong { .. }
            | Self::TooLong { .. }
            | Self::UnknownLength
            | Self::UnsupportedJpeg(_)
            | Self::Corrupt(_)
            | Self::Changed => true,
            Self::NotAUrl
            | Self::BlankInUrl
            | Self::UrlTooLong
            | Self::NotHttps
            | Self::Credentials
            | Self::ForbiddenPort(_)
            | Self::ForbiddenAddress
            | Self::TooManyRedirects
            | Self::Unreachable
            | Self::TimedOut
            | Self::HttpStatus(_)
            | Self::NotStored
            | Self::StorageUnavailable => false,
        }
    }

    /// Whether the same address may serve the medium later.
    pub fn transient(&self) -> bool {
        match self {
            Self::Unreachable | Self::TimedOut | Self::StorageUnavailable => true,
            Self::HttpStatus(status) => is_transient(*status),
            _ => false,
        }
    }
}

/// Statuses by which a server says "not now": request timeout, too early, too many requests, and its own faults.
fn is_transient(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500..=599)
}

/// A media type as people know it, and as programs write it.
fn kind_name(found: &str) -> String {
    let name = match found {
        "image/gif" => "GIF 动图",
        "image/webp" => "WebP 图片",
        "image/bmp" => "BMP 图片",
        "image/tiff" => "TIFF 图片",
        "image/svg+xml" => "SVG 矢量图",
        "image/heif" => "HEIC 图片",
        "image/avif" => "AVIF 图片",
        "video/quicktime" => "QuickTime（MOV）视频",
        "video/x-msvideo" => "AVI 视频",
        "video/webm" => "WebM 视频",
        "video/x-matroska" => "MKV 视频",
        "video/x-flv" => "FLV 视频",
        "audio/mp4" => "M4A 音频",
        "text/xml" => "一段 XML 文字，可能是存储服务的提示",
        "text/plain" => "一段文字，可能是对方接口的提示",
        _ => return format!(" {found}"),
    };
    format!(" {name}，{found}")
}

fn status_message(status: u16) -> String {
    match status {
        401 | 403 => format!("素材服务器拒绝访问（HTTP {status}），请确认链接可公开访问且没有过期"),
        404 | 410 => format!("素材不存在或已被删除（HTTP {status}），请检查链接"),
        status if is_transient(status) => format!("素材服务器暂时不可用（HTTP {status}），请稍后重试"),
        status => format!("素材服务器没有返回文件（HTTP {status}），请检查链接"),
    }
}

#[cfg(test)]
mod tests;
