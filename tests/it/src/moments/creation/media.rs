//! Media that no provider takes: too many, too large, too long, and everything that is not what its name says.

use anyhow::{Result, ensure};
use sandbox::media::{Delivery, MediaFile, SampleMedium};
use serde_json::{Value, json};

use crate::World;
use crate::moments::bad_input::{CONTENT, Desk, USER};

const MB: usize = 1024 * 1024;

fn text(text: &str) -> SampleMedium {
    SampleMedium::new(MediaFile::Text { text: text.to_owned() }).declared("image/jpeg")
}

/// A file as a program of the public made it.
macro_rules! file {
    ($name:literal) => {
        MediaFile::of_bytes(include_bytes!(concat!("../../../media/", $name)))
    };
}

#[tokio::test]
async fn creation_with_an_invalid_media_set_is_refused() -> Result<()> {
    let desk = Desk::open().await?;
    let media = desk.world.sandbox.media();
    let image = media.put_file("a.jpg", MediaFile::jpeg(800, 600));
    let other = media.put_file("b.png", MediaFile::png(800, 600));
    let video = media.put_file("v.mp4", MediaFile::mp4(10_000));
    let second = media.put_file("w.mp4", MediaFile::mp4(5_000));
    let mixed = "图片和视频不能一起发布，请";
    let cases: Vec<(&str, Value, &[&str], &str)> = vec![
        ("ten images", json!(vec![&image; 10]), &["mediaUrls"], "最多 9 张图片或 1 个视频，请减少"),
        ("ten addresses of whatever", json!(vec!["https://a.cn/"; 10]), &["mediaUrls"], "最多 9 张图片"),
        ("an image and a video", json!([image, video]), &["mediaUrls[1]"], mixed),
        ("a video and images", json!([video, image, other]), &["mediaUrls[0]"], mixed),
        ("two videos", json!([video, second]), &["mediaUrls[1]"], "只能发布 1 个视频，请移除"),
        ("the same video twice", json!([video, video]), &["mediaUrls[1]"], "只能发布 1 个视频，请移除"),
    ];
    for (what, urls, fields, remedy) in cases {
        desk.refuses(what, &desk.post(json!({"mediaUrls": urls}))?, &CONTENT.on(fields), remedy).await?;
    }
    Ok(())
}

