//! Roles: whose signature counts for what.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

use super::Minisig;
use super::root::{Key, Label};

/// What keys are for. Each is a type of its own, so that whoever asks for keys of one cannot be handed those of another.
pub trait Purpose: Clone + Debug + PartialEq + Eq {
    /// What documents and messages call it.
    const NAME: &'static str;
}

/// Keys that sign roots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ForRoots {}

/// Keys that sign assets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ForReleases {}

/// Keys that sign the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ForIndexes {}

impl Purpose for ForRoots {
    const NAME: &'static str = "root";
}

impl Purpose for ForReleases {
    const NAME: &'static str = "release";
}

impl Purpose for ForIndexes {
    const NAME: &'static str = "index";
}

/// The keys of one role, and how many of them must sign.
///
/// A role cannot stand in for another:
///
/// ```
/// use qus::trust::{ForIndexes, Role, Root};
/// fn keys_of_the_index(root: &Root) -> &Role<ForIndexes> {
///     &root.roles.index
/// }
/// ```
///
/// ```compile_fail,E0308
/// use qus::trust::{ForIndexes, Role, Root};
/// fn keys_of_the_index(root: &Root) -> &Role<ForIndexes> {
///     &root.roles.release
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Role<P: Purpose> {
    /// How many different keys must have signed; at least one.
    pub threshold: usize,
    /// The keys, by the label of who holds each. Signatures of roots are named after it.
    pub keys: BTreeMap<Label, Key>,
    #[serde(skip)]
    purpose: PhantomData<P>,
}

impl<P: Purpose> Role<P> {
    /// A role of these keys.
    pub fn new(threshold: usize, keys: BTreeMap<Label, Key>) -> Role<P> {
        Role { threshold, keys, purpose: PhantomData }
    }

    /// Whether `key` is one of it.
    pub fn has(&self, key: &Key) -> bool {
        self.keys.values().any(|own| own == key)
    }

    /// Whether `signature` is one of `text` by the key that `label` holds, as far as can be told without its claims.
    pub fn is_signed_by(&self, what: &str, text: &str, signature: &str, label: &Label) -> bool {
        let key = Minisig::parse(what, signature).and_then(|signature| signature.signer(text.as_bytes(), self));
        key.is_ok_and(|key| self.keys.get(label) == Some(&key))
    }

    /// Why its threshold makes no sense, if it does not: keys that are listed twice count once.
    pub(super) fn fault(&self) -> Option<String> {
        let mut different: Vec<&Key> = Vec::new();
        for key in self.keys.values() {
            if !different.iter().any(|other| other.is_the_same_as(key)) {
                different.push(key);
            }
        }
        let (threshold, keys) = (self.threshold, different.len());
        (!(1..=keys).contains(&threshold)).then(|| format!("role \"{}\" wants {threshold} of {keys} keys", P::NAME))
    }
}
