//! The administrator's settings, `/etc/qus/config.toml`. What is typed goes before them, and qus never writes them.

use std::fmt;
use std::num::NonZeroUsize;
use std::ops::Range;

use serde::Deserialize;

use crate::channel::Channel;

/// What the file says; what it does not say is as by default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// URL of the repository, for those who type none.
    pub repository: Option<String>,
    /// URLs of folders with the repository's files, asked before those that its index names.
    pub mirrors: Vec<String>,
    /// The channel of those who type none.
    pub channel: Option<Channel>,
    /// A file of certificates in PEM, of authorities to be believed beside the system's.
    pub ca: Option<String>,
    /// URL of a proxy, `http://`, `https://` or `socks5h://`, where the environment names none.
    pub proxy: Option<String>,
    /// How many versions of an emulator stay installed.
    pub keep: Keep,
    /// How `qus update` goes about.
    pub update: UpdateSettings,
}

/// The table `[update]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UpdateSettings {
    /// When `qus update --scheduled` may change anything, in local time; always, if there is none.
    pub window: Option<Window>,
}

/// A number of versions: the present one, and those to go back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Keep(NonZeroUsize);

impl Keep {
    /// How many.
    pub fn versions(self) -> usize {
        self.0.get()
    }
}

impl Default for Keep {
    /// Two: one to run, one to go back to.
    fn default() -> Keep {
        Keep(NonZeroUsize::MIN.saturating_add(1))
    }
}

/// Hours of a day, such as `02:00-05:30`; they may go past midnight.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Window(Range<u16>);

impl Window {
    /// Whether it is open at `minute` of the day.
    pub fn is_open(&self, minute: u16) -> bool {
        let Range { start, end } = self.0;
        if start <= end { (start..end).contains(&minute) } else { minute >= start || minute < end }
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Range { start, end } = self.0;
        write!(f, "{:02}:{:02}-{:02}:{:02}", start / 60, start % 60, end / 60, end % 60)
    }
}

impl TryFrom<String> for Window {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let minute = |time: &str| {
            let (hours, minutes) = time.trim().split_once(':')?;
            let number = |text: &str| text.parse::<u16>().ok().filter(|_| text.len() == 2);
            let (hours, minutes) = (number(hours)?, number(minutes)?);
            (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
        };
        let ends = text.split_once('-').and_then(|(from, to)| Some(minute(from)?..minute(to)?));
        match ends.filter(|ends| ends.start != ends.end) {
            Some(ends) => Ok(Window(ends)),
            None => Err(format!("\"{text}\" is not a window such as 02:00-05:30")),
        }
    }
}

impl Settings {
    /// Reads the file's text; the error tells line and column.
    pub fn parse(text: &str) -> Result<Settings, toml::de::Error> {
        toml::from_str(text)
    }
}
