//! The media of one post together: first their addresses, without a network; then what they turned out to be.

use kernel::FieldProblem;

use super::fetcher::MediaFetcher;
use super::medium::MediaKind;
use super::problem::MediaProblem;
use crate::rules::MAX_IMAGES;

const FIELD: &str = "mediaUrls";

impl MediaFetcher {
    /// What can be said against these addresses without asking anybody. The same address twice is fine: a post may
    /// show an image twice.
    pub fn plausible(&self, urls: &[String]) -> Vec<FieldProblem> {
        let mut problems = too_many(urls.len());
        for (index, url) in urls.iter().enumerate() {
            if let Err(problem) = self.judge().written(url) {
                problems.push(FieldProblem::new(path(index), MediaProblem::from(problem).message()));
            }
        }
        problems
    }
}

/// What can be said against these media as one post, in the order of their addresses: at most nine images, or one
/// video and nothing else. Takes media or only their kinds, so that nobody has to hold the bytes of all.
pub fn check_set<M: AsRef<MediaKind>>(media: &[M]) -> Vec<FieldProblem> {
    let is_video = |medium: &M| matches!(medium.as_ref(), MediaKind::Video { .. });
    let videos: Vec<usize> = (0..).zip(media).filter(|(_, medium)| is_video(medium)).map(|(index, _)| index).collect();
    let (problem, superfluous) = match (videos.len(), media.len() - videos.len()) {
        (0, images) => return too_many(images),
        (_, 1..) => {
            (format!("图片和视频不能一起发布，请只保留图片（最多 {MAX_IMAGES} 张）或只保留 1 个视频"), &videos[..])
        }
        (..) => ("一次只能发布 1 个视频，请移除多余的视频".to_owned(), videos.get(1..).unwrap_or_default()),
    };
    superfluous.iter().map(|index| FieldProblem::new(path(*index), &problem)).collect()
}

fn too_many(count: usize) -> Vec<FieldProblem> {
    if count <= MAX_IMAGES {
        return Vec::new();
    }
    vec![FieldProblem::new(FIELD, format!("共 {count} 个素材：最多 {MAX_IMAGES} 张图片或 1 个视频，请减少"))]
}

fn path(index: usize) -> String {
    format!("{FIELD}[{index}]")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::MediaSettings;
    use crate::media::ImageFormat;

    const IMAGE: MediaKind = MediaKind::Image { format: ImageFormat::Png, width: 1, height: 1 };
    const VIDEO: MediaKind = MediaKind::Video { duration: Duration::from_secs(1) };

    fn paths(problems: Vec<FieldProblem>) -> Vec<String> {
        problems.into_iter().map(|problem| problem.path).collect()
    }

    #[test]
    fn media_set_is_nine_images_or_one_video() {
        for (media, expected) in [
            (vec![], &[][..]),
            (vec![IMAGE], &[]),
            (vec![IMAGE; 9], &[]),
            (vec![VIDEO], &[]),
            (vec![IMAGE; 10], &["mediaUrls"]),
            (vec![IMAGE, VIDEO], &["mediaUrls[1]"]),
            (vec![VIDEO, IMAGE, VIDEO], &["mediaUrls[0]", "mediaUrls[2]"]),
            (vec![VIDEO, VIDEO, VIDEO], &["mediaUrls[1]", "mediaUrls[2]"]),
        ] {
            assert_eq!(paths(check_set(&media)), expected, "{media:?}");
        }
    }

    #[test]
    fn media_set_addresses_are_checked_without_a_network() {
        let fetcher =
            MediaFetcher::with_settings(MediaSettings { timeout: Duration::from_secs(1), trusted: Vec::new() });
        let plausible = |urls: &[&str]| {
            let urls: Vec<String> = urls.iter().map(ToString::to_string).collect();
            paths(fetcher.plausible(&urls))
        };
        let fine = "https://cdn.example.com/a.jpg";
        assert!(plausible(&[]).is_empty());
        assert!(plausible(&[fine; 9]).is_empty());
        assert_eq!(plausible(&[fine; 10]), ["mediaUrls"]);
        assert_eq!(plausible(&[fine, "http://a.cn/", fine, "https://127.0.0.1/"]), ["mediaUrls[1]", "mediaUrls[3]"]);
        assert!(fetcher.plausible(&[String::new()])[0].problem.contains("https://"));
    }
}
