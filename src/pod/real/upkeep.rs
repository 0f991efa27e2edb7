//! What has to be seen to while the pod runs: volumes mounted and kept up to date, measured, tokens renewed, memory let go. A
//! pod that needs nothing of it is never woken for it.

use std::time::{Duration, Instant, SystemTime};

use anyhow::{Result, bail};

use super::volumes::{Attempt, Overflow};
use super::{Real, Report};
use crate::lifecycle::Input;
use crate::sandbox::resident::release_program_pages;

/// After a start everything that was needed for it is let go, once it is clear that it stays at rest.
const REST: Duration = Duration::from_millis(100);
/// How often volumes with a limit are measured (kubelet `pkg/kubelet/kubelet.go`, `evictionMonitoringPeriod`).
const MEASURE: Duration = Duration::from_secs(10);

/// When what is due.
#[derive(Debug, Default)]
pub(super) struct Upkeep {
    /// Memory is to be let go; there was a start since the last time.
    rest_at: Option<Instant>,
    measure_at: Option<Instant>,
    renew_at: Option<Instant>,
}

impl Upkeep {
    pub fn next(&self) -> Option<Instant> {
        let all = [self.rest_at, self.measure_at, self.renew_at];
        all.into_iter().flatten().min()
    }

    pub fn rest_soon(&mut self) {
        self.rest_at = Some(Instant::now() + REST);
    }
}

/// Whether it is time, and if so, no more.
fn is_due(at: &mut Option<Instant>, now: Instant) -> bool {
    let due = at.is_some_and(|at| at <= now);
    if due {
        *at = None;
    }
    due
}

impl Real {
    /// Does what is due.
    pub(super) fn keep_up(&mut self, now: Instant) {
        if is_due(&mut self.upkeep.rest_at, now) {
            release_program_pages();
        }
        if is_due(&mut self.upkeep.measure_at, now) {
            self.measure();
        }
        if is_due(&mut self.upkeep.renew_at, now) {
            self.refresh_volumes();
        }
    }

    pub(super) fn mount_volumes(&mut self) {
        let Some(site) = &mut self.site else { return };
        let attempt = site.volumes.mount(&self.pod, &self.world);
        let mounted = attempt.failures.is_empty();
        self.tell_warnings(&attempt);
        for (volume, error) in attempt.failures {
            self.tell(Input::MountFailed { volume, error });
        }
        if mounted {
            self.tell(Input::VolumesMounted);
        }
        self.volumes_mounted();
    }

    /// Mounts what nobody used when the pod was set up.
    ///
    /// # Errors
    /// The first one that cannot be mounted.
    pub(super) fn mount_late(&mut self) -> Result<()> {
        let Some(site) = &mut self.site else {
            return Ok(());
        };
        if site.volumes.is_complete(&self.pod) {
            return Ok(());
        }
        let attempt = site.volumes.mount(&self.pod, &self.world);
        self.tell_warnings(&attempt);
        self.volumes_mounted();
        match attempt.failures.into_iter().next() {
            Some((index, error)) => {
                let name = &self.pod.volumes[index].name;
                bail!("MountVolume.SetUp failed for volume {name:?} : {error}")
            }
            None => Ok(()),
        }
    }

    fn volumes_mounted(&mut self) {
        self.renew_later();
        let Some(site) = &self.site else { return };
        let measurement = site
            .volumes
            .measurement(&self.pod, &self.world.facts.allocatable);
        if measurement.is_some() && self.upkeep.measure_at.is_none() {
            self.upkeep.measure_at = Some(Instant::now() + MEASURE);
        }
    }

    /// Files are made of what has changed, or of tokens whose time has come.
    pub(super) fn refresh_volumes(&mut self) {
        let Some(site) = &mut self.site else { return };
        let attempt = site.volumes.refresh(&self.pod, &self.world);
        self.tell_warnings(&attempt);
        for (index, error) in attempt.failures {
            // What was there stays, and the pod goes on with it.
            let name = &self.pod.volumes[index].name;
            self.tell(Input::Warned {
                reason: "FailedMount",
                message: format!("MountVolume.SetUp failed for volume {name:?} : {error}"),
            });
        }
        self.renew_later();
    }

    fn tell_warnings(&self, attempt: &Attempt) {
        for (reason, message) in &attempt.warnings {
            self.tell(Input::Warned {
                reason,
                message: message.clone(),
            });
        }
    }

    fn renew_later(&mut self) {
        let site = self.site.as_ref();
        let now = SystemTime::now();
        let at = site.and_then(|site| site.volumes.renew_at(now));
        self.upkeep.renew_at = at.map(|at| {
            let left = at.duration_since(now).unwrap_or_default();
            Instant::now() + left
        });
    }

    /// Looks how much is in the volumes, on a thread of its own: there may be much to look at.
    fn measure(&mut self) {
        let Some(site) = &self.site else { return };
        let Some(measurement) = site
            .volumes
            .measurement(&self.pod, &self.world.facts.allocatable)
        else {
            return;
        };
        let report = self.report.clone();
        let thread = std::thread::Builder::new().name("measure".to_owned());
        let spawned = thread.spawn(move || {
            let _ = report.send(Report::Measured(measurement.take()));
        });
        if let Err(error) = spawned {
            tracing::warn!("volumes are not measured: {error}");
            self.upkeep.measure_at = Some(Instant::now() + MEASURE);
        }
    }

    pub(super) fn measured(&mut self, overflow: Option<Overflow>) -> Option<Input> {
        let message = overflow.map(|overflow| overflow.message);
        if self.site.is_some() && message.is_none() {
            self.upkeep.measure_at = Some(Instant::now() + MEASURE);
        }
        Some(Input::Evict { message: message? })
    }
}
