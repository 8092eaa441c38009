//! What tests are made of.

pub(crate) mod automount;
pub(crate) mod book;
pub(crate) mod docker;
pub(crate) mod document;
pub(crate) mod executions;
pub(crate) mod fake_kernel;
pub(crate) mod host;
pub(crate) mod machine;
pub(crate) mod proxy;
pub(crate) mod publisher;
pub(crate) mod real;
pub(crate) mod releases;
pub(crate) mod sandbox;
pub(crate) mod server;
pub(crate) mod shim;
pub(crate) mod table_of_the_book;
#[cfg(feature = "self-update")]
pub(crate) mod tools;
pub(crate) mod tree;
