//! `qus-release tool`: archives of qus itself.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use memchr::memmem;
use qus::elf::Header;
use qus::hex::Sha256;
use qus::host::Host;
use qus::release::{EMULATOR_MAX, TOOL_FILE, TOOL_MEMBER, Tool, ToolArchive};
use qus::trust::Archive;
use qus::version::Version;
use sha2::{Digest, Sha256 as Sha256Hasher};

use crate::cli::ToolArgs;
use crate::error::{Error, failed};
use crate::import::check_role;
use crate::keys::read_secret;
use crate::pack::{Compressed, Content, pack, unpacked};
use crate::packing;
use crate::passphrase::Passphrases;
use crate::repository::Repository;
use crate::signing::Signer;
use crate::staging::Staging;
use crate::ui::{Ui, Work, count, megabytes};

/// A program of qus.
struct Program {
    path: PathBuf,
    size: u64,
    sha256: Sha256,
}

/// Packs and signs qus for the hosts that its programs are for, two archives each.
///
/// # Atomicity
///
/// As of an import: archives get their names when all are ready, the version's list last.
pub fn run(args: &ToolArgs, passphrases: &Passphrases, ui: &Ui) -> Result<Tool, Error> {
    let signer = read_secret(&args.key, passphrases)?;
    let repository = Repository::create(&args.repository)?;
    check_role(&repository, &args.key, &signer)?;
    let mut programs: BTreeMap<Host, Program> = BTreeMap::new();
    for path in &args.programs {
        let (host, program) = recognise(path, &args.version, ui)?;
        if programs.insert(host, program).is_some() {
            return Err(Error::TwoTools { path: path.clone(), host });
        }
    }

    let staging = repository.staging()?;
    let before = repository.tool(&ToolArchive::folder(&args.version))?;
    let archives = pack_all(&programs, args, &signer, &staging, ui)?;
    let mut tool = Tool { version: args.version.clone(), withdrawn: None, archives: archives.clone() };
    tool.withdrawn = before.as_ref().and_then(|before| before.withdrawn.clone());
    for old in before.into_iter().flat_map(|tool| tool.archives) {
        match archives.iter().find(|archive| archive.file == old.file) {
            None => tool.archives.push(old),
            Some(archive) if *archive != old && !args.force => {
                return Err(Error::WouldChange { version: tool.version, file: old.file });
            }
            Some(_) => {}
        }
    }
    tool.archives.sort_by(|a, b| (a.host, &a.file).cmp(&(b.host, &b.file)));
    place(&tool, &archives, &repository, &staging)?;
    Ok(tool)
}

/// What a program is by its content: which host it is for, and that it is of this version.
fn recognise(path: &Path, version: &Version, ui: &Ui) -> Result<(Host, Program), Error> {
    let not_qus = |why: String| Error::NotATool { path: path.to_owned(), why };
    let mut content = Vec::new();
    let file = std::fs::File::open(path).map_err(failed("open", path))?;
    file.take(EMULATOR_MAX + 1).read_to_end(&mut content).map_err(failed("read", path))?;
    if content.len() as u64 > EMULATOR_MAX {
        return Err(not_qus(format!("it is longer than {EMULATOR_MAX} bytes")));
    }
    let header = Header::parse(&content).map_err(|error| not_qus(error.to_string()))?;
    let host = Host::of(&header).filter(|_| header.is_program());
    let host = host.ok_or_else(|| {
        not_qus(format!("it is no program of a host that qus knows (ELF machine {})", header.machine))
    })?;
    if memmem::find(&content, version.as_str().as_bytes()).is_none() {
        return Err(not_qus(format!("it bears no version {version}")));
    }
    if header.wants_loader(&content) {
        ui.note(format!("\"{}\" is dynamically linked: it runs only where its libraries are", path.display()));
    }
    let sha256 = Sha256(Sha256Hasher::digest(&content).into());
    Ok((host, Program { path: path.to_owned(), size: content.len() as u64, sha256 }))
}

fn pack_all(
    programs: &BTreeMap<Host, Program>,
    args: &ToolArgs,
    signer: &Signer,
    staging: &Staging,
    ui: &Ui,
) -> Result<Vec<ToolArchive>, Error> {
    let what = format!("qus {} for {}", args.version, count(programs.len(), "host"));
    let work = ui.begin(
        &format!("packing {what}"),
        programs.values().map(|program| 2 * unpacked([program.size].into_iter())).sum(),
    );
    let mut archives = Vec::new();
    for (host, program) in programs {
        for (file, compression) in
            [(ToolArchive::file_name(*host), Compressed::ONE), (ToolArchive::tgz_name(*host), Compressed::Gzip)]
        {
            let archive = pack_one(file, compression, *host, program, &args.version, staging, &work)?;
            packing::sign(&archive, &args.version, signer, staging)?;
            archives.push(archive);
        }
    }
    ui.end(&work, &format!("packed {what}, {}", megabytes(archives.iter().map(|archive| archive.size).sum())));
    Ok(archives)
}

fn pack_one(
    file: String,
    compression: Compressed,
    host: Host,
    program: &Program,
    version: &Version,
    staging: &Staging,
    work: &Work,
) -> Result<ToolArchive, Error> {
    let path = staging.file(&format!("{}/{file}", ToolArchive::folder(version)))?;
    let content = Content { name: TOOL_MEMBER.to_owned(), size: program.size, file: &program.path };
    let (size, sha256) = pack(&[content], compression, &path, work)?;
    Ok(ToolArchive { file, host, size, sha256, program_size: program.size, program_sha256: program.sha256 })
}

fn place(tool: &Tool, archives: &[ToolArchive], repository: &Repository, staging: &Staging) -> Result<(), Error> {
    let folder = ToolArchive::folder(&tool.version);
    let list = format!("{folder}/{TOOL_FILE}");
    let text = serde_json::to_string_pretty(tool)
        .map_err(|error| Error::Malformed { path: repository.file(&list), why: error.to_string() })?;
    staging.write(&list, &(text + "\n"))?;
    let files = archives.iter().map(|archive| format!("{folder}/{}", archive.file));
    let mut names: Vec<String> = files.flat_map(|file| [format!("{file}.minisig"), file]).collect();
    names.push(list);
    staging.place(&names)
}
