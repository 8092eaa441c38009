//! `qus trust`.

mod document;
mod text;

use super::{Context, Failure};
use crate::exit::Exit;
use crate::system::store::{StoreError, trusted};

use document::Document;

pub(super) fn run(context: &Context) -> Result<Exit, Failure> {
    let anchors = trusted(&context.root)?;
    let memory = context.recall(context.root.read(&context.root.layout().trust())?.as_deref())?;
    let document = Document::of(&anchors, &memory, context.now).map_err(StoreError::from)?;
    context.ui.document(&document);
    text::show(&document, context);
    Ok(if document.is_stale() { Exit::Expired } else { Exit::Done })
}
