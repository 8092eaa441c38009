//! How rules are to be written.

use crate::rule::{BadRule, Flags, KernelVersion, Match, Rule};
use crate::target::Target;

/// How a rule is to be written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Letters {
    /// Exactly these, whatever the kernel: for experts.
    pub exactly: Option<Flags>,
    /// Set-uid programs run with their owner's rights, and the emulator with them.
    pub credentials: bool,
    /// Which of the target's programs it takes.
    pub programs: Match,
    /// What its name begins with, before `qemu-TARGET`.
    pub prefix: String,
}

impl Letters {
    /// The rule of `target` that runs `interpreter`, on a kernel of this version.
    pub fn rule(&self, target: Target, interpreter: &str, kernel: KernelVersion) -> Result<Rule, BadRule> {
        let rule = Rule::new(target, self.programs, interpreter, self.flags(kernel))?;
        Ok(rule.named(rule.name.prefixed(&self.prefix)?))
    }

    /// The letters for a kernel of this version.
    pub fn flags(&self, kernel: KernelVersion) -> Flags {
        self.exactly.clone().unwrap_or_else(|| Flags::for_kernel(kernel, self.credentials))
    }

    /// Reads the letters of `--flags`.
    pub fn exactly(letters: &str) -> Result<Flags, BadRule> {
        match letters.chars().find(|letter| !"POCF".contains(*letter)) {
            None => Flags::try_from(letters.to_owned()),
            Some(_) => Err(BadRule::Flags(letters.to_owned())),
        }
    }
}
