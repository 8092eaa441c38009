//! The names of causes, and the book's pages that bear them.

use serde::Serialize;

use super::cause::Cause;

/// A page of the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Page {
    /// The cause's name.
    pub id: &'static str,
    /// The text.
    pub text: &'static str,
}

impl Page {
    /// The page of the cause that is called so.
    pub fn of(id: &str) -> Option<&'static Page> {
        PAGES.iter().find(|page| page.id == id)
    }
}

/// Names causes, and reads the page of each name. A cause without a name is a `match` that lacks an arm, and a name
/// without a page a file that is not found: neither compiles.
macro_rules! names {
    ($($cause:ident => $id:literal,)*) => {
        /// Every page, in the order of the causes.
        pub const PAGES: &[Page] = &[
            $(Page { id: $id, text: include_str!(concat!("../../docs/causes/", $id, ".md")) },)*
        ];

        impl Cause {
            /// Its name: some words with dashes, and the name of its page.
            pub fn id(&self) -> &'static str {
                match self {
                    $(Cause::$cause { .. } => $id,)*
                }
            }
        }
    };
}

names! {
    NoSuchFile => "no-such-file",
    NotAProgram => "not-a-program",
    FileUnreadable => "file-unreadable",
    FileNotExecutable => "file-not-executable",
    FileOnNoexec => "file-on-noexec",
    FileCutOff => "file-cut-off",
    ScriptInterpreterMissing => "script-interpreter-missing",
    ScriptLineEnd => "script-line-end",
    UnknownArchitecture => "unknown-architecture",
    NativeRefused => "native-refused",
    LoaderMissing => "loader-missing",
    LibraryMissing => "library-missing",
    PageSize => "page-size",
    ModuleMissing => "module-missing",
    NotMounted => "not-mounted",
    NoProc => "no-proc",
    Wsl1 => "wsl-1",
    TableDisabled => "table-disabled",
    TableHidden => "table-hidden",
    NoEntry => "no-entry",
    EntryDisabled => "entry-disabled",
    EntryDoesNotMatch => "entry-does-not-match",
    NativeTaken => "native-taken",
    EmulatorMissing => "emulator-missing",
    EmulatorNotExecutable => "emulator-not-executable",
    EmulatorOnNoexec => "emulator-on-noexec",
    EmulatorDynamic => "emulator-dynamic",
    EmulatorWrongHost => "emulator-wrong-host",
    NoFixBinary => "no-fix-binary",
    EmulatorNotHere => "emulator-not-here",
    EmulatorReplaced => "emulator-replaced",
    NeighbourFails => "neighbour-fails",
    HostTooOld => "host-too-old",
    EmulatorFails => "emulator-fails",
    EmulatorRefused => "emulator-refused",
    Advisory => "advisory",
    SetIdWithoutCredentials => "set-id-without-credentials",
    Argv0Lost => "argv0-lost",
    Argv0Shifted => "argv0-shifted",
    AddressSpace => "address-space",
    WriteExecuteDenied => "write-execute-denied",
    MmapMinAddr => "mmap-min-addr",
    MmapRndBits => "mmap-rnd-bits",
    QusEmulated => "qus-emulated",
    DropInMissing => "drop-in-missing",
    DropInForeign => "drop-in-foreign",
    DropInMasked => "drop-in-masked",
    DropInOtherKernel => "drop-in-other-kernel",
    OutdoneAfterBoot => "outdone-after-boot",
    EmulatorDamaged => "emulator-damaged",
    EmulatorRevoked => "emulator-revoked",
}
