//! Taking rights from the functions of a world.

use std::sync::Arc;

use anyhow::Result;
use local::iam::Enforcer;

use super::{World, shared};

impl World {
    /// Takes a right from a function, as if the template had forgotten it.
    ///
    /// # Errors
    /// Never in practice.
    pub async fn take_right(&mut self, function: &str, action: &str, resource: &str) -> Result<()> {
        let (aws, template) = shared().await?;
        let roles = Enforcer::new(&self.account, template, &self.stack)?.without(function, action, resource);
        self.roles = Arc::new(roles);
        self.lacks_rights = true;
        aws.enforce(&self.account, Arc::clone(&self.roles));
        Ok(())
    }

    /// Gives back what was taken.
    ///
    /// # Errors
    /// Never in practice.
    pub async fn give_rights_back(&mut self) -> Result<()> {
        let (aws, template) = shared().await?;
        self.roles = Arc::new(Enforcer::new(&self.account, template, &self.stack)?);
        self.lacks_rights = false;
        aws.enforce(&self.account, Arc::clone(&self.roles));
        Ok(())
    }

    /// The policies that hold now.
    #[must_use]
    pub fn roles(&self) -> &Enforcer {
        &self.roles
    }
}
