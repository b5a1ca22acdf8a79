//! Which partitions members of this program have.

use std::collections::BTreeSet;
use std::sync::Mutex;

use laneway_domain::GroupId;

use crate::mail::held;
use crate::place::Place;

/// The partitions of all members in this program: librdkafka cannot ask a KIP-848 group for those of others.
#[derive(Default)]
pub(crate) struct Owned(Mutex<BTreeSet<(GroupId, Place)>>);

impl Owned {
    pub(crate) fn add(&self, group: &GroupId, place: &Place) {
        held(&self.0).insert((group.clone(), place.clone()));
    }

    pub(crate) fn remove(&self, group: &GroupId, place: &Place) {
        held(&self.0).remove(&(group.clone(), place.clone()));
    }

    pub(crate) fn of(&self, group: &GroupId) -> BTreeSet<Place> {
        held(&self.0).iter().filter(|(owner, _)| owner == group).map(|(_, place)| place.clone()).collect()
    }
}
