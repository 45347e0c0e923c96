//! The environments the functions run with: those of the deployed stack, the emulated AWS, and what `--set` overrides.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};

use super::env_dir;
use crate::aws::{ACCOUNT, REGION, SECRET_ACCESS_KEY};
use crate::stack::Environment;
use crate::{iam, paths};

/// Adds to the stack's environments what makes the AWS SDK talk to the emulated AWS, and nothing else on this machine.
pub(super) fn connect(environments: &mut BTreeMap<String, Environment>, aws_url: &str) {
    for (bin, environment) in environments {
        for (name, value) in [
            ("AWS_REGION", REGION),
            // By which the policies of its role are enforced.
            ("AWS_ACCESS_KEY_ID", &iam::key_of(ACCOUNT, bin)),
            ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY),
            ("AWS_ENDPOINT_URL", aws_url),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ] {
            environment.insert(name.to_owned(), value.to_owned());
        }
    }
}

/// Applies the overrides of the command line. A name that no function reads is refused: it would do nothing.
pub(super) fn apply(environments: &mut BTreeMap<String, Environment>, overrides: &[(String, String)]) -> Result<()> {
    for (name, value) in overrides {
        let mut readers = 0;
        for current in environments.values_mut().filter_map(|environment| environment.get_mut(name)) {
            current.clone_from(value);
            readers += 1;
        }
        if readers == 0 {
            let known: BTreeSet<_> = environments.values().flat_map(BTreeMap::keys).map(String::as_str).collect();
            let known: Vec<_> = known.into_iter().collect();
            bail!("--set {name}=…: no function has a variable of that name. There are: {}.", known.join(", "));
        }
    }
    Ok(())
}

/// Writes them to where [`super::exec`] reads them.
pub(super) fn write(environments: &BTreeMap<String, Environment>) -> Result<()> {
    for (bin, environment) in environments {
        let path = env_dir().join(format!("{bin}.json"));
        paths::write(&path, &serde_json::to_vec_pretty(environment)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overrides_reach_every_reader_and_only_readers() {
        let of = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), "old".to_owned())).collect();
        let mut environments: BTreeMap<String, Environment> =
            [("a".to_owned(), of(&["X", "Y"])), ("b".to_owned(), of(&["X"])), ("c".to_owned(), of(&["Y"]))].into();
        apply(&mut environments, &[("X".to_owned(), "new".to_owned())]).unwrap();
        let values: Vec<_> =
            environments.values().map(|environment| environment.get("X").map(String::as_str)).collect();
        assert_eq!(values, [Some("new"), Some("new"), None]);
        let refused = apply(&mut environments, &[("Z".to_owned(), String::new())]).unwrap_err().to_string();
        assert!(refused.contains("--set Z") && refused.contains("X, Y"), "{refused}");
    }
}
