//! Tests of the planner as a whole, by chapter of the specification. Each is a pod, a script of facts with literal times,
//! and what is expected of it as lines of text.

mod backoff;
mod deletion;
mod ephemeral;
mod events;
mod hooks;
mod images;
mod order;
mod phase;
mod play;
mod pods;
mod probes;
mod renewal;
mod restarts;
mod resume;
mod sim;
mod speed;
mod status;
mod update;
mod volumes;
