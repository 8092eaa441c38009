//! The book: every page is in its table of contents, every cause has a page, and every link leads somewhere.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use qus::diagnosis::{PAGES, Page};

use crate::support::document::fields;
use crate::support::machine::{Said, qus};
use crate::support::{real, tree::tree};

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Every page, by its path in `docs`.
fn pages() -> BTreeSet<String> {
    let files = tree(&here("docs"));
    let pages: BTreeSet<String> = files.into_keys().filter(|path| path.strip_suffix(".md").is_some()).collect();
    assert!(pages.contains("SUMMARY.md"), "{pages:?}");
    pages
}

/// Where the links of a page lead, but for those that leave the book.
fn links(text: &str) -> Vec<&str> {
    let ends = text.match_indices("](").map(|(place, _)| &text[place + 2..]);
    let targets = ends.filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
    targets.filter(|target| !target.contains("://")).collect()
}

fn title(page: &Page) -> &str {
    let first = page.text.lines().next().unwrap_or_default();
    first.strip_prefix(&format!("# {}: ", page.id)).unwrap_or_else(|| panic!("\"{first}\" is no title of {}", page.id))
}

#[test]
fn every_cause_has_a_page_and_every_page_a_cause() {
    let ids: BTreeSet<&str> = PAGES.iter().map(|page| page.id).collect();
    assert_eq!(ids.len(), PAGES.len(), "two causes have the same name");
    let all = pages();
    let files: BTreeSet<&str> = all
        .iter()
        .filter_map(|path| path.strip_prefix("causes/"))
        .filter_map(|name| name.strip_suffix(".md"))
        .collect();
    assert_eq!(ids, files);
}

/// Without them the program could not be built from what is published.
#[test]
fn every_page_on_a_cause_is_packaged_with_the_program() {
    let manifest = here("Cargo.toml");
    let mut list = Command::new(env!("CARGO"));
    list.args(["package", "--list", "--allow-dirty", "--offline", "--manifest-path"]).arg(manifest);
    let said = Said::by(list.output().unwrap()).expect(0, &["src/main.rs"]);
    let packaged: BTreeSet<&str> = said.stdout.lines().collect();
    for page in PAGES {
        assert!(packaged.contains(format!("docs/causes/{}.md", page.id).as_str()), "{} is not packaged", page.id);
    }
}

#[test]
fn every_cause_is_in_the_table_under_its_pages_title() {
    let text = read(&here("docs/doctor.md"));
    let rows: Vec<&str> = text.lines().filter(|line| line.contains("](causes/")).collect();
    let expected: Vec<String> =
        PAGES.iter().map(|page| format!("| [{id}](causes/{id}.md) | {} | ", title(page), id = page.id)).collect();
    assert_eq!(rows.len(), expected.len(), "{rows:#?}");
    for (row, expected) in rows.iter().zip(expected) {
        let weight = row.strip_prefix(&expected).unwrap_or_else(|| panic!("{row}\nis not\n{expected}"));
        assert!(
            ["stops |", "harms |", "remark |", "stops, or harms |", "stops, or remark |", "harms, or remark |"]
                .contains(&weight),
            "{row}"
        );
    }
}

/// `--explain` prints them at a terminal.
#[test]
fn every_page_on_a_cause_says_what_is_seen_why_and_what_to_type_in_short_lines() {
    for page in PAGES {
        let headings: Vec<&str> = page.text.lines().filter(|line| line.starts_with("## ")).collect();
        let (usual, more) = headings.split_at(3.min(headings.len()));
        assert_eq!(usual, ["## What you see", "## Why", "## What to type"], "{}", page.id);
        assert!(more.is_empty() || more == ["## How qus keeps clear of it"], "{}: {more:?}", page.id);
        // Messages and commands stand as they are, so that who searches for one finds it.
        let mut verbatim = false;
        for line in page.text.lines() {
            verbatim ^= line.starts_with("```");
            assert!(verbatim || line.chars().count() <= 80, "{}: {line}", page.id);
        }
        assert!(!verbatim, "{}: a block does not end", page.id);
    }
}

#[test]
fn explain_prints_the_page_and_knows_no_other() {
    for page in PAGES {
        let said = Said::by(qus().args(["doctor", "--explain", page.id]).output().unwrap()).expect(0, &[]);
        assert_eq!((said.stdout.as_str(), said.stderr.as_str()), (page.text, ""));
    }
    let said = Said::by(qus().args(["doctor", "--explain", "bad-luck"]).output().unwrap());
    said.expect(2, &["there is no cause \"bad-luck\"", "help: causes are no-such-file, "]);
}

#[test]
fn the_table_of_contents_lists_every_page_once() {
    let text = read(&here("docs/SUMMARY.md"));
    let mut listed: Vec<&str> = links(&text);
    let count = listed.len();
    listed.sort_unstable();
    listed.dedup();
    assert_eq!(listed.len(), count, "a page is listed twice");
    let all = pages();
    let pages: Vec<&str> = all.iter().map(String::as_str).filter(|path| *path != "SUMMARY.md").collect();
    assert_eq!(listed, pages);
}

#[test]
fn every_link_leads_to_a_file() {
    let pages = pages().into_iter().map(|page| here("docs").join(page));
    let mut followed = 0;
    for page in pages.chain([here("README.md"), here("CHANGELOG.md"), here("CONTRIBUTING.md")]) {
        for link in links(&read(&page)) {
            let path = link.split('#').next().unwrap_or_default();
            let place = page.parent().unwrap().join(path);
            assert!(place.exists(), "{} links to \"{link}\", which is not there", page.display());
            followed += 1;
        }
    }
    assert!(followed > PAGES.len(), "links were not found: {followed}");
}

#[test]
fn every_field_of_the_documents_is_described() {
    let sandbox = real::machine();
    let foreign = real::program("arm64").display().to_string();
    let mut names = BTreeSet::new();
    let mut look = |words: &[&str], code| {
        let said = sandbox.qus(&[&["doctor", "--json"], words].concat()).expect(code, &[]);
        fields(&serde_json::from_str(&said.stdout).unwrap(), &mut names);
    };
    look(&[&foreign], 10);
    sandbox.qus(&["install", "aarch64"]).expect(0, &[]);
    let python = r":python3:M::\x2b\x6c\x0d\x0a::/usr/bin/python3:";
    sandbox.shell(&format!("echo '{python}' > /proc/sys/fs/binfmt_misc/register")).expect(0, &[]);
    look(&[&foreign], 0);
    look(&[], 0);
    for expected in ["schema", "cause", "version", "outcome", "answers"] {
        assert!(names.contains(expected), "{names:?}");
    }
    let text = read(&here("docs/doctor.md"));
    let missing: Vec<&String> = names.iter().filter(|name| !text.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "not in docs/doctor.md: {missing:?}");
}
