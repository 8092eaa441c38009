//! What tests are made of.

pub(crate) mod fake_kernel;
pub(crate) mod machine;
pub(crate) mod publisher;
pub(crate) mod real;
pub(crate) mod sandbox;
pub(crate) mod server;
pub(crate) mod tree;
