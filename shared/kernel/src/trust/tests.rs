use std::fs;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;

/// A certificate authority of a test.
pub(crate) struct Authority {
    certificate: rcgen::Certificate,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.self_signed(&key).unwrap();
        Self { certificate, issuer: Issuer::new(parameters, key) }
    }

    pub(crate) fn pem(&self) -> String {
        self.certificate.pem()
    }

    /// The settings of who trusts this authority alone.
    pub(crate) fn trusted(&self) -> Result<ClientConfig> {
        let mut anchors = RootCertStore::empty();
        anchors.add(self.certificate.der().clone()).unwrap();
        Roots { anchors: Arc::new(anchors) }.client_config()
    }

    /// Serves an empty JSON object by TLS, with a certificate of this authority for `name`. The port.
    pub(crate) async fn serve(&self, name: &str) -> u16 {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, &self.issuer).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let chain = vec![certificate.der().clone()];
        let key = key.serialize_der().try_into().unwrap();
        let config = builder.unwrap().with_no_client_auth().with_single_cert(chain, key).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                // A client that does not trust us hangs up.
                let Ok(mut connection) = acceptor.accept(connection).await else { continue };
                let mut request = [0; 4_096];
                let _length = connection.read(&mut request).await;
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
                let _sent = connection.write_all(answer).await;
                let _closed = connection.shutdown().await;
            }
        });
        port
    }
}

/// A file of its own for each test; it stays below the system's directory for such files.
fn file(name: &str, text: &str) -> String {
    let path = std::env::temp_dir().join(format!("kernel-trust-{}-{name}", std::process::id()));
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn env(variables: &[(&str, &str)]) -> Env {
    variables.iter().copied().collect()
}

fn count(roots: &Roots) -> usize {
    roots.anchors.len()
}

#[test]
fn trust_reads_the_first_bundle_with_roots_and_no_other() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let first = file("first", &ours.pem());
    let second = file("second", &(theirs.pem() + &Authority::new().pem()));
    let empty = file("empty", "# no certificate\n");
    let nowhere = "/nowhere/bundle.crt";

    for (bundles, expected) in
        [(vec![first.as_str(), &second], 1), (vec![&second, &first], 2), (vec![nowhere, &empty, &second], 2)]
    {
        assert_eq!(count(&Roots::read(&env(&[]), &bundles)), expected, "{bundles:?}");
    }
}

#[test]
fn trust_without_a_bundle_finds_the_roots_of_the_system() {
    assert!(count(&Roots::read(&env(&[]), &["/nowhere/bundle.crt"])) > 1);
    assert!(count(&ROOTS) > 1, "{} certificates", count(&ROOTS));
}

#[test]
fn trust_with_a_named_file_trusts_that_and_nothing_else() {
    let bundle = file("bundle", &(Authority::new().pem() + &Authority::new().pem() + &Authority::new().pem()));
    let chosen = Authority::new();
    let chosen_file = file("chosen", &chosen.pem());
    let directory = std::env::temp_dir().join(format!("kernel-trust-{}-directory", std::process::id()));
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join("again.pem"), chosen.pem()).unwrap();
    fs::write(directory.join("other.pem"), Authority::new().pem()).unwrap();
    let directory = directory.to_str().unwrap();

    for (variables, expected) in [
        (vec![("SSL_CERT_FILE", chosen_file.as_str())], 1),
        (vec![("SSL_CERT_DIR", directory)], 2),
        (vec![("SSL_CERT_FILE", &chosen_file), ("SSL_CERT_DIR", directory)], 2),
        (vec![("SSL_CERT_FILE", ""), ("SSL_CERT_DIR", "")], 3),
        // A slip must not open the door to everything the system trusts.
        (vec![("SSL_CERT_FILE", "/nowhere/chosen.pem")], 0),
    ] {
        assert_eq!(count(&Roots::read(&env(&variables), &[&bundle])), expected, "{variables:?}");
    }
}

#[test]
fn trust_leaves_out_certificates_that_cannot_be_parsed() {
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let roots = Roots::read(&env(&[]), &[&file("broken", &format!("{broken}{}{broken}", Authority::new().pem()))]);
    assert_eq!(count(&roots), 1);
}

#[test]
fn trust_without_roots_makes_no_client() {
    let none = Roots::read(&env(&[("SSL_CERT_FILE", &file("none", ""))]), &[]);
    assert!(matches!(none.client_config(), Err(Error::Unavailable("trust store"))));
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "a client with roots of its own")]
async fn trust_accepts_only_a_certificate_of_a_root_for_the_name() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let roots = Roots::read(&env(&[("SSL_CERT_FILE", &file("ours", &ours.pem()))]), &[]);
    let client = reqwest::Client::builder().no_proxy().tls_backend_preconfigured(roots.client_config().unwrap());
    let client = client.build().unwrap();

    for (port, is_trusted) in [
        (ours.serve("localhost").await, true),
        (ours.serve("elsewhere.example").await, false),
        (theirs.serve("localhost").await, false),
    ] {
        let answer = client.get(format!("https://localhost:{port}")).send().await;
        assert_eq!(answer.is_ok(), is_trusted, "{answer:?}");
        assert!(is_trusted || answer.unwrap_err().is_connect());
    }
}
