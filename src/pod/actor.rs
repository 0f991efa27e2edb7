//! The actor: fold what happened, plan, begin what was planned, tell who listens, sleep.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::PodStatus;
use tokio::sync::{broadcast, mpsc, watch};

use super::Outcome;
use super::machine::{Happened, Machine};
use crate::lifecycle::{Event, Input, Life, Plan};
use crate::spec::pod::Pod;

/// A wish from outside.
#[derive(Clone, Debug)]
pub(super) enum Wish {
    /// Delete the pod. None: with the grace period it was written with.
    Stop { grace: Option<Duration> },
    /// End it at once.
    Abort,
    /// It is defined otherwise from now on.
    Update(Arc<Pod>),
}

/// Where the actor tells what is going on.
pub(super) struct Feed {
    pub spec: watch::Sender<Arc<Pod>>,
    pub status: watch::Sender<Snapshot>,
    pub events: broadcast::Sender<Event>,
}

/// One status, and whether it is the pod's last.
#[derive(Default)]
pub(super) struct Snapshot {
    pub status: Arc<PodStatus>,
    pub last: bool,
}

pub(super) struct Actor<M> {
    life: Life,
    machine: M,
    wishes: mpsc::UnboundedReceiver<Wish>,
    feed: Feed,
}

impl<M: Machine> Actor<M> {
    pub fn new(
        life: Life,
        machine: M,
        wishes: mpsc::UnboundedReceiver<Wish>,
        feed: Feed,
    ) -> Actor<M> {
        Actor {
            life,
            machine,
            wishes,
            feed,
        }
    }

    /// Runs the pod to its end and returns its last status.
    pub async fn run(mut self) -> Outcome {
        loop {
            let plan = self.advance();
            if plan.finished {
                let status = self.life.status();
                self.feed.status.send_replace(Snapshot {
                    status: Arc::new(status.clone()),
                    last: true,
                });
                return Outcome {
                    status,
                    first_failure: self.first_failure(),
                };
            }
            self.publish();
            self.wait(&plan).await;
        }
    }

    fn first_failure(&self) -> Option<(String, i32)> {
        let (slot, code) = self.life.first_failure()?;
        Some((self.life.pod().containers[slot].name.clone(), code))
    }

    /// Plans and begins until there is nothing more to do now.
    fn advance(&mut self) -> Plan {
        loop {
            let plan = self.life.plan(self.machine.now());
            for event in &plan.events {
                // Nobody listening is fine.
                let _ = self.feed.events.send(event.clone());
            }
            let idle = plan.actions.is_empty();
            for action in plan.actions.iter().cloned() {
                self.machine.begin(action);
            }
            if idle && !self.fold_pending() {
                return plan;
            }
        }
    }

    fn fold_pending(&mut self) -> bool {
        let mut any = false;
        while let Some(input) = self.machine.pending() {
            self.observe(input);
            any = true;
        }
        any
    }

    async fn wait(&mut self, plan: &Plan) {
        tokio::select! {
            biased;
            Some(wish) = self.wishes.recv() => self.obey(wish),
            happened = self.machine.next(plan.wake_at) => match happened {
                Happened::Fact(input) => self.observe(input),
                Happened::Time => {}
                // A simulation has come to rest: it ends as a user would end it.
                Happened::Nothing => self.obey(Wish::Stop { grace: None }),
            },
        }
    }

    fn obey(&mut self, wish: Wish) {
        match wish {
            Wish::Stop { grace } => self.observe(Input::Delete { grace }),
            Wish::Abort => self.observe(Input::Abort),
            Wish::Update(pod) => {
                self.observe(Input::Update(pod));
                self.machine.update(self.life.pod());
                self.feed.spec.send_replace(Arc::clone(self.life.pod()));
            }
        }
    }

    fn observe(&mut self, input: Input) {
        self.life.observe(input, self.machine.now());
    }

    /// A status costs as much as the pod has containers, so it is only built for somebody.
    fn publish(&self) {
        if self.feed.status.receiver_count() > 0 {
            let status = self.life.status();
            self.feed.status.send_if_modified(|old| {
                let changed = *old.status != status;
                if changed {
                    old.status = Arc::new(status);
                }
                changed
            });
        }
    }
}
