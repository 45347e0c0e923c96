//! Names become addresses here, for the connection itself: the addresses judged are the addresses connected to, so a
//! name that changes its answer in between (DNS rebinding) gains nothing.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address::is_public;

/// Asks for the addresses of a name.
pub type Lookup = Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync>;

/// Refuses a name if any of its addresses is not public: which one gets connected to would be chance, and an honest
/// name has no such mixture.
pub struct PublicOnly {
    lookup: Lookup,
}

/// The name has an address that is not public. Found again in the chain of causes of the failed request.
#[derive(Debug, thiserror::Error)]
#[error("the name resolves to an address that is not public")]
pub(super) struct NotPublic;

impl PublicOnly {
    /// A resolver that asks `lookup`.
    pub fn new(lookup: Lookup) -> Self {
        Self { lookup }
    }
}

impl fmt::Debug for PublicOnly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PublicOnly")
    }
}

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let answer = (self.lookup)(name.as_str().to_owned());
        Box::pin(async move {
            let addresses = answer.await?;
            if !addresses.iter().copied().all(is_public) {
                return Err(NotPublic.into());
            }
            // Port 0 stands for the port of the address asked for.
            Ok(Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        })
    }
}

/// The system's resolver.
pub fn system() -> Lookup {
    Arc::new(|name| {
        async move {
            let addresses = tokio::task::spawn_blocking(move || (name, 0).to_socket_addrs()).await;
            Ok(addresses.map_err(io::Error::other)??.map(|address| address.ip()).collect())
        }
        .boxed()
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Gives these answers one after the other and keeps the names it was asked for.
    fn scripted(answers: &[&[&str]]) -> (Lookup, Arc<Mutex<Vec<String>>>) {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let answers: Vec<Vec<IpAddr>> =
            answers.iter().map(|answer| answer.iter().map(|address| address.parse().unwrap()).collect()).collect();
        let answers = Mutex::new(answers.into_iter());
        let log = Arc::clone(&asked);
        let lookup = move |name| {
            log.lock().unwrap().push(name);
            let answer = answers.lock().unwrap().next().ok_or_else(|| io::Error::other("no such name"));
            async { answer }.boxed()
        };
        (Arc::new(lookup), asked)
    }

    async fn resolve(resolver: &PublicOnly) -> Result<Vec<String>, bool> {
        match resolver.resolve("cdn.example.com".parse().unwrap()).await {
            Ok(addresses) => Ok(addresses.map(|address| address.to_string()).collect()),
            Err(error) => Err(error.is::<NotPublic>()),
        }
    }

    #[tokio::test]
    async fn resolver_refuses_a_name_with_one_private_address() {
        for (answer, public) in [
            (&["8.8.8.8"][..], true),
            (&["8.8.8.8", "2606:4700::1"], true),
            (&["10.0.0.1"], false),
            (&["8.8.8.8", "10.0.0.1"], false),
            (&["169.254.169.254", "8.8.8.8"], false),
            (&["8.8.8.8", "::1"], false),
            (&["8.8.8.8", "::ffff:127.0.0.1"], false),
        ] {
            let (lookup, _) = scripted(&[answer]);
            let outcome = resolve(&PublicOnly::new(lookup)).await;
            assert_eq!(outcome.as_ref().err(), (!public).then_some(&true), "{answer:?}");
            if let Ok(addresses) = outcome {
                let expected: Vec<_> = answer.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 0)).collect();
                assert_eq!(addresses, expected.iter().map(ToString::to_string).collect::<Vec<_>>());
            }
        }
    }

    #[tokio::test]
    async fn resolver_judges_every_answer_anew() {
        let (lookup, asked) = scripted(&[&["8.8.8.8"], &["127.0.0.1"]]);
        let resolver = PublicOnly::new(lookup);
        assert_eq!(resolve(&resolver).await, Ok(vec!["8.8.8.8:0".to_owned()]));
        assert_eq!(resolve(&resolver).await, Err(true), "rebound");
        assert_eq!(resolve(&resolver).await, Err(false), "gone");
        assert_eq!(*asked.lock().unwrap(), ["cdn.example.com"; 3]);
    }

    #[tokio::test]
    async fn resolver_of_the_system_answers() {
        assert!(system()("localhost".to_owned()).await.unwrap().iter().all(IpAddr::is_loopback));
        assert!(system()("no\0name".to_owned()).await.is_err());
        assert_eq!(resolve(&PublicOnly::new(Arc::new(|_| system()("localhost".to_owned())))).await, Err(true));
    }
}
