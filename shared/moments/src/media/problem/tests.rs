use super::*;

#[test]
fn media_problem_message_is_chinese_and_says_what_to_do() {
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
        MediaProblem::SideTooLong { width: 70_000, height: 2, limit: 65_535 },
        MediaProblem::TooLong { length: Duration::from_millis(31_640), limit: Duration::from_secs(30) },
        MediaProblem::UnknownLength,
        MediaProblem::BlankInUrl,
        MediaProblem::UnsupportedJpeg(JpegCoding::DeepColour),
        MediaProblem::UnsupportedJpeg(JpegCoding::Arithmetic),
        MediaProblem::UnsupportedJpeg(JpegCoding::LosslessOrHierarchical),
        MediaProblem::Changed,
        MediaProblem::NotStored,
        MediaProblem::StorageUnavailable,
        MediaProblem::Corrupt(Fault::CutOff),
        MediaProblem::Corrupt(Fault::Structure),
        MediaProblem::Corrupt(Fault::ImageData),
        MediaProblem::Corrupt(Fault::NoMovie),
    ];
    for problem in problems {
        let message = problem.message();
        assert!(message.contains('请') && message.contains('，'), "{message}");
    }
}

#[test]
fn media_problem_message_names_the_limits() {
    for (problem, parts) in [
        (MediaProblem::TooLarge { limit: 10 * MB }, &["10 MB"][..]),
        (MediaProblem::UrlTooLong, &[MAX_URL_LENGTH.to_string().as_str()]),
        (MediaProblem::WrongType { found: Some("image/webp") }, &["image/webp", "MP4"]),
        (MediaProblem::BadDimensions { width: 8_001, height: 5_000, limit: 40_000_000 }, &["8001×5000", "4000 万"]),
        (
            MediaProblem::TooMuchMemory { needed: (363 * MB) as u64 + 1, limit: (240 * MB) as u64 },
            &["364 MB", "240 MB"],
        ),
        (
            MediaProblem::TooLong { length: Duration::from_millis(31_640), limit: Duration::from_secs(30) },
            &["31.6 秒", "30 秒"],
        ),
        (MediaProblem::HttpStatus(404), &["404"]),
    ] {
        for part in parts {
            assert!(problem.message().contains(part), "{} lacks {part}", problem.message());
        }
    }
}

#[test]
fn media_problem_is_transient_only_if_it_may_pass() {
    for (problem, transient) in [
        (MediaProblem::Unreachable, true),
        (MediaProblem::TimedOut, true),
        (MediaProblem::HttpStatus(429), true),
        (MediaProblem::HttpStatus(503), true),
        (MediaProblem::HttpStatus(404), false),
        (MediaProblem::ForbiddenAddress, false),
        (MediaProblem::TooManyRedirects, false),
        (MediaProblem::Corrupt(Fault::CutOff), false),
    ] {
        assert_eq!(problem.transient(), transient, "{problem}");
    }
}
