//! What is being handled right now.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::future::poll_fn;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

type Waiting<K> = HashMap<K, Vec<Waker>>;

/// Keys that are under way, each once, and who waits for them.
pub(super) struct UnderWay<K>(Mutex<Waiting<K>>);

/// The right to handle a key; ends when it is dropped, also by a panic or a timeout.
pub(super) struct Pass<'u, K: Eq + Hash> {
    under_way: &'u UnderWay<K>,
    key: K,
}

impl<K: Eq + Hash + Clone> UnderWay<K> {
    pub(super) fn new() -> Self {
        Self(Mutex::new(HashMap::default()))
    }

    /// A pass, unless somebody has one for that key.
    pub(super) fn enter(&self, key: &K) -> Option<Pass<'_, K>> {
        match self.lock().entry(key.clone()) {
            Entry::Occupied(_) => None,
            Entry::Vacant(free) => {
                free.insert(Vec::new());
                Some(Pass { under_way: self, key: key.clone() })
            }
        }
    }

    /// A pass, once nobody else has one for that key.
    pub(super) async fn wait(&self, key: &K) -> Pass<'_, K> {
        poll_fn(|cx| {
            let mut keys = self.lock();
            if let Some(waiting) = keys.get_mut(key) {
                waiting.push(cx.waker().clone());
                return Poll::Pending;
            }
            keys.insert(key.clone(), Vec::new());
            Poll::Ready(Pass { under_way: self, key: key.clone() })
        })
        .await
    }
}

impl<K> UnderWay<K> {
    fn lock(&self) -> MutexGuard<'_, Waiting<K>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash> Drop for Pass<'_, K> {
    fn drop(&mut self) {
        let waiting = self.under_way.lock().remove(&self.key);
        waiting.into_iter().flatten().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[test]
    fn a_key_is_under_way_once_and_free_again_with_its_pass() {
        let under_way = UnderWay::new();
        let pass = under_way.enter(&1).unwrap();
        assert!(under_way.enter(&1).is_none() && under_way.enter(&2).is_some());
        assert!(under_way.wait(&1).now_or_never().is_none());
        drop(pass);
        let pass = under_way.wait(&1).now_or_never().unwrap();
        assert!(under_way.enter(&1).is_none());
        drop(pass);
        assert!(under_way.lock().is_empty());
    }

    #[tokio::test]
    async fn who_waits_for_a_key_is_woken() {
        let under_way = UnderWay::new();
        let pass = under_way.enter(&1).unwrap();
        let leave = async {
            tokio::task::yield_now().await;
            drop(pass);
        };
        let (_pass, ()) = futures_util::future::join(under_way.wait(&1), leave).await;
    }
}
