//! Words as a shell takes them.

/// `word` so that a shell reads it as one, plain where that is safe.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%=,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        let within = |c: char| match c {
            '\'' => r"'\''".to_owned(),
            // What cannot be seen cannot be copied from a terminal, and may do something to it.
            c if c.is_ascii_control() && c != '\n' => format!(r#"'"$(printf '\{:03o}')"'"#, u32::from(c)),
            c => c.to_string(),
        };
        format!("'{}'", word.chars().map(within).collect::<String>())
    }
}
