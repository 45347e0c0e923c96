//! What holds for every route: permissions, tenants, bodies, paths, sample events.

pub(crate) mod bodies;
mod paths;
mod permissions;
mod samples;
mod tenants;
