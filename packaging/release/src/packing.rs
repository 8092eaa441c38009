//! Packing on all processors.

use std::collections::VecDeque;
use std::fs::File;
use std::sync::Mutex;

use qus::release::{Asset, Form};
use qus::trust::{Archive, AssetClaim};
use qus::version::Version;

use crate::error::{Error, failed};
use crate::pack::Order;
use crate::signing::Signer;
use crate::staging::Staging;
use crate::ui::{Ui, Work, count, megabytes};

/// What the threads share.
struct Shared<'a> {
    version: &'a Version,
    signer: &'a Signer,
    staging: &'a Staging,
    work: &'a Work,
    sets: Mutex<VecDeque<Order<'a>>>,
    singles: Mutex<VecDeque<Order<'a>>>,
    outcome: Mutex<Result<Vec<Asset>, Error>>,
}

/// Packs and signs everything, in the version's folder of `staging`. On an error nothing more is
/// begun.
pub fn pack_all(
    orders: Vec<Order>,
    version: &Version,
    signer: &Signer,
    staging: &Staging,
    ui: &Ui,
) -> Result<Vec<Asset>, Error> {
    let unpacked = orders.iter().map(Order::unpacked).sum();
    let number = orders.len();
    let what = format!("{} of {version}", count(number, "archive"));
    let work = ui.begin(&format!("packing {what}"), unpacked);
    let (sets, singles): (VecDeque<_>, VecDeque<_>) = orders.into_iter().partition(|order| order.form == Form::Set);
    let shared = Shared {
        version,
        signer,
        staging,
        work: &work,
        sets: Mutex::new(sets),
        singles: Mutex::new(singles),
        outcome: Mutex::new(Ok(Vec::new())),
    };
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 1..threads.min(number) {
            scope.spawn(|| shared.drain(&shared.singles));
        }
        // One set at a time: packing it takes a third of a gigabyte of memory.
        shared.drain(&shared.sets);
        shared.drain(&shared.singles);
    });
    let assets = shared.outcome.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)?;
    let size = assets.iter().map(|asset| asset.size).sum();
    ui.end(&work, &format!("packed {what}, {}", megabytes(size)));
    Ok(assets)
}

impl<'a> Shared<'a> {
    /// Packs what is in `queue` until it is empty or something failed.
    fn drain(&self, queue: &Mutex<VecDeque<Order<'a>>>) {
        while !self.work.is_stopped() {
            let Some(order) = lock(queue).pop_front() else { return };
            let packed = self.pack(&order);
            let mut outcome = lock(&self.outcome);
            match (packed, outcome.as_mut()) {
                (Ok(asset), Ok(assets)) => assets.push(asset),
                (Err(error), Ok(_)) => {
                    self.work.stop();
                    *outcome = Err(error);
                }
                // The first error stands.
                (_, Err(_)) => {}
            }
        }
    }

    fn pack(&self, order: &Order) -> Result<Asset, Error> {
        let mut asset = order.asset();
        let path = self.staging.file(&format!("{}/{}", self.version, asset.file))?;
        (asset.size, asset.sha256) = order.pack(&path, self.work)?;
        sign(&asset, self.version, self.signer, self.staging)?;
        Ok(asset)
    }
}

/// Signs an archive that lies in its folder of `staging`.
pub fn sign<A: Archive>(archive: &A, version: &Version, signer: &Signer, staging: &Staging) -> Result<(), Error> {
    let name = format!("{}/{}", A::folder(version), archive.file());
    let path = staging.file(&name)?;
    let comment = AssetClaim::of(archive, version).comment();
    let content = File::open(&path).map_err(failed("open", &path))?;
    let signature = signer.sign(content, &comment).map_err(failed("read", &path))?;
    staging.write(&format!("{name}.minisig"), &signature)
}

/// A thread that panicked ends the program by itself: what it left is not looked at.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
