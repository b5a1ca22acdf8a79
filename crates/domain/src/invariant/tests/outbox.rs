//! I11 to I14: the outbox.

use super::scene::{Scene, event, id, key, scene};
use super::{Case, bad, good};
use crate::identity::AggregateVersion;
use crate::invariant::Happening;
use crate::invariant::Invariant::{I11, I12, I13, I14};
use crate::publisher::PublishFault;

fn write(scene: Scene, n: u64) -> Scene {
    let version = AggregateVersion::new(n).unwrap();
    scene.say(Happening::OutboxCommitted { id: id(n), key: key("a"), version })
}

pub(super) fn cases() -> Vec<Case> {
    let both = || write(write(scene(), 1), 2);
    let unknown = || Happening::PublishUnknown { event: event(1, "a") };
    let twice = || both().publish(1, "a").publish(2, "a");
    let again = |scene: Scene| scene.publish(1, "a");
    let rejected =
        |aggregate| Happening::PublishRefused { event: event(9, aggregate), fault: PublishFault::Rejected };
    vec![
        good("both are published in order", both().after(1).publish(1, "a").publish(2, "a")),
        good("a rolled back row is not published", scene().say(Happening::OutboxRolledBack { id: id(1) })),
        bad(I11, "a committed row is never published", both().publish(1, "a")),
        bad(
            I11,
            "a rolled back row is published",
            scene().say(Happening::OutboxRolledBack { id: id(1) }).publish(1, "a"),
        ),
        bad(
            I11,
            "a rolled back row may be published",
            scene().say(unknown()).say(Happening::OutboxRolledBack { id: id(1) }),
        ),
        bad(I12, "the second version appears first", swapped()),
        good("a crash of the relay repeats a batch", again(twice().say(Happening::RelayCrashed))),
        good(
            "an answer that never came repeats its event",
            both().say(unknown()).publish(1, "a").publish(1, "a").publish(2, "a"),
        ),
        bad(I13, "an event is published twice", again(twice())),
        bad(I14, "a row waits", both().after(31).publish(1, "a").publish(2, "a")),
        bad(I14, "a poison row stops another aggregate", both().say(rejected("z")).after(31)),
        good(
            "a row waits for its broker",
            both()
                .after(60)
                .say(Happening::ConnectionUp { link: crate::invariant::Link::Broker })
                .after(29)
                .publish(1, "a")
                .publish(2, "a"),
        ),
    ]
}

/// Version 2 is event 1, which stands first.
fn swapped() -> Scene {
    let row = |n, version| Happening::OutboxCommitted {
        id: id(n),
        key: key("a"),
        version: AggregateVersion::new(version).unwrap(),
    };
    scene().say(row(1, 2)).say(row(2, 1)).publish(1, "a").publish(2, "a")
}
