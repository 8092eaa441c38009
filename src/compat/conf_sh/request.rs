//! What is meant by the words and variables of `qemu-binfmt-conf.sh`.

use std::path::PathBuf;

use super::words::{Opt, Word, read};
use crate::compat::usage::Usage;
use crate::export::Format;
use crate::rule::Flags;
use crate::system::environment::Environment;
use crate::target::Target;
use crate::wanted::{Consent, Export, Letters, PassOver, Registration, Selection, Source};

/// Where both scripts look for emulators unless they are told.
const PATH: &str = "/usr/local/bin";

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Tell what can be typed.
    Help,
    /// Register emulators.
    Register(Registration),
    /// Delete entries.
    Clear(Selection),
    /// Write files.
    Export(Export),
    /// Find out whether it could be done, and do nothing.
    Test(Box<Request>),
}

/// What was typed, and what variables say where nothing is.
#[derive(Default)]
struct Settings {
    path: Option<String>,
    suffix: Option<String>,
    persistent: Option<bool>,
    credential: Option<bool>,
    preserve_argv0: Option<bool>,
    ignore_family: Option<bool>,
    clear: Option<bool>,
    test: Option<bool>,
    export: Option<Format>,
    directory: Option<String>,
    targets: Vec<String>,
}

/// Reads what was typed.
pub fn parse(typed: &[String], environment: &Environment) -> Result<Request, Usage> {
    let words = read(typed)?;
    if words.iter().any(|word| matches!(word, Word::Option { option: Opt::Help, .. })) {
        return Ok(Request::Help);
    }
    let settings = Settings::of_words(words)?.or_of(environment)?;
    let test = settings.test == Some(true);
    let request = settings.request(&Host::of(environment)?)?;
    Ok(if test { Request::Test(Box::new(request)) } else { request })
}

impl Settings {
    fn of_words(words: Vec<Word>) -> Result<Settings, Usage> {
        let mut settings = Settings::default();
        for word in words {
            let (option, typed, value) = match word {
                Word::Option { option, typed, value } => (option, typed, value),
                Word::Plain(target) => {
                    let named = listed(&target);
                    // An empty word is no target, and does not mean all of them.
                    settings.targets.extend(if named.is_empty() { vec![target] } else { named });
                    continue;
                }
            };
            let switch = || value.as_deref().map_or(Ok(true), |value| yes_or_no(&typed, value)).map(Some);
            match option {
                Opt::Help => {}
                Opt::Persistent => settings.persistent = switch()?,
                Opt::Credential => settings.credential = switch()?,
                Opt::PreserveArgv0 => settings.preserve_argv0 = switch()?,
                Opt::IgnoreFamily => settings.ignore_family = switch()?,
                Opt::Clear => settings.clear = Some(true),
                Opt::Test => settings.test = Some(true),
                Opt::Systemd => settings.export = Some(Format::Systemd),
                Opt::Debian => settings.export = Some(Format::Debian),
                Opt::Path => settings.path = value,
                Opt::Suffix => settings.suffix = value,
                Opt::ExportDir => settings.directory = value,
            }
        }
        Ok(settings)
    }

    fn or_of(mut self, environment: &Environment) -> Result<Settings, Usage> {
        let text = |name: &str| environment.get(name).map(str::to_owned);
        let switch = |name: &str| environment.get(name).map(|value| yes_or_no(name, value)).transpose();
        self.path = self.path.or_else(|| text("QEMU_PATH"));
        self.suffix = self.suffix.or_else(|| text("QEMU_SUFFIX"));
        self.directory = self.directory.or_else(|| text("EXPORTDIR"));
        self.persistent = self.persistent.or(switch("QEMU_PERSISTENT")?);
        self.credential = self.credential.or(switch("QEMU_CREDENTIAL")?);
        self.clear = self.clear.or(switch("QEMU_CLEAR")?);
        self.test = self.test.or(switch("QEMU_TEST")?);
        if self.targets.is_empty() {
            // The fork's help names the first, its code read the second.
            self.targets = listed(&text("QEMU_TARGETS").or_else(|| text("QEMU_TARGET")).unwrap_or_default());
        }
        Ok(self)
    }