#[tokio::test]
async fn creation_with_files_of_another_kind_names_the_kind() -> Result<()> {
    let desk = Desk::open().await?;
    let media = desk.world.sandbox.media();
    let good = media.put_file("good.jpg", MediaFile::jpeg(80, 80));
    let large = |file: MediaFile| SampleMedium::new(file.sized(10 * MB + 1));
    let chunked = large(MediaFile::jpeg(80, 80)).delivered(Delivery::Chunked);
    let cases: Vec<(&str, SampleMedium, &str)> = vec![
        (
            "a video of too many seconds",
            SampleMedium::new(MediaFile::mp4(31_640)),
            "视频长约 31.6 秒，超过 30 秒的限制，请剪辑",
        ),
        ("a video of too many bytes", large(MediaFile::mp4(10_000)), "素材超过 10 MB，请压缩"),
        ("an image of too many bytes", large(MediaFile::jpeg(80, 80)), "素材超过 10 MB，请压缩"),
        ("one that does not say so", chunked, "素材超过 10 MB，请压缩"),
        (
            "an image of too many pixels",
            SampleMedium::new(MediaFile::jpeg(8_001, 5_000)),
            "8001×5000 像素，超过 4000 万像素",
        ),
        (
            "an image of few bytes that becomes half a gigabyte",
            SampleMedium::new(file!("big-rgba16.png")),
            "图片解码后约占 456 MB，超过 240 MB 的处理上限，请缩小尺寸或另存为普通 JPG 后重新上传",
        ),
        (
            "half an image with an end",
            SampleMedium::new(file!("cut-half-with-eoi-2000.jpg")),
            "图片数据已损坏，只能显示出一部分，请重新导出并上传",
        ),
        ("a PDF", text("%PDF-1.7\n1 0 obj\n"), "application/pdf"),
        ("a GIF", text("GIF89a\u{1}\u{0}\u{1}\u{0}\u{0}\u{0}\u{0};"), "image/gif"),
        ("a WebP", text("RIFF\u{10}\u{0}\u{0}\u{0}WEBPVP8 \u{0}\u{0}\u{0}\u{0}"), "image/webp"),
        ("a drawing", text("<svg xmlns='http://www.w3.org/2000/svg'/>"), "请转换格式"),
        ("a page", SampleMedium::html_as_image(), "链接打开的是网页"),
        ("an answer of some API", text(r#"{"error":"expired"}"#), "请转换格式"),
        ("nothing", text(""), "素材内容为空，请重新上传"),
        (
            "half an image",
            SampleMedium::new(MediaFile::jpeg(80, 80)).delivered(Delivery::Truncated { bytes: 200 }),
            "请",
        ),
        ("what is not there", SampleMedium::status(404), "素材不存在或已被删除（HTTP 404），请检查链接"),
        ("what is gone", SampleMedium::status(410), "HTTP 410"),
        ("what must not be seen", SampleMedium::status(403), "拒绝访问（HTTP 403），请确认链接可公开访问"),
        ("a broken server", SampleMedium::status(500), "暂时不可用（HTTP 500），请稍后重试"),
        ("an answer without content", SampleMedium::status(204), "请检查链接"),
        ("a connection that ends", SampleMedium::status(200).delivered(Delivery::Dropped), "无法下载素材，请确认"),
    ];
    for (number, (what, exhibit, remedy)) in cases.into_iter().enumerate() {
        let url = media.put(&format!("{number}.jpg"), exhibit);
        let alone = desk.post(json!({"mediaUrls": [url]}))?;
        desk.refuses(what, &alone, &CONTENT.on(&["mediaUrls[0]"]), remedy).await?;
        let among = desk.post(json!({"text": null, "mediaUrls": [good, url]}))?;
        desk.refuses(what, &among, &CONTENT.on(&["mediaUrls[1]"]), remedy).await?;
    }
    Ok(())
}

#[tokio::test]
async fn creation_with_media_without_end_is_refused() -> Result<()> {
    let desk = Desk::open().await?;
    let exhibit = SampleMedium::new(MediaFile::jpeg(800, 600)).delivered(Delivery::Endless);
    let event = desk.post(json!({"mediaUrls": [desk.world.sandbox.media().put("endless.jpg", exhibit)]}))?;
    desk.refuses("endless", &event, &CONTENT.on(&["mediaUrls[0]"]), "素材超过 10 MB，请压缩").await
}

#[tokio::test]
async fn creation_with_a_slow_media_server_is_refused_in_time() -> Result<()> {
    let mut world = World::start().await?;
    world.set("MEDIA_TIMEOUT_SECONDS", "1");
    let desk = Desk::in_world(world).await?;
    let media = desk.world.sandbox.media();
    let jpeg = || SampleMedium::new(MediaFile::jpeg(800, 600));
    let drip = Delivery::Drip { bytes: 1, milliseconds: 200 };
    let slow = media.put("slow.jpg", jpeg().delivered(drip));
    let silent = media.put("silent.jpg", jpeg().delivered(Delivery::Silent));
    let all: Vec<String> = (0..9).map(|index| format!("mediaUrls[{index}]")).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    // Several are waited for at once: nine of them one by one would take nine seconds, and the machine its time.
    for (what, urls) in [("slow", vec![slow]), ("silent", vec![silent.clone()]), ("nine of them", vec![silent; 9])] {
        let fields = &all[..urls.len()];
        let event = desk.post(json!({ "mediaUrls": urls }))?;
        let begun = std::time::Instant::now();
        desk.refuses(what, &event, &CONTENT.on(fields), "下载素材超时，请稍后重试").await?;
        ensure!(begun.elapsed().as_secs() < 8, "{what}: {:?}", begun.elapsed());
    }
    Ok(())
}

#[tokio::test]
async fn creation_with_media_at_the_limits_is_published() -> Result<()> {
    let desk = Desk::open().await?;
    let member = desk.world.connect_corp(USER, "花店", &["lily"]).await?.remove(0);
    let accounts = json!([desk.device, member]);
    let media = desk.world.sandbox.media();
    let image = |name: &str| media.put_file(name, MediaFile::jpeg(800, 600));
    let nine: Vec<String> = (1..=9).map(|number| image(&format!("{number}.jpg"))).collect();
    let cases: Vec<(&str, Value, usize)> = vec![
        ("nine images", json!(nine), 9),
        ("the same image twice", json!([nine[0], nine[0]]), 2),
        (
            "an image as large as it may be",
            json!([media.put_file("big.jpg", MediaFile::jpeg(80, 80).sized(10 * MB))]),
            1,
        ),
        ("an image as long as it may be", json!([media.put_file("long.png", MediaFile::png(1_080, 10_800))]), 1),
        ("a video as long as it may be", json!([media.put_file("long.mp4", MediaFile::mp4(30_000))]), 1),
        ("an image under another name", json!([media.put_file("download", MediaFile::jpeg(80, 80))]), 1),
        (
            "one declared as something else",
            json!([media.put("x", SampleMedium::new(MediaFile::png(80, 80)).declared("text/html"))]),
            1,
        ),
        ("one behind a redirect", json!([media.put("short", SampleMedium::redirect(&nine[0]))]), 1),
    ];
    for (what, urls, count) in cases {
        let changes = json!({"text": null, "mediaUrls": urls, "accountIds": accounts});
        desk.grants(what, &desk.post(changes)?).await?;
        desk.world.drain_publications().await?;
        let posted = desk.world.sandbox.gewe().posts_of("phone").pop();
        ensure!(posted.as_ref().is_some_and(|post| post.media == count), "{what}: {posted:?} at the gateway");
        let asked = desk.world.sandbox.wecom().moment_tasks().pop();
        ensure!(asked.as_ref().is_some_and(|moment| moment.media == count), "{what}: {asked:?} at WeCom");
        // One more of the company's creations a minute than this would have to wait.
        desk.world.advance(std::time::Duration::from_secs(60));
    }
    Ok(())
}

#[tokio::test]
async fn creation_with_media_of_common_programs_is_published() -> Result<()> {
    let desk = Desk::open().await?;
    let member = desk.world.connect_corp(USER, "花店", &["lily"]).await?.remove(0);
    let accounts = json!([desk.device, member]);
    for (name, file) in [
        ("an image without its end marker", file!("noeoi-2000.jpg")),
        ("a progressive image", file!("progressive.jpg")),
        ("an image for printers", file!("cmyk.jpg")),
        ("an image in seven passes", file!("interlaced.png")),
        ("an animated image", file!("animated.png")),
        ("a palette with transparency", file!("palette-trns-2000.png")),
        ("a video of a camera's own brand", file!("brand-XAVC.mp4")),
        ("a video in fragments", file!("frag-obs.mp4")),
        ("a video whose header knows no length", file!("mvhd-ffffffff.mp4")),
        ("900 frames of 30000/1001 a second", file!("len-30.03.mp4")),
    ] {
        let url = desk.world.sandbox.media().put_file(&name.replace([' ', '/'], "-"), file);
        let changes = json!({"text": name, "mediaUrls": [url], "accountIds": accounts});
        desk.grants(name, &desk.post(changes)?).await?;
        desk.world.drain_publications().await?;
        let posted = desk.world.sandbox.gewe().posts_of("phone").pop();
        ensure!(posted.as_ref().is_some_and(|post| post.text == name && post.media == 1), "{name}: {posted:?}");
        let asked = desk.world.sandbox.wecom().moment_tasks().pop();
        let hash = sandbox::text_hash(name);
        ensure!(
            asked.as_ref().is_some_and(|moment| moment.text_hash == hash && moment.media == 1),
            "{name}: {asked:?}"
        );
        // One more of the company's creations a minute than this would have to wait.
        desk.world.advance(std::time::Duration::from_secs(60));
    }
    Ok(())
}

#[tokio::test]
async fn creation_of_a_personal_video_without_a_cover_is_refused() -> Result<()> {
    let mut world = World::start().await?;
    world.set("GATEWAY_VIDEO_COVER_URL", "");
    let mut desk = Desk::in_world(world).await?;
    let member = desk.world.connect_corp(USER, "花店", &["lily"]).await?.remove(0);
    desk.settle().await?;
    let video = desk.world.sandbox.media().put_file("v.mp4", MediaFile::mp4(10_000));
    let changes = json!({"mediaUrls": [video], "accountIds": [member, desk.device]});
    let remedy = "个人号暂不支持发布视频，请改用图片，或只选择企业微信账号";
    desk.refuses("a video for both", &desk.post(changes)?, &CONTENT.on(&["mediaUrls[0]"]), remedy).await?;
    desk.grants("for the company", &desk.post(json!({"mediaUrls": [video], "accountIds": [member]}))?).await?;
    Ok(())
}
