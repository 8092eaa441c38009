//! The first line of scripts, read as the kernel of this machine reads it.

use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use qus::shebang::{NotScript, Shebang};
use tempfile::TempDir;

fn parse(head: &str) -> Result<(String, Option<String>), NotScript> {
    Shebang::parse(head.as_bytes()).map(|shebang| (shebang.interpreter, shebang.argument))
}

fn read(interpreter: &str, argument: Option<&str>) -> (String, Option<String>) {
    (interpreter.to_owned(), argument.map(str::to_owned))
}

#[test]
fn an_interpreter_has_at_most_one_argument() {
    assert_eq!(parse("#!/bin/sh\necho"), Ok(read("/bin/sh", None)));
    assert_eq!(parse("#! \t/bin/sh -e -x \t\necho"), Ok(read("/bin/sh", Some("-e -x"))));
    assert_eq!(parse("#!/bin/sh"), Ok(read("/bin/sh", None)));
    assert_eq!(parse("#!/bin/sh -e "), Ok(read("/bin/sh", Some("-e "))));
    assert_eq!(parse("#!/bin/sh\0-e\n"), Ok(read("/bin/sh", None)));
}

#[test]
fn what_is_no_script_is_told_from_what_looks_like_one() {
    assert_eq!(parse(""), Err(NotScript::Unmarked));
    assert_eq!(parse("echo\n#!/bin/sh\n"), Err(NotScript::Unmarked));
    assert_eq!(parse("\u{feff}#!/bin/sh\n"), Err(NotScript::ByteOrderMark));
    assert_eq!(parse("\u{feff}echo\n"), Err(NotScript::Unmarked));
    assert_eq!(parse("#!"), Err(NotScript::Nameless));
    assert_eq!(parse("#!  \n/bin/sh\n"), Err(NotScript::Nameless));
    assert_eq!(parse(&format!("#!{}", " ".repeat(300))), Err(NotScript::Nameless));
}

#[test]
fn a_path_may_not_be_cut_off_and_an_argument_may() {
    let path = |length: usize| format!("/{}", "a".repeat(length - 1));
    assert_eq!(parse(&format!("#!{}\n", path(253))), Ok(read(&path(253), None)));
    assert_eq!(parse(&format!("#!{}\n", path(254))), Err(NotScript::Long));
    assert_eq!(parse(&format!("#!{} -e\n", path(253))), Ok(read(&path(253), None)));
    assert_eq!(parse(&format!("#!/bin/sh {}\n", "b".repeat(300))), Ok(read("/bin/sh", Some(&"b".repeat(245)))));
}

#[test]
fn line_ends_of_windows_are_a_part_of_the_name() {
    let told = |head: &str| Shebang::parse(head.as_bytes()).unwrap().ends_in_carriage_return();
    assert!(told("#!/bin/sh\r\necho\r\n"));
    assert!(told("#!/bin/sh -e\r\n"));
    assert!(!told("#!/bin/sh\necho\r\n"));
}

#[test]
fn env_looks_for_the_program_that_it_is_given() {
    let sought = |head: &str| Shebang::parse(head.as_bytes()).unwrap().by_env().map(str::to_owned);
    assert_eq!(sought("#!/usr/bin/env python3\n").as_deref(), Some("python3"));
    assert_eq!(sought("#!/usr/bin/env -S python3 -u\n").as_deref(), Some("python3"));
    assert_eq!(sought("#!/usr/bin/env -S LANG=C perl -w\n").as_deref(), Some("perl"));
    // Without -S the blank is a part of the name.
    assert_eq!(sought("#!/usr/bin/env python3 -u\n").as_deref(), Some("python3 -u"));
    for other in [
        "#!/usr/bin/env\n",
        "#!/usr/bin/env -i\n",
        "#!/bin/sh python3\n",
        "#!/usr/bin/env A=1\n",
        "#!/usr/bin/env -S\n",
    ] {
        assert_eq!(sought(other), None, "{other}");
    }
}

/// Linux's numbers of errors (tag v6.12, `include/uapi/asm-generic/errno-base.h`).
const ENOENT: i32 = 2;
const ENOEXEC: i32 = 8;
const EACCES: i32 = 13;

/// Lines of everything that matters to the kernel, in every order that a random number makes, and what it does with
/// them: `/bin/echo` prints its argument and the script's path.
#[test]
fn a_thousand_lines_are_read_as_the_kernel_reads_them() {
    const PARTS: [&str; 11] = [" ", "\t", "\n", "\0", "\r", "/bin/echo", "-e", "x y", "\n\n", "/bin/missing", "\x0b"];
    let folder = TempDir::new().unwrap();
    let script = folder.path().join("script");
    let mut random = fastrand::Rng::with_seed(4);
    let (mut run, mut refused) = (0, 0);
    for _ in 0..1000 {
        let mut line = random.choice([&b"#!"[..], b"#!/bin/echo", b"#! \t/bin/echo "]).unwrap().to_vec();
        for _ in 0..random.usize(0..6) {
            line.extend(random.choice(PARTS).unwrap().as_bytes());
        }
        // Around the end of what the kernel reads, too.
        if random.u8(..3) == 0 {
            let until = random.usize(250..260);
            let filler = *random.choice(b" \taa").unwrap();
            let at = random.usize(2..=line.len());
            let missing = until.saturating_sub(line.len());
            line.splice(at..at, std::iter::repeat_n(filler, missing));
        }
        std::fs::write(&script, &line).unwrap();
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
        // A test beside this one that is about to start a program holds for a moment what is open here for writing.
        let done = std::iter::repeat_with(|| Command::new(&script).output())
            .find(|done| !matches!(done, Err(error) if error.kind() == ErrorKind::ExecutableFileBusy))
            .unwrap();
        let shown = String::from_utf8_lossy(&line).into_owned();
        match Shebang::parse(&line) {
            Ok(Shebang { interpreter, argument }) if interpreter == "/bin/echo" => {
                // echo knows options; they are told by what is left.
                let argument = argument.map(|argument| if argument == "-e" { String::new() } else { argument + " " });
                let expected = format!("{}{}\n", argument.unwrap_or_default(), script.display());
                assert_eq!(String::from_utf8_lossy(&done.unwrap().stdout), expected, "{shown:?}");
                run += 1;
            }
            Ok(Shebang { interpreter, .. }) => {
                assert!(done.is_err_and(|error| error.raw_os_error() != Some(ENOEXEC)), "{shown:?} {interpreter:?}");
            }
            Err(why) => {
                // Where a zero follows the "#!", it does not refuse the file but looks for a program without a name.
                let error = done.unwrap_err().raw_os_error().unwrap();
                let nameless = why == NotScript::Nameless && [ENOENT, EACCES].contains(&error);
                assert!(error == ENOEXEC || nameless, "{shown:?} {why} {error}");
                refused += 1;
            }
        }
    }
    assert!(run > 100 && refused > 50, "{run} {refused}");
}
