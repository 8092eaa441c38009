//! What `register.sh` and `qemu-binfmt-conf.sh` are tried on.

use std::path::PathBuf;

use crate::support::real::Emulators;
use crate::support::sandbox::Sandbox;

/// Real emulators, as the book says where they lie.
pub(super) struct Scripts {
    few: Emulators,
    x86: Emulators,
}

impl Scripts {
    pub(super) fn new() -> Scripts {
        Scripts {
            few: Emulators::of(&["aarch64", "arm", "hexagon", "riscv64"]),
            // The tester's own cannot be installed: the file of another one that runs here stands in for it.
            x86: Emulators::of(&["i386"]),
        }
    }

    /// The file of one of them.
    pub(super) fn emulator(&self, target: &str) -> PathBuf {
        self.few.folder().join(format!("qemu-{target}-static"))
    }

    /// A machine on which qus is called as they are.
    pub(super) fn machine(&self) -> Sandbox {
        let machine = Sandbox::new();
        machine.call_it(&["qus", "register", "register.sh", "qemu-binfmt-conf.sh"]);
        let few = ["/usr/bin", "/usr/local/bin"].map(|to| self.few.link(to, "-static") + &self.few.link(to, ""));
        let x86 = self.x86.link("/usr/lib/x86", "-static");
        let own = "ln -s qemu-i386-static /usr/lib/x86/qemu-x86_64-static";
        machine.shell(&format!("{}{x86}{own}", few.concat())).expect(0, &[]);
        machine
    }
}
