//! The root certificates that every TLS client of this process trusts, read once.
//!
//! They are the operating system's, so they are as fresh as it: Lambda renews the system below a managed runtime by
//! itself, and every start reads anew. No root is compiled in, where it would stay until somebody builds again.

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use rustls::{ClientConfig, RootCertStore};
use rustls_native_certs::{CertificateResult, load_certs_from_paths, load_native_certs};

use crate::config::{AWS, Env};
use crate::error::{Error, Result};

/// Where systems keep all their roots in one file: first Amazon Linux, which Lambda runs, then Debian. The directory
/// beside it repeats them as hundreds of files and links, which take 7 ms to read where the file takes 0.4 ms.
const BUNDLES: [&str; 2] = ["/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/certs/ca-certificates.crt"];

static ROOTS: LazyLock<Roots> = LazyLock::new(|| Roots::read(&Env::from_process(), &BUNDLES));

/// Certificates that can anchor a chain; others have been left out.
struct Roots {
    anchors: Arc<RootCertStore>,
}

/// TLS settings for one HTTP client: full verification against the roots, TLS 1.2 and 1.3, HTTP/1.1. The roots are
/// shared; the memory of sessions to resume is the client's own.
///
/// # Errors
/// [`Error::Unavailable`] when the machine has no root certificate.
pub(crate) fn client_config() -> Result<ClientConfig> {
    ROOTS.client_config()
}

impl Roots {
    /// What `SSL_CERT_FILE` and `SSL_CERT_DIR` name, and nothing else, if one of them is set: so a company's proxy or
    /// a local authority comes to be trusted. Otherwise the first of `bundles` that has any roots; otherwise wherever
    /// this kind of system keeps them.
    fn read(env: &Env, bundles: &[&str]) -> Self {
        let chosen: Vec<Source> = Source::of_environment(env).collect();
        let roots = if chosen.is_empty() {
            let bundles = bundles.iter().map(PathBuf::from).filter(|path| path.exists());
            let of_bundles = bundles.map(|path| Self::of([Source::File(path).load()]));
            let first = of_bundles.into_iter().find(|roots| !roots.anchors.is_empty());
            first.unwrap_or_else(|| Self::of([load_native_certs()]))
        } else {
            Self::of(chosen.into_iter().map(Source::load))
        };
        if roots.anchors.is_empty() {
            tracing::error!("there are no root certificates: no TLS connection can be opened");
        }
        roots
    }

    fn of(loaded: impl IntoIterator<Item = CertificateResult>) -> Self {
        let mut certificates = Vec::new();
        for part in loaded {
            for problem in part.errors {
                tracing::warn!(%problem, "root certificates could not be read");
            }
            certificates.extend(part.certs);
        }
        // A directory usually repeats the file.
        certificates.sort_unstable_by(|a, b| a.as_ref().cmp(b.as_ref()));
        certificates.dedup();
        let mut anchors = RootCertStore::empty();
        // A system's store may hold some that cannot be parsed.
        anchors.add_parsable_certificates(certificates);
        Self { anchors: Arc::new(anchors) }
    }

    fn client_config(&self) -> Result<ClientConfig> {
        if self.anchors.is_empty() {
            return Err(Error::Unavailable("trust store"));
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.map_err(|_| Error::Unavailable("tls provider"))?;
        let mut config = builder.with_root_certificates(Arc::clone(&self.anchors)).with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

/// Something to read certificates from.
enum Source {
    File(PathBuf),
    Directory(PathBuf),
}

impl Source {
    fn of_environment(env: &Env) -> impl Iterator<Item = Self> {
        let value = |name| AWS.of(env).optional(name).ok().flatten();
        let file = value("SSL_CERT_FILE").map(|path| Self::File(path.into()));
        let directories = value("SSL_CERT_DIR").unwrap_or_default();
        let directories: Vec<PathBuf> = std::env::split_paths(&directories).collect();
        let directories = directories.into_iter().filter(|path| path != Path::new(""));
        file.into_iter().chain(directories.map(Self::Directory))
    }

    fn load(self) -> CertificateResult {
        match self {
            Self::File(path) => load_certs_from_paths(Some(&path), None),
            Self::Directory(path) => load_certs_from_paths(None, Some(&path)),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
