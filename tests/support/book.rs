//! The book: what its pages tell readers to type.

/// What stands between two lines of three backticks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fence {
    /// The heading that it stands below, without its marks.
    pub(crate) heading: String,
    /// The word behind the backticks.
    pub(crate) language: String,
    /// Its lines.
    pub(crate) text: String,
}

/// Every fence of a page, in their order.
pub(crate) fn fences(page: &str) -> Vec<Fence> {
    let mut fences: Vec<Fence> = Vec::new();
    let (mut heading, mut within) = (String::new(), false);
    for line in page.lines() {
        match (line.strip_prefix("```"), within) {
            (Some(language), false) => {
                within = true;
                let (heading, language) = (heading.clone(), language.to_owned());
                fences.push(Fence { heading, language, text: String::new() });
            }
            (Some(_), true) => within = false,
            (None, true) => {
                let text = &mut fences.last_mut().unwrap().text;
                text.push_str(line);
                text.push('\n');
            }
            (None, false) if line.starts_with('#') => line.trim_start_matches('#').trim().clone_into(&mut heading),
            (None, false) => {}
        }
    }
    fences
}

#[test]
fn fences_are_found_below_their_headings() {
    let page = "# One\n```sh\n# two\na\n```\ntext\n## Two\n```\n```\n";
    let fence = |heading: &str, language: &str, text: &str| Fence {
        heading: heading.to_owned(),
        language: language.to_owned(),
        text: text.to_owned(),
    };
    assert_eq!(fences(page), [fence("One", "sh", "# two\na\n"), fence("Two", "", "")]);
}
