//! Which version is taken: a pure function of what is there and what is offered.

use qus::hex::Sha256;
use qus::host::Host;
use qus::itself::{Provenance, ToolObserved};
use qus::layout::Layout;
use qus::news::News;
use qus::plan::{ToolOffer, ToolRefusal, ToolWanted, newer};
use qus::release::{Tool, ToolArchive};
use qus::rooted::RootedPath;
use qus::tool::compare;

use crate::support::publisher::version;

pub(crate) fn observed(present: &str) -> ToolObserved {
    ToolObserved {
        layout: Layout::system(),
        host: Host::Amd64,
        version: version(present),
        path: RootedPath::from_trusted("/usr/local/bin/qus"),
        sha256: Sha256([0; 32]),
        names: 1,
        provenance: Provenance::Unknown,
        previous: None,
        fault: None,
        space: 0,
        receipt: None,
        trust: None,
    }
}

pub(super) fn tool(text: &str, host: Host) -> Tool {
    let (file, sha256) = (ToolArchive::file_name(host), Sha256([0; 32]));
    let archive = ToolArchive { file, host, size: 1, sha256, program_size: 1, program_sha256: sha256 };
    Tool { version: version(text), withdrawn: None, archives: vec![archive] }
}

fn chosen(present: &str, offered: &[&str], prereleases: bool) -> Result<Option<String>, ToolRefusal> {
    let tools: Vec<Tool> = offered.iter().map(|text| tool(text, Host::Amd64)).collect();
    let offer = ToolOffer { tools: &tools, repository: "", trust: String::new(), news: News::default(), prereleases };
    Ok(newer(&ToolWanted::default(), &observed(present), &offer)?.map(|(version, _)| version.to_string()))
}

#[test]
fn versions_of_qus_are_ordered_as_semantic_versioning_orders_them() {
    let ascending =
        ["0.9.0", "0.10.0-alpha.1", "0.10.0-rc.2", "0.10.0-rc.10", "0.10.0", "0.10.1", "1.0.0-rc.1", "1.0.0"];
    for (at, a) in ascending.iter().enumerate() {
        for (beside, b) in ascending.iter().enumerate() {
            assert_eq!(compare(&version(a), &version(b)), at.cmp(&beside), "{a} and {b}");
        }
    }
}

#[test]
fn the_newest_is_taken_whatever_the_order_of_the_index() {
    assert_eq!(chosen("0.1.0", &["0.2.0", "0.10.0", "0.9.0"], false), Ok(Some("0.10.0".to_owned())));
    assert_eq!(chosen("0.10.0", &["0.2.0", "0.10.0", "0.9.0"], false), Ok(None));
}

#[test]
fn what_comes_before_a_version_is_for_those_who_try_such_out() {
    let offered = ["0.2.0", "0.3.0-rc.1"];
    assert_eq!(chosen("0.1.0", &offered, false), Ok(Some("0.2.0".to_owned())));
    assert_eq!(chosen("0.1.0", &offered, true), Ok(Some("0.3.0-rc.1".to_owned())));
    assert_eq!(chosen("0.3.0-alpha.1", &offered, false), Ok(Some("0.3.0-rc.1".to_owned())));
    assert_eq!(chosen("0.3.0-rc.1", &["0.3.0"], false), Ok(Some("0.3.0".to_owned())));
}

#[test]
fn a_version_without_an_archive_for_this_host_is_passed_over() {
    let tools = [tool("0.3.0", Host::Riscv64), tool("0.2.0", Host::Amd64)];
    let offer =
        ToolOffer { tools: &tools, repository: "", trust: String::new(), news: News::default(), prereleases: false };
    let (taken, _) = newer(&ToolWanted::default(), &observed("0.1.0"), &offer).unwrap().unwrap();
    assert_eq!(taken.as_str(), "0.2.0");
    let offer = ToolOffer { tools: &tools[..1], ..offer };
    let refused = newer(&ToolWanted::default(), &observed("0.1.0"), &offer).unwrap_err();
    assert_eq!(refused, ToolRefusal::NotOffered(Host::Amd64));
}
