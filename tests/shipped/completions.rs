//! What bash, zsh and fish make of a word that was begun, with the package's files and nothing else.

use std::process::Command;

use super::{of_the_program, unpacked};
use crate::support::machine::Said;

/// What was typed, and the word that its last one is to become: a verb, a target, an option, an option's value.
const WORDS: [(&str, &str); 4] = [
    ("qus ins", "install"),
    ("qus install arm aarch64_", "aarch64_be"),
    ("qus install --fla", "--flags"),
    ("qus status --color alw", "always"),
];

const BASH: &str = r#"
. "$1"
complete -p qus >&2
COMP_WORDS=($2)
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_qus qus "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
echo "${COMPREPLY[*]}"
"#;

/// Types it into a terminal, with tab and enter. What the command is then given has the word at its end.
const ZSH: &str = r#"
zmodload zsh/zpty
zpty shell "TERM=dumb PS1= zsh -f -i"
zpty -w shell "fpath=(${1:h} \$fpath); autoload -Uz compinit; compinit -u -D; qus() { print -r -- \"given: \$*\"; }; print rea''dy"
zpty -r -m shell said $'*\nready\r*'
zpty -w -n shell "$2"$'\t\n'
zpty -r -m shell said $'*\ngiven: *\r*'
print -r -- ${${${said##*$'\n'given: }%%$'\r'*}##* }
"#;

const FISH: &str = r"source $argv[1]; complete -C $argv[2] | cut -f 1";

#[track_caller]
fn offers(shell: &[&str], script: &str, file: &str) {
    let folder = unpacked(&of_the_program("deb"));
    let file = folder.path().join(file);
    for (typed, word) in WORDS {
        // A shell that waits for what does not come is no shell that passes.
        let mut command = Command::new("timeout");
        command.arg("60").args(shell).args(["-c", script]);
        if shell[0] != "fish" {
            command.arg(shell[0]);
        }
        let said = Said::by(command.arg(&file).arg(typed).output().unwrap());
        assert_eq!((said.code, said.stdout.as_str()), (Some(0), format!("{word}\n").as_str()), "{typed}: {said:#?}");
    }
    assert!(!std::fs::read_to_string(file).unwrap().contains("self-test"), "a hidden verb");
}

#[test]
fn bash_completes_verbs_targets_options_and_their_values() {
    offers(&["bash", "--norc"], BASH, "usr/share/bash-completion/completions/qus");
}

#[test]
fn zsh_completes_verbs_targets_options_and_their_values() {
    offers(&["zsh", "-f"], ZSH, "usr/share/zsh/vendor-completions/_qus");
}

#[test]
fn fish_completes_verbs_targets_options_and_their_values() {
    offers(&["fish", "--no-config"], FISH, "usr/share/fish/vendor_completions.d/qus.fish");
}
