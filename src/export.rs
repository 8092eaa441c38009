//! Configuration for others to load: the same rules, in their words.

use crate::dropin;
use crate::rule::{Pattern, Rule, escaped};
use crate::shell::quoted;
use crate::target::Target;

/// Who is to load it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// systemd-binfmt: `binfmt.d(5)`.
    Systemd,
    /// binfmt-support: `update-binfmts(8)`.
    Debian,
    /// OpenRC: a service script.
    OpenRc,
}

/// A file to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its name.
    pub name: String,
    /// Its permissions.
    pub mode: u32,
    /// What it says.
    pub text: String,
}

/// The files that make others register `rules`.
pub fn files(format: Format, rules: &[(Target, Rule)]) -> Vec<File> {
    let plain = |name: String, text: String| File { name, mode: 0o644, text };
    match format {
        Format::Systemd => rules
            .iter()
            .map(|(target, rule)| plain(dropin::path(*target).name().to_owned(), dropin::text(rule)))
            .collect(),
        Format::Debian => rules.iter().map(|(_, rule)| plain(rule.name.to_string(), support("qus", rule))).collect(),
        Format::OpenRc => {
            let lines: Vec<String> = rules.iter().map(|(_, rule)| rule.line()).collect();
            let text = include_str!("export/openrc.initd").replace("@RULES@", &lines.join("\n"));
            vec![File { name: "qus".to_owned(), mode: 0o755, text }]
        }
    }
}

/// The same under the names that QEMU's own script gives them, for whoever packages emulators: nothing of it is qus's.
pub fn files_as_qemu(format: Format, rules: &[(Target, Rule)]) -> Vec<File> {
    let of_rule = |(_, rule): &(Target, Rule)| match format {
        Format::Systemd => Some((format!("{}.conf", rule.name), format!("{}\n", rule.line()))),
        Format::Debian => Some((rule.name.to_string(), support(rule.name.as_str(), rule))),
        // It has no such words.
        Format::OpenRc => None,
    };
    rules.iter().filter_map(of_rule).map(|(name, text)| File { name, mode: 0o644, text }).collect()
}

/// What to type to have the files in `directory`, an absolute path, loaded now and at every boot.
pub fn load(format: Format, directory: &str) -> String {
    let from = quoted(directory);
    let copied = |files: &str, to: &str| {
        if directory == to { String::new() } else { format!("cp {from}/{files} {to}/; ") }
    };
    match format {
        // Of files that are named it flushes nobody's entries. It lies in no PATH.
        Format::Systemd => {
            let copied = copied("qus-*.conf", dropin::DIRECTORY);
            format!("{copied}/usr/lib/systemd/systemd-binfmt {}/qus-*.conf", dropin::DIRECTORY)
        }
        // It takes one file a time, and keeps what it took.
        Format::Debian => format!("for file in {from}/qemu-*; do update-binfmts --import \"$file\"; done"),
        Format::OpenRc => {
            let copied = copied("qus", "/etc/init.d");
            format!("{copied}rc-update add qus boot; rc-service qus start")
        }
    }
}

/// A format file of binfmt-support, which is named as the entry. It has no word for `O`: the flags
/// become `PF`, which runs the same programs but those that may be executed and not read.
fn support(package: &str, rule: &Rule) -> String {
    let yes = |letter| if rule.flags.has(letter) { "yes" } else { "no" };
    let pattern = match &rule.pattern {
        Pattern::Magic { offset, magic, mask } => {
            format!("magic {}\noffset {offset}\nmask {}", escaped(magic), escaped(mask))
        }
        Pattern::Extension(extension) => format!("extension {extension}"),
    };
    format!(
        "package {package}\ninterpreter {}\n{pattern}\ncredentials {}\nfix_binary {}\npreserve {}\n",
        rule.interpreter,
        yes('C'),
        yes('F'),
        yes('P')
    )
}
