//! TLS before the emulated AWS, which has none: an authority of this run, and an address for each service as AWS has.

use std::fs;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// Where systems keep their roots.
const BUNDLES: [&str; 2] = ["/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/certs/ca-certificates.crt"];

/// See the module. It ends with this value.
pub(super) struct Fronts {
    /// The authority's certificate alone.
    pub authority: PathBuf,
    /// The system's bundle with the authority's certificate added: as much to parse as in production.
    pub bundle: PathBuf,
    /// For `AWS_ENDPOINT_URL_DYNAMODB` and so on.
    pub endpoints: Vec<(String, String)>,
    _servers: JoinSet<()>,
}

impl Fronts {
    /// In front of the plain HTTP at `address`.
    pub(super) async fn before(address: &str) -> Result<Self> {
        let mut parameters = CertificateParams::new(Vec::new())?;
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Without a name of its own OpenSSL takes what it signs for self-signed.
        parameters.distinguished_name.push(DnType::CommonName, "authority of a benchmark");
        let key = KeyPair::generate()?;
        let authority = parameters.self_signed(&key)?;
        let config = Arc::new(server(&Issuer::new(parameters, key))?);
        let directory = local::paths::workspace().join("target/bench/tls");
        fs::create_dir_all(&directory)?;
        let systems = BUNDLES.iter().find_map(|path| fs::read_to_string(path).ok());
        let systems = systems.context("this system has no bundle of root certificates")?;
        let write = |name: &str, text: String| {
            let path = directory.join(name);
            fs::write(&path, text).map(|()| path)
        };
        let bundle = write("bundle.pem", format!("{systems}\n{}", authority.pem()))?;
        let authority = write("authority.pem", authority.pem())?;
        let (mut endpoints, mut servers) = (Vec::new(), JoinSet::new());
        for service in ["DYNAMODB", "SQS", "SECRETS_MANAGER"] {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            let url = format!("https://localhost:{}", listener.local_addr()?.port());
            endpoints.push((format!("AWS_ENDPOINT_URL_{service}"), url));
            servers.spawn(serve(listener, TlsAcceptor::from(Arc::clone(&config)), address.to_owned()));
        }
        Ok(Self { authority, bundle, endpoints, _servers: servers })
    }
}

/// With a certificate for localhost.
fn server(issuer: &Issuer<'_, KeyPair>) -> Result<ServerConfig> {
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(["localhost".to_owned()])?.signed_by(&key, issuer)?;
    let key = key.serialize_der().try_into().map_err(anyhow::Error::msg)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = builder.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, address: String) {
    let mut connections = JoinSet::new();
    while let Ok((connection, _)) = listener.accept().await {
        let (acceptor, address) = (acceptor.clone(), address.clone());
        connections.spawn(async move {
            let plain = TcpStream::connect(address).await?;
            connection.set_nodelay(true)?;
            plain.set_nodelay(true)?;
            let (mut connection, mut plain) = (acceptor.accept(connection).await?, plain);
            copy_bidirectional(&mut connection, &mut plain).await
        });
    }
}
