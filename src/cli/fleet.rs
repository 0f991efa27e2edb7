//! The objects of this machine, and its pods above all, for the verbs that change them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use k8s_openapi::api::core::v1;

use super::reader::Reader;
use super::{Context, Failure, locked, nodes, say};
use crate::node::{
    self, Among, Applied, Deletion, LaunchError, Launcher, Machinery, Placement, Process, Store,
    StoreError,
};
use crate::spec::{Object, Validate};

/// The store, and who starts what is stored.
#[derive(Clone)]
pub struct Fleet {
    pub store: Store,
    pub machinery: Arc<dyn Machinery>,
    pub reader: Reader,
    launcher: Arc<Launcher>,
}

impl Fleet {
    pub fn new(context: &Context) -> Result<Fleet, Failure> {
        let reader = Reader::new(context)?;
        let (store, machinery) = (reader.store.clone(), Arc::clone(&reader.machinery));
        let launcher = Arc::new(Launcher::new(store.clone(), Arc::clone(&machinery)));
        Ok(Fleet {
            store,
            machinery,
            reader,
            launcher,
        })
    }

    /// Stores an object. A pod that has its place is started as well; one that cannot be started leaves nothing behind.
    pub fn create(&self, object: Object) -> Result<Object, Failure> {
        let pod = match object {
            Object::Pod(pod) => *pod,
            other => return Ok(self.store.any(other.kind()).create(other)?),
        };
        let created = node::create_pod(&self.store, pod, Validate::Strict)?;
        if created.placement != Placement::Here {
            return Ok(created.pod.into());
        }
        let launched = self.launch(&created.pod);
        let stored = Object::from(created.pod);
        let Err(error) = launched else {
            return Ok(stored);
        };
        // Whatever of it cannot be removed is not why the pod does not run.
        let wish = Deletion {
            namespace: stored.namespace().to_owned(),
            name: stored.name().to_owned(),
            uid: stored.metadata().uid.clone(),
            grace: Some(0),
            force: true,
        };
        if let Err(left) = node::delete(&self.store, self.machinery.as_ref(), &wish)
            && !left.is_not_found()
        {
            tracing::warn!("what is left of pod {:?}: {left}", wish.name);
        }
        Err(error.into())
    }

    /// One pod as a reader sees it; what a dead process has left is put in order first.
    pub fn pod(&self, namespace: &str, name: &str) -> Result<v1::Pod, StoreError> {
        let sight = node::get(&self.store, self.machinery.as_ref(), namespace, name)?;
        Ok(sight.pod)
    }

    /// Whether a pod without an object has no process any more either. What one that was killed on its last steps has left
    /// is removed.
    pub fn is_cleared(&self, uid: &str) -> Result<bool, StoreError> {
        match self.store.process(uid)? {
            Process::Living { .. } => Ok(false),
            Process::None => Ok(true),
            Process::Dead { .. } => {
                node::reconcile(&self.store, self.machinery.as_ref())?;
                Ok(self.store.process(uid)? == Process::None)
            }
        }
    }

    /// Puts the new object in the place of the one it was made of, and tells the process of a pod. One that somebody else has
    /// changed meanwhile is a conflict.
    pub fn update(&self, live: &Object, new: Object) -> Result<(Object, Applied), StoreError> {
        let (namespace, name) = (live.namespace(), live.name());
        if let Object::Pod(new) = new {
            let (pod, applied) = node::update_running(&self.store, namespace, name, |pod| {
                *pod = *new;
                Ok(())
            })?;
            return Ok((pod.into(), applied));
        }
        let updated = self
            .store
            .any(live.kind())
            .update(namespace, name, |object| {
                *object = new;
                Ok(())
            })?;
        if let (Object::Node(node), Applied::Configured) = &updated {
            self.settle(node);
        }
        Ok(updated)
    }

    /// What is said of the machine decides which pods are here. That it is said is true whatever comes of it.
    fn settle(&self, node: &v1::Node) {
        if let Err(failure) = nodes::settle(self) {
            let name = node.metadata.name.as_deref().unwrap_or_default();
            eprintln!("Warning: the pods of node {name:?} could not be looked at again");
            say(&failure);
        }
    }

