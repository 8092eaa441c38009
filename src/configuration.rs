//! What the system is configured to register at boot: everybody's `binfmt.d` files, as systemd-binfmt
//! reads them, and the formats that binfmt-support keeps.

use crate::dropin;
use crate::entry::Entry;
use crate::rooted::RootedPath;
use crate::rule::{Rule, RuleName};
use crate::target::Target;

/// Where `binfmt.d` files lie. A file in an earlier directory replaces one of the same name in a later
/// one (`CONF_PATHS` of `src/basic/constants.h`, systemd tag v257).
pub const DIRECTORIES: [&str; 4] = ["/etc/binfmt.d", "/run/binfmt.d", "/usr/local/lib/binfmt.d", "/usr/lib/binfmt.d"];

/// Where binfmt-support keeps the formats that it registers (`update-binfmts(8)`, version 2.2.2).
pub const SUPPORT: &str = "/var/lib/binfmts";

/// What registers them.
pub const UPDATE_BINFMTS: &str = "/usr/sbin/update-binfmts";

/// Alpine's service, which registers without files (jirutka/qemu-openrc 0.12.0).
pub const OPENRC: &str = "/etc/init.d/qemu-binfmt";

/// What binfmt-support registers where several formats share their magic (`src/run-detectors.c`, tag 2.2.2).
const DETECTORS: &str = "/usr/lib/binfmt-support/run-detectors";

/// A file that configures rules: of `binfmt.d`, or one of binfmt-support's formats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DropIn {
    /// Where it lies.
    pub path: RootedPath,
    /// Its rules, in their order; none if it is masked.
    pub rules: Vec<Rule>,
}

/// What is registered at boot, and in which order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Configuration {
    /// The files, in the order of their names, which is the order in which their rules are registered:
    /// the last one wins.
    pub files: Vec<DropIn>,
    /// Files that are not read, for one of their name lies in an earlier directory.
    pub hidden: Vec<DropIn>,
    /// binfmt-support's formats.
    pub support: Vec<DropIn>,
    /// Whether Alpine's service registers the emulators that there are.
    pub openrc: bool,
}

impl DropIn {
    /// Whether systemd-binfmt reads a file of this path at all.
    pub fn counts(path: &RootedPath) -> bool {
        path.name().rsplit_once('.').is_some_and(|(_, kind)| kind == "conf")
    }

    /// Reads a file's text. A line that is no rule is left to systemd-binfmt to complain of.
    pub fn parse(path: RootedPath, text: &str) -> DropIn {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', ';']));
        DropIn { path, rules: lines.filter_map(|line| Rule::parse(line).ok()).collect() }
    }

    /// Reads one of the files in which binfmt-support keeps its formats: ten lines, in the order in which `binfmt_write`
    /// writes them (version 2.2.2, as seen of Debian's package).
    pub fn parse_format(path: RootedPath, text: &str) -> DropIn {
        let rule = |text: &str| {
            let [_, kind, offset, magic, mask, interpreter, detector, credentials, preserve, fixed, ..] =
                text.split('\n').chain(std::iter::repeat("")).take(10).collect::<Vec<_>>()[..]
            else {
                return None;
            };
            // With a detector the kernel is given another program than this.
            let interpreter = if detector.is_empty() { interpreter } else { DETECTORS };
            let kind = if kind == "magic" { "M" } else { "E" };
            let flag = |said: &str, letters: &'static str| if said == "yes" { letters } else { "" };
            let flags = format!("{}{}{}", flag(preserve, "P"), flag(credentials, "OC"), flag(fixed, "F"));
            Rule::parse(&format!(":{}:{kind}:{offset}:{magic}:{mask}:{interpreter}:{flags}", path.name())).ok()
        };
        DropIn { rules: rule(text).into_iter().collect(), path }
    }

    fn each(&self) -> impl DoubleEndedIterator<Item = (&DropIn, &Rule)> {
        self.rules.iter().map(move |rule| (self, rule))
    }

