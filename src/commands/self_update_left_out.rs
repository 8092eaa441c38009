//! `qus self-update`, where it was left out for a package manager to do it.

use super::{Context, Failure};
use crate::cli::SelfUpdateArgs;
use crate::exit::Exit;
use crate::plan::ToolRefusal;
use crate::system::tool::install_source;

pub(super) fn run(_: &SelfUpdateArgs, context: &Context) -> Result<Exit, Failure> {
    let command = install_source(&context.root).map(|source| source.command);
    Err(ToolRefusal::LeftOut { command }.into())
}
