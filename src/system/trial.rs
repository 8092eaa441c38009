//! Trying a new qus before anybody depends on it.

use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use thiserror::Error;

use super::root::Root;
use crate::exit::{Exit, Explain};
use crate::layout::Layout;
use crate::rooted::RootedPath;
use crate::version::Version;

/// How long a program may take to answer. It takes some milliseconds; a busy machine of the slowest kind, seconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often a program that has said everything is looked at whether it has ended.
const GLANCE: Duration = Duration::from_millis(10);

/// How much of what a program says is read, in bytes: it is a line.
const SAID_MAX: usize = 4096;

/// The hidden word by which qus examines itself.
pub const SELF_TEST: &str = "self-test";

/// A program that is not what it should be.
#[derive(Debug, Error)]
#[expect(missing_docs, reason = "each says itself what it means")]
pub enum TrialError {
    #[error("\"{path}\" does not start: {why}")]
    DoesNotStart { path: RootedPath, why: String },
    #[error("\"{path}\" calls itself \"{said}\", not qus {version}")]
    OtherVersion { path: RootedPath, said: String, version: Version },
}

impl Explain for TrialError {
    fn exit(&self) -> Exit {
        Exit::Failed
    }

    fn help(&self) -> Option<String> {
        Some("the qus that was here stays in use; tell the publisher of the other".to_owned())
    }
}

/// Starts the program at `path`, which must call itself qus of `version` and find itself sound on this machine.
pub fn attempt(root: &Root, path: &RootedPath, version: &Version) -> Result<(), TrialError> {
    let program = root.locate(path);
    let failed = |why: String| TrialError::DoesNotStart { path: path.clone(), why };
    let said = ask(root, &program, "--version").map_err(failed)?;
    if said != format!("qus {version}") {
        return Err(TrialError::OtherVersion { path: path.clone(), said, version: version.clone() });
    }
    ask(root, &program, SELF_TEST).map(drop).map_err(failed)
}

/// What the program says to `word`, or why it says nothing good.
fn ask(root: &Root, program: &Path, word: &str) -> Result<String, String> {
    let mut command = Command::new(program);
    command.arg(word).env_clear();
    // What it finds of its own lies where this one finds it.
    if *root.layout() != Layout::system() {
        command.arg("--user");
        command.envs(std::env::var_os("HOME").map(|home| ("HOME", home)));
    }
    match hear(command, PATIENCE).map_err(|error| error.to_string())? {
        (_, None) => Err(format!("no answer to {word} in {} seconds", PATIENCE.as_secs())),
        (_, Some(status)) if !status.success() => Err(format!("{word}: {status}")),
        (said, Some(_)) => Ok(said),
    }
}

/// What a program says, to its first 4 KiB, and how it ended; after `patience` it is ended, and there is no answer.
pub(super) fn hear(mut command: Command, patience: Duration) -> io::Result<(String, Option<ExitStatus>)> {
    let until = Instant::now() + patience;
    // Not `Stdio::null`: it opens /dev/null, which a chroot may not have.
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let heard = listen(&mut child, until);
    // Ended already, or past its time.
    let _ = child.kill();
    let _ = child.wait();
    heard
}

fn listen(child: &mut Child, until: Instant) -> io::Result<(String, Option<ExitStatus>)> {
    drop(child.stdin.take());
    let left = || until.saturating_duration_since(Instant::now());
    let mut said = Vec::new();
    let Some(mut output) = child.stdout.take() else { return Ok((String::new(), None)) };
    while said.len() < SAID_MAX {
        let time = PollTimeout::try_from(left()).unwrap_or(PollTimeout::MAX);
        let mut ready = [PollFd::new(output.as_fd(), PollFlags::POLLIN)];
        match poll(&mut ready, time) {
            Ok(0) => return Ok((String::new(), None)),
            Ok(_) => {}
            Err(nix::errno::Errno::EINTR) => continue,
            Err(errno) => return Err(errno.into()),
        }
        let mut piece = [0; SAID_MAX];
        match output.read(&mut piece)? {
            0 => break,
            read => said.extend(&piece[..read]),
        }
    }
    drop(output);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok((String::from_utf8_lossy(&said).trim_end().to_owned(), Some(status)));
        }
        if left().is_zero() {
            return Ok((String::new(), None));
        }
        std::thread::sleep(GLANCE);
    }
}
