//! The handler of both groups: takes an event out, goes through what it must, and enters it once.

use std::sync::Arc;

use laneway::domain::{Event, Handler, HandlerContext, HandlerError};

use super::content::{number, open};
use super::hardship::Hardship;
use super::tally::Tally;
use crate::job::events::FlightEvent;
use crate::job::order::Running;

/// What a group keeps of events.
pub(super) trait Register: Send + Sync + 'static {
    /// Notes that an attempt starts, where the group's order is checked.
    fn start(&self, event: &FlightEvent) -> Option<Running<'_>>;
    /// Enters an event; called once for each.
    fn enter(&self, number: u64, event: &FlightEvent);
}

/// Handles the events of a group.
pub(super) struct Clerk<R> {
    pub(super) register: Arc<R>,
    pub(super) hardship: Arc<Hardship>,
    pub(super) tally: Arc<Tally>,
}

impl<R: Register> Handler for Clerk<R> {
    async fn handle<'a>(
        &'a self,
        event: &'a Event,
        context: &'a HandlerContext<'a>,
    ) -> Result<(), HandlerError> {
        let number = number(event);
        let flight = open(event).map_err(HandlerError::fatal)?;
        let running = self.register.start(&flight);
        let met = self.hardship.meet(number, &flight, context.attempt).await;
        if met.is_ok() && self.tally.finish(number) {
            self.register.enter(number, &flight);
        }
        // Whatever fails comes again: what fails for good comes when it was repaired.
        if met.is_ok() {
            running.into_iter().for_each(Running::done);
        }
        met
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use laneway::SystemClock;
    use laneway::domain::{
        Body, ErrorClass, GroupId, HandlerMask, PartitionNumber, Position, Received, Rows, Run, Timestamp,
        TopicName,
    };

    use super::super::content::{raw, seal};
    use super::super::departures::Departures;
    use super::super::registers::Hangar;
    use super::super::settings::Settings;
    use super::*;
    use crate::job::chaos::Plan;
    use crate::job::events::Step;
    use crate::job::order::OrderChecker;
    use crate::job::testing::{code, event};

    /// A clerk for the first two events of the poison aircraft N1, or of a healthy one.
    fn clerk(poison: bool) -> Clerk<Hangar> {
        let plan = poison.then(|| Plan::new(1, &[code("N1")]));
        let hangar = Hangar::new(OrderChecker::new(&[code("N1")]), Arc::new(Departures::new(2))).unwrap();
        let settings = Settings { plan, ..Settings::default() };
        Clerk {
            register: Arc::new(hangar),
            hardship: Arc::new(Hardship::new(&settings, Arc::new(SystemClock::new()))),
            tally: Arc::new(Tally::new(2)),
        }
    }

    fn arrives(clerk: &Clerk<Hangar>, body: Body) -> Result<(), HandlerError> {
        let received = Received { position: Position::new(0), appended: Timestamp::default(), body };
        let (rows, partition) = (Rows::from(vec![received]), PartitionNumber(0));
        let (event, group) =
            (Event::new(Arc::new(Run { rows, partition, redriven: false }), 0), GroupId::new("g").unwrap());
        let context = HandlerContext { group: &group, attempt: 1, due: HandlerMask::ALL };
        let handling = pin!(clerk.handle(&event, &context));
        match handling.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(handled) => handled,
            Poll::Pending => panic!("nothing here waits"),
        }
    }

    fn flight(sequence: u32) -> Body {
        let topic = TopicName::new("flights").unwrap();
        let event = event("N1", sequence, Step::Departed { delay: 1 });
        Body::Event(seal(&topic, u64::from(sequence) - 1, &event).unwrap())
    }

    /// Events in the tables, broken rules, and events that came again.
    fn found(clerk: &Clerk<Hangar>) -> (u64, u64, u64) {
        let entered = clerk.register.bays.parts().map(|bay| bay.latency.len()).sum();
        (entered, clerk.register.checker.violations(), clerk.register.checker.rewinds())
    }

    #[test]
    fn an_event_that_comes_again_is_entered_once() {
        let clerk = clerk(false);
        for sequence in [1, 2, 1, 2] {
            arrives(&clerk, flight(sequence)).unwrap();
        }
        assert_eq!(found(&clerk), (2, 0, 1));
    }

    #[test]
    fn poison_is_entered_nowhere_until_it_is_repaired() {
        let clerk = clerk(true);
        let error = arrives(&clerk, flight(1)).unwrap_err();
        assert_eq!((error.class(), found(&clerk)), (Some(ErrorClass::Fatal), (0, 0, 0)));
        clerk.hardship.end();
        [1, 2].into_iter().for_each(|sequence| arrives(&clerk, flight(sequence)).unwrap());
        assert_eq!(found(&clerk), (2, 0, 0));
    }

    #[test]
    fn an_event_behind_poison_is_early_before_that_is_repaired() {
        let clerk = clerk(true);
        [1, 2].into_iter().for_each(|sequence| drop(arrives(&clerk, flight(sequence)).unwrap_err()));
        assert_eq!(found(&clerk), (0, 1, 0));
    }

    #[test]
    fn bytes_that_are_no_event_fail_for_good() {
        let row = Body::Event(raw(&TopicName::new("flights").unwrap(), 0, "2013,1,1"));
        let error = arrives(&clerk(false), row).unwrap_err();
        assert_eq!(error.class(), Some(ErrorClass::Fatal));
    }
}