    /// Starts a stored pod that should run and does not. Whether it did.
    pub fn start_if_due(&self, pod: &v1::Pod) -> Result<bool, Failure> {
        let metadata = &pod.metadata;
        let namespace = metadata.namespace.as_deref().unwrap_or_default();
        let name = metadata.name.as_deref().unwrap_or_default();
        if node::is_unplaced(pod) {
            let (pod, placement) = self.store.place_pod(namespace, name)?;
            if placement == Placement::Here {
                self.launch(&pod)?;
            }
            return Ok(placement == Placement::Here);
        }
        let sight = node::get(&self.store, self.machinery.as_ref(), namespace, name)?;
        if node::due(&sight).is_none() {
            return Ok(false);
        }
        self.launch(&sight.pod)?;
        Ok(true)
    }

    /// Starts the pods that waited for a place and have one now.
    pub fn place(&self, among: Among) -> Result<(), Failure> {
        for (pod, launched) in node::place_and_launch(&self.store, &self.launcher, among)? {
            if let Err(error) = launched {
                let name = pod.metadata.name.unwrap_or_default();
                eprintln!("Warning: pod {name:?} has its place, but could not be started: {error}");
            }
        }
        Ok(())
    }

    /// Starts a stored pod. That somebody else was faster is as good.
    fn launch(&self, pod: &v1::Pod) -> Result<(), LaunchError> {
        let uid = pod.metadata.uid.as_deref().unwrap_or_default();
        match self.launcher.launch(pod) {
            Err(_) if matches!(self.store.process(uid), Ok(Process::Living { .. })) => Ok(()),
            launched => launched.map(|_| ()),
        }
    }
}

/// How many pods are started at the same time: a start waits for the disk and for the pod's process in turn with computing.
fn hands() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    (cores * 4).clamp(4, 32)
}

/// What came of pieces of work that were done together, told in the order of the work: each as soon as all before it have been.
pub struct InOrder<R, F> {
    tell: F,
    next: usize,
    waiting: BTreeMap<usize, R>,
}

impl<R, F: FnMut(R)> InOrder<R, F> {
    pub fn new(tell: F) -> InOrder<R, F> {
        InOrder {
            tell,
            next: 0,
            waiting: BTreeMap::new(),
        }
    }

    /// `place`: that of the work, counted from 0; each is there once.
    pub fn done(&mut self, place: usize, result: R) {
        self.waiting.insert(place, result);
        while let Some(result) = self.waiting.remove(&self.next) {
            self.next += 1;
            (self.tell)(result);
        }
    }
}

/// Does the work for each item, several at a time, and tells what came of it in the order of the items, as kubectl does, which
/// takes one after the other.
pub fn for_each<T: Sync, R: Send>(
    items: &[T],
    work: impl Fn(&T) -> R + Sync,
    tell: impl FnMut(R) + Send,
) {
    let places: Vec<(usize, &T)> = items.iter().enumerate().collect();
    let told = Mutex::new(InOrder::new(tell));
    together(&places, |(place, item)| {
        let result = work(item);
        locked(&told).done(*place, result);
    });
}

/// Does the work for each item, several at a time. `work` says itself what came of it.
pub fn together<T: Sync>(items: &[T], work: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    let worker = || {
        while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
            work(item);
        }
    };
    std::thread::scope(|scope| {
        // The first hand is this thread's own: a single item needs no other.
        for _ in 1..hands().min(items.len()) {
            scope.spawn(worker);
        }
        worker();
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_item_is_worked_on_once() {
        let items: Vec<usize> = (0..1000).collect();
        let seen = Mutex::new(Vec::new());
        together(&items, |item| seen.lock().unwrap().push(*item));
        let mut seen = seen.into_inner().unwrap();
        seen.sort_unstable();
        assert_eq!(seen, items);
    }

    #[test]
    fn nothing_is_no_work() {
        together(&[] as &[u8], |_| panic!("there is no item"));
    }

    #[test]
    fn what_is_done_first_is_told_in_its_turn() {
        let mut told = Vec::new();
        let mut order = InOrder::new(|word| told.push(word));
        for (place, word) in [(2, "c"), (0, "a"), (1, "b"), (3, "d")] {
            order.done(place, word);
        }
        assert_eq!(told, ["a", "b", "c", "d"]);
    }

    #[test]
    fn each_item_is_told_in_the_order_of_the_items() {
        let items: Vec<usize> = (0..1000).collect();
        let mut told = Vec::new();
        for_each(&items, |item| item * 2, |double| told.push(double));
        assert_eq!(told, items.iter().map(|item| item * 2).collect::<Vec<_>>());
    }
}
