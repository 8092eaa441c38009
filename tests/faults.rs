//! Every fault at every step: afterwards the machine is as it was, or as it was to be.

mod changed_under;
mod crowds;
#[cfg(feature = "self-update")]
mod itself;
mod left_behind;
mod locks;
mod machines;
mod matrix;
mod order;
mod scenarios;

use std::sync::Mutex;

#[cfg(feature = "self-update")]
use itself::Itself;
use machines::{InImage, Machine, OnKernel};
use matrix::{Matrix, Tried, try_everything};
#[cfg(feature = "self-update")]
use scenarios::OF_ITSELF;
use scenarios::{OF_FILES, OF_THE_KERNEL, OF_THE_UNMOUNTED, Scenario};

/// Tries all of `scenarios`, two at a time.
fn try_all<M: Machine>(scenarios: &[Scenario], machine: fn(&Scenario) -> M) -> Vec<Tried> {
    let (done, waiting) = (Mutex::new(Vec::new()), Mutex::new(scenarios.iter().collect::<Vec<_>>()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(scenario) = { waiting.lock().unwrap().pop() } {
                    let tried = try_everything(scenario, &machine(scenario));
                    done.lock().unwrap().push(tried);
                }
            });
        }
    });
    done.into_inner().unwrap()
}

#[test]
fn every_fault_at_every_step_of_an_image_leaves_the_old_or_the_new() {
    Matrix::of("images", try_all(OF_FILES, InImage::new)).conclude();
}

#[test]
fn every_fault_at_every_step_with_the_kernels_table_leaves_the_old_or_the_new() {
    Matrix::of("kernel", try_all(OF_THE_KERNEL, OnKernel::new)).conclude();
}

#[test]
fn every_fault_at_every_step_that_mounts_the_kernels_table_leaves_the_old_or_the_new() {
    let matrix = Matrix::of("table not mounted", try_all(OF_THE_UNMOUNTED, OnKernel::unmounted));
    matrix.conclude();
    assert!(matrix.has("mount binfmt_misc"));
}

#[cfg(feature = "self-update")]
#[test]
fn every_fault_at_every_step_of_qus_replacing_itself_leaves_the_old_or_the_new() {
    Matrix::of("qus itself", try_all(OF_ITSELF, Itself::new)).conclude();
}
