//! How long a server is waited for, and how often it is asked again.

use std::time::Duration;

/// Bounds on what a server may make of our time. The program has one set of them, [`Limits::default`].
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long it may take to accept a connection.
    pub connect: Duration,
    /// How long it may fall silent.
    pub silence: Duration,
    /// How long a document may take from the first request to the last byte, retries and waits included.
    pub document: Duration,
    /// Fewest bytes a second that an asset must come at, on average over `window`: a server that drips is a dead one.
    pub rate: u64,
    /// Over how long the rate is measured.
    pub window: Duration,
    /// How often in a row a file is asked for in vain before the source is given up.
    pub attempts: u32,
    /// How many connections one asset may take, however far each brings it.
    pub connections: u32,
    /// The wait after the first failure; it doubles with every further one.
    pub backoff: Duration,
    /// The longest wait that a server may ask for. Who asks for more is not waited for.
    pub retry_after: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connect: Duration::from_secs(10),
            silence: Duration::from_secs(30),
            document: Duration::from_secs(60),
            rate: 1024,
            window: Duration::from_secs(60),
            attempts: 5,
            connections: 64,
            backoff: Duration::from_millis(500),
            retry_after: Duration::from_secs(120),
        }
    }
}
