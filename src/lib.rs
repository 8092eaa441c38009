//! qus makes programs of other CPU architectures run on a Linux host: it installs QEMU's user-mode
//! emulators from signed releases, tells the kernel to use them, and proves that it works.
//!
//! The nouns, in the order in which they meet:
//!
//! * a [`Target`](target::Target) is a guest architecture, a [`Host`](host::Host) the machine's own;
//! * a [`Release`](release::Release) is a signed set of emulators, and only what [`trust`] verified
//!   is installed;
//! * a [`bundle`] is what one host needs of a repository, in one file;
//! * a [`Rule`](rule::Rule) is what we tell the kernel, an [`Entry`](entry::Entry) what it holds, a
//!   [`dropin`] what makes it hold it after a reboot;
//! * [`Wanted`](wanted) and [`Observed`](observed::Observed) make a [`Plan`](plan::Plan) or a
//!   [`Conflict`](conflict::Conflict); the applied plan leaves a [`Receipt`](receipt::Receipt);
//! * a [`Diagnosis`](diagnosis::Diagnosis) says why a program does not run, by its [`Cause`](diagnosis::Cause)s;
//! * a [`Tool`](release::Tool) is a version of qus itself, which replaces [`itself`] by it where it may;
//! * a [`Tongue`](compat::Tongue) is the language of an older tool, in which all this can be asked for.
//!
//! The layers, each importing only from those above it: facts, decisions, effects, verbs.

// Facts: portable, pure.
pub mod advisory;
pub mod bundle;
pub mod channel;
pub mod configuration;
pub mod dropin;
pub mod elf;
pub mod entry;
pub mod exit;
pub mod export;
pub mod hex;
pub mod host;
pub mod kind;
pub mod layout;
pub mod linkage;
pub mod listing;
pub mod moment;
pub mod owner;
pub mod package;
pub mod place;
pub mod program;
pub mod proof;
pub mod qemu;
pub mod release;
pub mod rooted;
pub mod rule;
pub mod settings;
pub mod shebang;
pub mod shell;
pub mod target;
pub mod tool;
pub mod trust;
pub mod version;

// Decisions: pure functions of values.
pub mod conflict;
pub mod diagnosis;
pub mod itself;
pub mod news;
pub mod observed;
pub mod plan;
pub mod receipt;
pub mod wanted;

// Effects: nothing else touches the machine.
pub mod system;

// Verbs: what people type.
pub mod cli;
pub mod commands;
pub mod compat;
pub mod ui;
