//! First lines of scripts: only what the kernel reads counts.

use qus::rule::HEAD;
use qus::shebang::Shebang;

pub(crate) fn check(bytes: &[u8]) {
    let read = Shebang::parse(bytes);
    assert_eq!(
        read,
        Shebang::parse(&bytes[..bytes.len().min(HEAD)]),
        "bytes are looked at that the kernel does not read"
    );
    let Ok(shebang) = read else { return };
    assert!(bytes.starts_with(b"#!"));
    assert!(!shebang.interpreter.is_empty() && !shebang.interpreter.contains([' ', '\t', '\n', '\0']));
    assert!(shebang.argument.iter().all(|argument| !argument.starts_with([' ', '\t']) && !argument.contains('\n')));
    let _ = shebang.ends_in_carriage_return();
    assert!(shebang.by_env().is_none_or(|program| !program.starts_with('-')));
}
