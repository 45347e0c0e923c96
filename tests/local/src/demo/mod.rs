//! stub
pub(crate) async fn play(_record: &crate::record::Record) -> anyhow::Result<()> { Ok(()) }
