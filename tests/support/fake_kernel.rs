//! A table that behaves as the kernel's does; `table.rs` holds both to the same contract.

use std::cell::RefCell;
use std::io;

use qus::entry::Entry;
use qus::observed::Table;
use qus::place::Keeper;
use qus::rule::{LINE_MAX, Rule, RuleName};
use qus::system::kernel::{Kernel, KernelError};

/// Newest entry last.
#[derive(Default)]
pub(crate) struct FakeKernel {
    entries: RefCell<Vec<Entry>>,
}

impl FakeKernel {
    pub(crate) fn entries(&self) -> Vec<Entry> {
        self.entries.borrow().clone()
    }

    pub(crate) fn with(rules: &[Rule]) -> FakeKernel {
        let entries = rules.iter().cloned().map(Entry::of).collect();
        FakeKernel { entries: RefCell::new(entries) }
    }
}

fn refused(errno: nix::errno::Errno) -> KernelError {
    KernelError::Refused { what: "do as told".to_owned(), error: io::Error::from_raw_os_error(errno as i32) }
}

impl Kernel for FakeKernel {
    fn table(&self) -> Result<Option<Table>, KernelError> {
        let mut table = Table { enabled: true, ..Table::default() };
        for entry in self.entries().into_iter().rev() {
            table.add(Ok(entry));
        }
        Ok(Some(table))
    }

    fn keeper(&self) -> Keeper {
        Keeper::Machine
    }

    fn entry(&self, name: &RuleName) -> Result<Option<Entry>, KernelError> {
        Ok(self.entries().into_iter().find(|entry| entry.name() == name))
    }

    fn register(&self, rule: &Rule) -> Result<(), KernelError> {
        use nix::errno::Errno;
        if rule.line().len() > LINE_MAX || rule.flags.as_str().contains(|letter| !"POCF".contains(letter)) {
            return Err(refused(Errno::EINVAL));
        }
        // The interpreter is opened before the name is looked at.
        if rule.flags.has('F') && !std::path::Path::new(&rule.interpreter).exists() {
            return Err(refused(Errno::ENOENT));
        }
        if self.entry(&rule.name)?.is_some() {
            return Err(refused(Errno::EEXIST));
        }
        self.entries.borrow_mut().push(Entry { rule: rule.clone(), enabled: true });
        Ok(())
    }

    fn disable(&self, name: &RuleName) -> Result<(), KernelError> {
        for entry in self.entries.borrow_mut().iter_mut().filter(|entry| entry.name() == name) {
            entry.enabled = false;
        }
        Ok(())
    }

    fn unregister(&self, name: &RuleName) -> Result<(), KernelError> {
        self.entries.borrow_mut().retain(|entry| entry.name() != name);
        Ok(())
    }

    fn mount(&self) -> Result<(), KernelError> {
        Ok(())
    }

    fn unmount(&self) -> Result<(), KernelError> {
        Ok(())
    }
}