    /// Its name, by which it is sorted and replaced.
    pub fn name(&self) -> &str {
        self.path.name()
    }
}

impl Configuration {
    /// Adds a file, unless one of its name was added before: directories come in the order of their
    /// precedence.
    pub fn add(&mut self, file: DropIn) {
        match self.files.binary_search_by(|other| other.name().cmp(file.name())) {
            Err(place) => self.files.insert(place, file),
            Ok(_) => self.hidden.push(file),
        }
    }

    /// The same without the file at `path`: what is read then where it hides another is that one.
    #[must_use]
    pub fn without(&self, path: &RootedPath) -> Configuration {
        let mut without = Configuration { files: Vec::new(), hidden: Vec::new(), ..self.clone() };
        // Of one name, what counts comes before what it hides.
        for file in self.files.iter().chain(&self.hidden).filter(|file| file.path != *path) {
            without.add(file.clone());
        }
        without
    }

    /// Every rule with its file, in the order in which they are registered.
    pub fn rules(&self) -> impl DoubleEndedIterator<Item = (&DropIn, &Rule)> {
        self.files.iter().flat_map(DropIn::each)
    }

    /// The rule under `target`'s usual name that would stay after a boot, were it not for ours.
    pub fn namesake(&self, target: Target) -> Option<(&DropIn, &Rule)> {
        let name = RuleName::of(target);
        let support = self.support.iter().flat_map(DropIn::each);
        self.rivals(target).rev().chain(support).find(|(_, rule)| rule.name == name)
    }

    /// The file that says exactly what `entry` is.
    pub fn source(&self, entry: &Entry) -> Option<&DropIn> {
        let support = self.support.iter().flat_map(DropIn::each);
        self.rules().rev().chain(support).find(|(_, rule)| **rule == entry.rule).map(|(file, _)| file)
    }

    /// Others' rules that take programs of `target`, in their order, also those of a file that ours hides.
    pub fn rivals(&self, target: Target) -> impl DoubleEndedIterator<Item = (&DropIn, &Rule)> {
        // One without a rule is no drop-in of ours, but masks those of its name.
        let ours = move |file: &DropIn| !file.rules.is_empty() && dropin::is_ours(&file.path, target);
        let theirs =
            self.files.iter().filter_map(move |file| if ours(file) { self.hidden_by(file) } else { Some(file) });
        theirs.flat_map(DropIn::each).filter(move |(_, rule)| rule.pattern.takes(target))
    }

    /// What would be read in the place of `file`.
    fn hidden_by(&self, file: &DropIn) -> Option<&DropIn> {
        self.hidden.iter().find(|hidden| hidden.name() == file.name())
    }

    /// binfmt-support's formats that it registers after every file's rules: it leaves alone what has their name by then
    /// (`act_enable` of `src/update-binfmts.c`, tag 2.2.2).
    fn late(&self) -> impl Iterator<Item = (&DropIn, &Rule)> {
        let support = self.support.iter().flat_map(DropIn::each);
        support.filter(|(_, rule)| !self.rules().any(|(_, other)| other.name == rule.name))
    }

    /// Those of them that would take programs of `target` from any file's rule, also from ours of its usual name.
    pub fn late_rivals(&self, target: Target) -> impl Iterator<Item = (&DropIn, &Rule)> {
        self.late().filter(move |(_, rule)| rule.pattern.takes(target) && rule.name != RuleName::of(target))
    }

    /// The rule that answers `target`'s usual programs after a boot: of those that share a name only the last is
    /// left, of the others the last registered wins.
    pub fn winner(&self, target: Target) -> Option<(&DropIn, &Rule)> {
        let answers = |(_, rule): &(&DropIn, &Rule)| rule.pattern.matches(&target.magic());
        self.late().find(answers).or_else(|| self.rules().rev().find(answers))
    }
}
