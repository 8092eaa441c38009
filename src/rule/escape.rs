//! Bytes in a rule's line, each of which may be written as `\xHH`.

/// The bytes of a field in which some are written as `\xHH`.
pub(super) fn unescaped(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        match after {
            [b'x', high, low, after @ ..] if *first == b'\\' => {
                let digits = std::str::from_utf8(&[*high, *low]).ok().and_then(crate::hex::decode)?;
                bytes.extend(digits);
                rest = after;
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    Some(bytes)
}

/// Bytes as `register` and every configuration of it take them.
pub(crate) fn escaped(bytes: &[u8]) -> String {
    crate::hex::encode(bytes)
        .as_bytes()
        .chunks(2)
        .flat_map(|digits| [b'\\', b'x', digits[0], digits[1]])
        .map(char::from)
        .collect()
}