    fn request(self, host: &Host) -> Result<Request, Usage> {
        let selection = selection(&self.targets)?;
        let ignore_family = self.ignore_family == Some(true);
        if self.clear == Some(true) {
            return if self.export.is_some() { Err(Usage::ClearOfExport) } else { Ok(Request::Clear(selection)) };
        }
        let letter = |wanted: Option<bool>, letters: &'static str| if wanted == Some(true) { letters } else { "" };
        let flags = Flags::sorted(
            &[letter(self.preserve_argv0, "P"), letter(self.credential, "OC"), letter(self.persistent, "F")].concat(),
        );
        let letters = Letters { exactly: Some(flags), ..Letters::default() };
        let (directory, suffix) = (self.path.unwrap_or_else(|| PATH.to_owned()), self.suffix.unwrap_or_default());
        if let Some(format) = self.export {
            let place = if format == Format::Systemd { "/etc/binfmt.d" } else { "/usr/share/binfmts" };
            let is_meant = |target: &Target| selection.includes(*target) && !host.leaves_out(*target, ignore_family);
            return Ok(Request::Export(Export {
                format,
                directory: PathBuf::from(self.directory.unwrap_or_else(|| place.to_owned())),
                targets: Target::all().filter(is_meant).collect(),
                emulators: directory,
                suffix,
                letters,
            }));
        }
        let source = if self.persistent == Some(true) {
            Source::Folder { directory, prefix: String::new(), suffix }
        } else {
            Source::Elsewhere { directory, suffix }
        };
        Ok(Request::Register(Registration { selection, source, letters, consent: host.consent(ignore_family) }))
    }
}

/// What the programs of the host are taken to be.
struct Host {
    /// What `HOST_ARCH` says.
    said: Option<Target>,
}

impl Host {
    fn of(environment: &Environment) -> Result<Host, Usage> {
        let said = environment
            .get("HOST_ARCH")
            .map(|word| normalised(word).parse().map_err(|_| Usage::UnknownHost(word.to_owned())));
        Ok(Host { said: said.transpose()? })
    }

    /// Where nobody says what the host is, it is tried.
    fn consent(&self, ignore_family: bool) -> Consent {
        let pass_over = match self.said {
            None => PassOver::Native,
            Some(target) if ignore_family => PassOver::Target(target),
            Some(target) => PassOver::Family(target.family()),
        };
        Consent {
            emulate_native: ignore_family || self.said.is_some(),
            take_over: true,
            pass_over,
            ..Consent::default()
        }
    }

    /// Whether `target` is left out of files: nothing can be tried on the machine that loads them.
    fn leaves_out(&self, target: Target, ignore_family: bool) -> bool {
        let host = self.said.or_else(|| made_for().parse().ok());
        host.is_some_and(|host| if ignore_family { target == host } else { target.family() == host.family() })
    }
}

/// What `uname -m` calls the machine that this program was made for.
fn made_for() -> &'static str {
    match std::env::consts::ARCH {
        "x86" => "i386",
        "powerpc64" if cfg!(target_endian = "little") => "ppc64le",
        "mips" if cfg!(target_endian = "little") => "mipsel",
        "mips64" if cfg!(target_endian = "little") => "mips64el",
        arch => arch,
    }
}

/// `uname`'s names of whole lines of processors; the others are names of targets.
fn normalised(word: &str) -> &str {
    let version = |prefix: &str, suffix: &str| {
        word.strip_prefix(prefix)
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()) && rest.ends_with(suffix))
    };
    match word {
        _ if version("armv", "l") => "arm",
        _ if version("armv", "b") => "armeb",
        _ => word,
    }
}

/// The targets of a list.
fn listed(list: &str) -> Vec<String> {
    list.split([',', ' ', '\t', '\n']).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn selection(words: &[String]) -> Result<Selection, Usage> {
    let is_all = |word: &String| word.eq_ignore_ascii_case("all");
    match words {
        [] => Ok(Selection::All),
        [word] if is_all(word) => Ok(Selection::All),
        words if words.iter().any(is_all) => Err(Usage::AllAndMore),
        words => Ok(words.iter().map(|word| word.parse::<Target>()).collect::<Result<_, _>>()?),
    }
}

fn yes_or_no(what: &str, value: &str) -> Result<bool, Usage> {
    match value {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err(Usage::YesOrNo { what: what.to_owned(), value: value.to_owned() }),
    }
}
