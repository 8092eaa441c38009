//! Whom this machine trusts, as a document: a promise to others.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::moment::Moment;
use crate::trust::{Label, Memory, Purpose, Role, Root, Seen, TrustError, Trusted, built, check_clock};

/// `qus trust --json`: a promise to others.
#[derive(Debug, Serialize)]
pub(super) struct Document {
    pub(super) schema: u32,
    pub(super) clock: ClockStatus,
    pub(super) repositories: Vec<RepositoryStatus>,
}

#[derive(Debug, Serialize)]
pub(super) struct ClockStatus {
    pub(super) now: Moment,
    /// No clock that stands before is right.
    pub(super) not_before: Moment,
    pub(super) behind: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct RepositoryStatus {
    pub(super) url: String,
    pub(super) anchor: AnchorStatus,
    pub(super) root: RootStatus,
    /// What its index said when it was last seen, if it ever was.
    pub(super) seen: Option<SeenStatus>,
}

#[derive(Debug, Serialize)]
pub(super) struct AnchorStatus {
    /// The administrator's file; none for the one that is compiled in.
    pub(super) file: Option<String>,
    /// Version of the root in it.
    pub(super) version: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct RootStatus {
    pub(super) version: u64,
    pub(super) expires: Moment,
    pub(super) expired: bool,
    pub(super) roles: RolesStatus,
    /// How many assets it revokes.
    pub(super) revoked: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct RolesStatus {
    pub(super) root: RoleStatus,
    pub(super) release: RoleStatus,
    pub(super) index: RoleStatus,
}

#[derive(Debug, Serialize)]
pub(super) struct RoleStatus {
    pub(super) threshold: usize,
    pub(super) keys: Vec<KeyStatus>,
}

#[derive(Debug, Serialize)]
pub(super) struct KeyStatus {
    pub(super) label: Label,
    /// As minisign's programs print it.
    pub(super) id: String,
    pub(super) key: String,
}

#[derive(Debug, Serialize)]
pub(super) struct SeenStatus {
    pub(super) issued: Moment,
    pub(super) expires: Moment,
    pub(super) expired: bool,
    pub(super) serials: Vec<SerialStatus>,
    /// How many versions it withdraws.
    pub(super) withdrawn: usize,
    /// How many faults of versions it knows.
    pub(super) advisories: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct SerialStatus {
    pub(super) label: Label,
    pub(super) serial: u64,
}

impl Document {
    pub(super) fn of(
        anchors: &BTreeMap<String, Trusted>,
        memory: &Memory,
        now: Moment,
    ) -> Result<Document, TrustError> {
        let mut not_before = built();
        let mut repositories = Vec::new();
        for (url, trusted) in anchors {
            let anchored = trusted.root()?;
            let seen = memory.repositories.get(url);
            let newer = seen.filter(|seen| seen.root.version > anchored.version);
            let root = newer.map_or(&anchored, |seen| &seen.root);
            let floor = trusted.anchor.floor.as_ref().map(|floor| floor.issued);
            not_before = not_before.max(floor.unwrap_or(not_before));
            not_before = not_before.max(memory.issued(url, root).unwrap_or(not_before));
            repositories.push(RepositoryStatus {
                url: url.clone(),
                anchor: AnchorStatus { file: trusted.file.clone(), version: anchored.version },
                root: RootStatus::of(root, now),
                seen: seen.map(|seen| SeenStatus::of(seen, root, now)),
            });
        }
        let behind = check_clock(now, not_before, "").is_err();
        Ok(Document { schema: 1, clock: ClockStatus { now, not_before, behind }, repositories })
    }

    /// Whether something that this machine stands on is not to be believed by its clock, or the clock is not.
    pub(super) fn is_stale(&self) -> bool {
        let stale =
            |status: &RepositoryStatus| status.root.expired || status.seen.as_ref().is_some_and(|seen| seen.expired);
        self.clock.behind || self.repositories.iter().any(stale)
    }
}

impl RootStatus {
    fn of(root: &Root, now: Moment) -> RootStatus {
        RootStatus {
            version: root.version,
            expires: root.expires,
            expired: root.check_expiry(now).is_err(),
            roles: RolesStatus {
                root: RoleStatus::of(&root.roles.root),
                release: RoleStatus::of(&root.roles.release),
                index: RoleStatus::of(&root.roles.index),
            },
            revoked: root.revoked.len(),
        }
    }
}

impl RoleStatus {
    fn of<P: Purpose>(role: &Role<P>) -> RoleStatus {
        let key = |(label, key): (&Label, &crate::trust::Key)| KeyStatus {
            label: label.clone(),
            id: key.id(),
            key: key.as_str().to_owned(),
        };
        RoleStatus { threshold: role.threshold, keys: role.keys.iter().map(key).collect() }
    }
}

impl SeenStatus {
    fn of(seen: &Seen, root: &Root, now: Moment) -> SeenStatus {
        let serial = |(label, key): (&Label, &crate::trust::Key)| {
            Some(SerialStatus { label: label.clone(), serial: *seen.serials.get(key.as_str())? })
        };
        SeenStatus {
            issued: seen.issued,
            expires: seen.expires,
            expired: now >= seen.expires,
            serials: root.roles.index.keys.iter().filter_map(serial).collect(),
            withdrawn: seen.withdrawn.len(),
            advisories: seen.advisories.len(),
        }
    }
}
