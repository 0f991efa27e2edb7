//! The pods of this machine, for the verbs that change them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use k8s_openapi::api::core::v1;

use super::{Context, Failure};
use crate::node::{
    self, Among, Applied, Deletion, LaunchError, Launcher, Machinery, Placement, Process, Store,
    StoreError,
};
use crate::spec::Validate;

/// The store, and who starts what is stored.
#[derive(Clone)]
pub struct Fleet {
    pub store: Store,
    pub machinery: Arc<dyn Machinery>,
    launcher: Arc<Launcher>,
}

impl Fleet {
    pub fn new(context: &Context) -> Result<Fleet, Failure> {
        let store = context.store();
        let machinery = context.machinery()?;
        let launcher = Arc::new(Launcher::new(store.clone(), Arc::clone(&machinery)));
        Ok(Fleet {
            store,
            machinery,
            launcher,
        })
    }

    /// Stores a pod and starts it; one that cannot be started leaves nothing behind.
    pub fn create(&self, object: v1::Pod) -> Result<v1::Pod, Failure> {
        let created = node::create_pod(&self.store, object, Validate::Strict)?;
        let stored = created.pod;
        if created.placement != Placement::Here {
            return Ok(stored);
        }
        let Err(error) = self.launch(&stored) else {
            return Ok(stored);
        };
        let metadata = &stored.metadata;
        let (namespace, name, uid) = (
            metadata.namespace.as_deref().unwrap_or_default(),
            metadata.name.as_deref().unwrap_or_default(),
            metadata.uid.as_deref().unwrap_or_default(),
        );
        // Whatever of it cannot be removed is not why the pod does not run.
        let wish = Deletion {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            uid: Some(uid.to_owned()),
            grace: Some(0),
            force: true,
        };
        if let Err(left) = node::delete(&self.store, self.machinery.as_ref(), &wish)
            && !left.is_not_found()
        {
            tracing::warn!("what is left of pod {name:?}: {left}");
        }
        Err(error.into())
    }

    /// One pod as a reader sees it; what a dead process has left is put in order first.
    pub fn get(&self, namespace: &str, name: &str) -> Result<v1::Pod, StoreError> {
        let sight = node::get(&self.store, self.machinery.as_ref(), namespace, name)?;
        Ok(sight.pod)
    }

    /// All pods, or those of a namespace, in the same order.
    pub fn list(&self, namespace: Option<&str>) -> Result<Vec<v1::Pod>, StoreError> {
        let sights = node::list(&self.store, self.machinery.as_ref(), namespace)?;
        Ok(sights.into_iter().map(|sight| sight.pod).collect())
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

    /// Puts the new object in the place of the one it was made of, and tells the process. One that somebody else has
    /// changed meanwhile is a conflict.
    pub fn update(&self, live: &v1::Pod, new: v1::Pod) -> Result<(v1::Pod, Applied), StoreError> {
        let metadata = &live.metadata;
        let namespace = metadata.namespace.as_deref().unwrap_or_default();
        let name = metadata.name.as_deref().unwrap_or_default();
        node::update_running(&self.store, namespace, name, |pod| {
            *pod = new;
            Ok(())
        })
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

/// Does the work for each item, several at a time. `work` says itself what came of it.
pub fn for_each<T: Sync>(items: &[T], work: impl Fn(&T) + Sync) {
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
    use std::sync::Mutex;

    #[test]
    fn each_item_is_worked_on_once() {
        let items: Vec<usize> = (0..1000).collect();
        let seen = Mutex::new(Vec::new());
        for_each(&items, |item| seen.lock().unwrap().push(*item));
        let mut seen = seen.into_inner().unwrap();
        seen.sort_unstable();
        assert_eq!(seen, items);
    }

    #[test]
    fn nothing_is_no_work() {
        for_each(&[] as &[u8], |_| panic!("there is no item"));
    }
}
