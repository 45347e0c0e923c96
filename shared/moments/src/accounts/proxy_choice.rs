//! What somebody wants of a company's proxy: to keep it, to have none, or to have this one.

use kernel::FieldProblem;
use kernel::vault::{EncryptionContext, Vault};
use secrecy::{ExposeSecret, SecretString};

use super::wecom_routes::WecomRoutes;
use crate::error::Result;
use crate::store::corp::{Corp, ProxyChange};
use crate::wecom::{EgressProxy, Wecom};

/// What is to become of a company's proxy.
#[derive(Debug)]
pub(super) enum ProxyChoice {
    Keep,
    /// None of its own: the installation's, if there is one.
    Usual,
    Through(EgressProxy),
}

impl ProxyChoice {
    /// What a request's field means: absent keeps, empty removes.
    ///
    /// # Errors
    /// What is wrong with the address.
    pub(super) fn judge(routes: &WecomRoutes, field: Option<&SecretString>) -> Result<Self, FieldProblem> {
        match field {
            None => Ok(Self::Keep),
            Some(address) if address.expose_secret().is_empty() => Ok(Self::Usual),
            Some(address) => {
                let judged = routes.judge(address);
                judged.map(Self::Through).map_err(|problem| FieldProblem::new("egressProxyUrl", problem))
            }
        }
    }

    /// Its address, sealed, if there is a new one.
    pub(super) async fn seal(&self, vault: &Vault, context: EncryptionContext<'_>) -> Result<Option<String>> {
        match self {
            Self::Through(proxy) => Ok(Some(vault.encrypt(context, &proxy.address()).await?)),
            Self::Keep | Self::Usual => Ok(None),
        }
    }

    /// What changes of the row of a company, of which the tenant `owns` one already. `sealed` is what [`Self::seal`] gave.
    pub(super) const fn change<'a>(&self, owns: bool, sealed: Option<&'a str>) -> ProxyChange<'a> {
        match (self, sealed) {
            (Self::Through(_), Some(sealed)) => ProxyChange::Set(sealed),
            (Self::Keep, _) if owns => ProxyChange::Keep,
            _ => ProxyChange::Remove,
        }
    }

    /// The way to WeCom that it means for a company; `known` is the company's row, if it is the tenant's already.
    pub(super) async fn way(&self, routes: &WecomRoutes, vault: &Vault, known: Option<&Corp>) -> Result<Wecom> {
        match (self, known) {
            (Self::Through(proxy), _) => Ok(routes.through(proxy)),
            (Self::Keep, Some(corp)) => routes.of(vault, corp).await,
            (Self::Keep, None) | (Self::Usual, _) => Ok(routes.usual()),
        }
    }
}
