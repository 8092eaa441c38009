//! What whoever waits should know while it happens: that a server is asked again, or another one instead.

use std::sync::OnceLock;

/// Whoever is told.
type Teller = Box<dyn Fn(&str) + Send + Sync>;

static TELLER: OnceLock<Teller> = OnceLock::new();

/// From now on `teller` is told. The first one stays.
pub fn tell_by(teller: impl Fn(&str) + Send + Sync + 'static) {
    // A second one is not needed: there is one program, and it speaks in one way.
    let _ = TELLER.set(Box::new(teller));
}

/// Tells whoever listens.
pub(in crate::system) fn tell(line: &str) {
    if let Some(teller) = TELLER.get() {
        teller(line);
    }
}
