//! The book's pages on causes, each by the cause's name.

/// Every page: the cause's name, and the text.
pub const PAGES: [(&str, &str); 0] = [];

/// The page of the cause that is called so.
pub fn page(id: &str) -> Option<&'static str> {
    PAGES.iter().find(|(name, _)| *name == id).map(|(_, text)| *text)
}
