//! Lines that register a rule: what is read of one is written so that it reads the same.

use qus::rule::Rule;

pub(crate) fn check(bytes: &[u8]) {
    for line in String::from_utf8_lossy(bytes).lines() {
        let Ok(rule) = Rule::parse(line) else { continue };
        let written = rule.line();
        assert_eq!(Rule::parse(&written), Ok(rule.clone()), "{written}");
        let json = serde_json::to_string(&rule).expect("it has a spelling");
        assert_eq!(serde_json::from_str::<Rule>(&json).expect("it was one before"), rule);
        let _ = rule.pattern.matches(bytes);
    }
}
