//! What an archive must hold, and nothing else: what is unpacked, and what is published, is held against it.

use crate::elf::Header;
use crate::hex::Sha256;
use crate::host::Host;
use crate::release::{Asset, Member, TOOL_MEMBER, ToolArchive};

/// Most zeros that an archive may end with, in bytes: tar programs round up to 10 KiB.
pub const PADDING_MAX: usize = 64 * 1024;

/// How much of a member [`Listing::check_host`] looks at, in bytes: its ELF header and program headers.
pub const HEAD: usize = 4096;

/// The list of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The archive's name, for messages.
    pub file: String,
    /// What its programs run on.
    pub host: Host,
    /// Whether what it holds must need no other file.
    pub is_static: bool,
    /// All of its members.
    pub members: Vec<Listed>,
}

/// One member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its name in the archive.
    pub name: String,
    /// Size, in bytes.
    pub size: u64,
    /// Hash of the file.
    pub sha256: Sha256,
}

impl Listing {
    /// That of emulators.
    pub fn of(asset: &Asset) -> Listing {
        let listed =
            |member: &Member| Listed { name: member.target.emulator(), size: member.size, sha256: member.sha256 };
        let members = asset.members.iter().map(listed).collect();
        Listing { file: asset.file.clone(), host: asset.host, is_static: true, members }
    }

    /// That of qus. It runs where it is: a copy that was built against this machine's libraries is sound too.
    pub fn of_tool(archive: &ToolArchive) -> Listing {
        let program =
            Listed { name: TOOL_MEMBER.to_owned(), size: archive.program_size, sha256: archive.program_sha256 };
        Listing { file: archive.file.clone(), host: archive.host, is_static: false, members: vec![program] }
    }

    /// The member of that name.
    pub fn member(&self, name: &str) -> Option<&Listed> {
        self.members.iter().find(|member| member.name == name)
    }

    /// The first member that is not among `seen`.
    pub fn missing(&self, seen: &[&str]) -> Option<&Listed> {
        self.members.iter().find(|member| !seen.contains(&member.name.as_str()))
    }

    /// Fails unless the member that begins with `head`, [`HEAD`] bytes of it or all, is a program of the host, and where it
    /// must be, one that needs no other file. Says why it is not.
    pub fn check_host(&self, head: &[u8]) -> Result<(), String> {
        let header = Header::parse(head).map_err(|error| error.to_string())?;
        match Host::of(&header) {
            Some(other) if other == self.host => {}
            Some(other) => return Err(format!("it is one of \"{other}\"")),
            None => return Err(format!("its ELF machine is {}, {:?}", header.machine, header.class)),
        }
        if self.is_static && header.wants_loader(head) { Err("it is dynamically linked".to_owned()) } else { Ok(()) }
    }
}
