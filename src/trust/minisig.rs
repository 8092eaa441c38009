//! Signature files of minisign, read strictly.
//!
//! minisign-verify ignores everything after the fourth line and checks nothing in the trusted
//! comment; both are looked at here. Only prehashed signatures count: with the legacy kind allowed,
//! a signature and its comment could be passed off as a signed file.

use minisign_verify::{Error as Minisign, Signature, StreamVerifier};

use super::TrustError;
use super::role::{Purpose, Role};
use super::root::Key;

/// Largest signature file, in bytes: twice the four lines with the longest trusted comment of ours.
pub const MINISIG_MAX: u64 = 2 * 1024;

/// A signature, not yet checked against anything.
pub struct Minisig {
    what: String,
    signature: Signature,
    claims: Vec<(String, String)>,
}

impl std::fmt::Debug for Minisig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Minisig").field("what", &self.what).field("claims", &self.claims).finish_non_exhaustive()
    }
}

impl Minisig {
    /// Reads the four lines of a signature of `what` (used in messages).
    pub fn parse(what: &str, text: &str) -> Result<Minisig, TrustError> {
        let malformed =
            |why: &str| TrustError::Malformed { what: format!("the signature of {what}"), why: why.to_owned() };
        if text.len() as u64 > MINISIG_MAX {
            return Err(malformed("it is too long"));
        }
        let lines: Vec<&str> =
            text.strip_suffix('\n').ok_or_else(|| malformed("no line break at its end"))?.split('\n').collect();
        let [untrusted, _, trusted, _] = lines[..] else { return Err(malformed("it has not exactly four lines")) };
        if text.contains('\r') || !untrusted.starts_with("untrusted comment: ") {
            return Err(malformed("its first line is not minisign's"));
        }
        let comment =
            trusted.strip_prefix("trusted comment: ").ok_or_else(|| malformed("its third line is not minisign's"))?;
        let claims =
            parse_claims(comment).ok_or_else(|| malformed("its trusted comment is not a list of key:value"))?;
        let signature = Signature::decode(text).map_err(|_| malformed("minisign cannot read it"))?;
        Ok(Minisig { what: what.to_owned(), signature, claims })
    }

    /// What the trusted comment says of `key`. **Not to be believed before the signature is
    /// checked**, but good enough to refuse.
    pub fn claim(&self, key: &str) -> &str {
        self.claims.iter().find(|(name, _)| name == key).map_or("", |(_, value)| value)
    }

    /// Fails unless the trusted comment says that this is a document of type `kind`.
    pub fn expect_type(&self, kind: &str) -> Result<(), TrustError> {
        match self.claim("type") {
            signed if signed == kind => Ok(()),
            signed => Err(TrustError::WrongType {
                what: self.what.clone(),
                signed: signed.to_owned(),
                expected: kind.to_owned(),
            }),
        }
    }

    /// Fails unless the trusted comment says `expected` of `field`.
    pub fn expect_claim(&self, field: &'static str, expected: &str) -> Result<(), TrustError> {
        match self.claim(field) {
            signed if signed == expected => Ok(()),
            signed => Err(TrustError::Mismatch {
                what: self.what.clone(),
                field,
                signed: signed.to_owned(),
                expected: expected.to_owned(),
            }),
        }
    }

    /// Which key of `role` signed `content`.
    pub(super) fn signer<P: Purpose>(&self, content: &[u8], role: &Role<P>) -> Result<Key, TrustError> {
        let mut check = self.begin(role)?;
        check.update(content);
        check.finish()
    }

    /// Begins to check content that arrives in pieces. The signature's key id only selects: every
    /// key that bears it is tried.
    pub(super) fn begin<'a, P: Purpose>(&'a self, role: &'a Role<P>) -> Result<Check<'a>, TrustError> {
        let mut verifiers = Vec::new();
        for key in role.keys.values() {
            match key.public.verify_stream(&self.signature) {
                Ok(verifier) => verifiers.push((key, verifier)),
                Err(Minisign::UnexpectedKeyId) => {}
                Err(_) => return Err(TrustError::BadSignature { what: self.what.clone() }),
            }
        }
        if verifiers.is_empty() {
            return Err(TrustError::UnknownKey { what: self.what.clone() });
        }
        Ok(Check { what: &self.what, verifiers })
    }
}

/// A signature being checked while its content goes by.
pub(super) struct Check<'a> {
    what: &'a str,
    verifiers: Vec<(&'a Key, StreamVerifier<'a>)>,
}

impl Check<'_> {
    pub(super) fn update(&mut self, piece: &[u8]) {
        for (_, verifier) in &mut self.verifiers {
            verifier.update(piece);
        }
    }

    /// The key that signed all that went by, and the trusted comment with it.
    pub(super) fn finish(self) -> Result<Key, TrustError> {
        for (key, mut verifier) in self.verifiers {
            if verifier.finalize().is_ok() {
                return Ok(key.clone());
            }
        }
        Err(TrustError::BadSignature { what: self.what.to_owned() })
    }
}

/// `key:value` pairs, separated by tabs, no key twice.
fn parse_claims(comment: &str) -> Option<Vec<(String, String)>> {
    let mut claims: Vec<(String, String)> = Vec::new();
    for pair in comment.split('\t') {
        let (key, value) = pair.split_once(':')?;
        if claims.iter().any(|(name, _)| name == key) {
            return None;
        }
        claims.push((key.to_owned(), value.to_owned()));
    }
    Some(claims)
}
