//! What keeps a pod of a thousand containers cheap.

use std::sync::Arc;

use super::play::{BORN, exit};
use super::pods::*;
use crate::lifecycle::{Action, Input, Life, Node, Plan};

/// Answers a plan's first action; how many it had.
fn answer(life: &mut Life, plan: &Plan) -> usize {
    let input = match plan.actions.first() {
        Some(Action::MakeSandbox { .. }) => Input::SandboxReady { ips: vec![] },
        Some(&Action::Pull { slot }) => Input::ImageReady {
            slot,
            image_id: "sha256:1".into(),
            pulled: None,
        },
        Some(&Action::Start { slot, .. }) => Input::Started {
            slot,
            container_id: "id".into(),
        },
        _ => return plan.actions.len(),
    };
    life.observe(input, BORN);
    plan.actions.len()
}

#[test]
fn a_plan_while_starting_in_order_looks_at_one_container_and_asks_for_one_thing() {
    let names: Vec<String> = (0..1000).map(|n| format!("c{n}")).collect();
    let mut life = Life::new(
        Arc::new(pod(names.iter().map(|name| app(name)))),
        Node::new("here", vec![]),
        BORN,
    );
    let mut rounds = 0;
    loop {
        assert!(life.hi - life.lo <= 1);
        let plan = life.plan(BORN);
        if answer(&mut life, &plan) != 1 {
            break;
        }
        rounds += 1;
    }
    assert_eq!(
        (rounds, life.lo),
        (2001, 1000),
        "and at nothing when all run"
    );
}

#[test]
fn a_restart_looks_at_what_has_changed_and_no_further_back() {
    let mut life = Life::new(
        Arc::new(pod((0..10).map(|n| app(&format!("c{n}"))))),
        Node::new("here", vec![]),
        BORN,
    );
    loop {
        let plan = life.plan(BORN);
        if answer(&mut life, &plan) == 0 {
            break;
        }
    }
    life.observe(
        Input::Exited {
            slot: 7,
            exit: exit(1),
        },
        BORN,
    );
    assert_eq!((life.lo, life.hi), (7, 10));
}
