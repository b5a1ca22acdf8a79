//! The message router.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use laneway_domain::{AggregateId, Envelope, Headers, TopicName};

use crate::guard::guarded;

/// What a router may look at: an event that may not be decoded yet.
#[derive(Debug, Clone, Copy)]
pub struct Routable<'a> {
    /// The topic.
    pub topic: &'a TopicName,
    /// The aggregate that the event names.
    pub aggregate: Option<&'a str>,
    /// The tenant that the event names.
    pub tenant: Option<&'a str>,
    /// The type that the event names.
    pub event_type: Option<&'a str>,
    /// The headers.
    pub headers: &'a Headers,
    /// The broker's key, where it has one.
    pub key: Option<&'a [u8]>,
}

/// Where an event goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Routed<'a> {
    /// Into the lane of this aggregate.
    Lane(Cow<'a, str>),
    /// Nowhere in particular: it runs unordered.
    Unordered,
}

type Route = Arc<dyn for<'a> Fn(&Routable<'a>) -> Routed<'a> + Send + Sync>;
type Limit = Arc<dyn Fn(&Envelope) -> Option<Duration> + Send + Sync>;

/// Extracts the aggregate, says whether to use a lane, and gives the processing time.
///
/// By default an event's aggregate is the one it names, else the first header of [`Router::HEADERS`] that holds a legal
/// id, else the broker's key. Without any it runs unordered.
#[derive(Clone, Default)]
pub struct Router {
    route: Option<Route>,
    timeout: Option<Limit>,
}

impl Router {
    /// Headers in which an aggregate's id is looked for, in this order.
    pub const HEADERS: [&'static str; 7] = [
        "aggregateID",
        "aggregate_id",
        "AggregateID",
        "X-Aggregate-ID",
        "x-aggregate-id",
        "Aggregate-ID",
        "aggregate-id",
    ];

    /// The default router.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Routes by a closure of the user's: pure and quick, since the consume loop runs it. Where it panics, or names an
    /// aggregate that is not a legal id, the event takes its default route.
    #[must_use]
    pub fn by(mut self, route: impl for<'a> Fn(&Routable<'a>) -> Routed<'a> + Send + Sync + 'static) -> Self {
        self.route = Some(Arc::new(route));
        self
    }

    /// Gives some events a processing time of their own; `None` leaves the subscription's.
    #[must_use]
    pub fn timeout_by(
        mut self,
        limit: impl Fn(&Envelope) -> Option<Duration> + Send + Sync + 'static,
    ) -> Self {
        self.timeout = Some(Arc::new(limit));
        self
    }

    /// Where an event goes.
    #[must_use]
    pub fn route<'a>(&self, event: &Routable<'a>) -> Routed<'a> {
        let Some(route) = &self.route else { return by_default(event) };
        match guarded(|| route(event)) {
            Ok(Routed::Lane(id)) if AggregateId::new(&id).is_err() => by_default(event),
            Ok(routed) => routed,
            Err(panic) => {
                tracing::error!(topic = %event.topic, panic, "the router panicked; the event takes its default route");
                by_default(event)
            }
        }
    }

    /// Whether an event that names its aggregate goes into that lane, without asking.
    #[inline]
    pub(crate) fn is_default(&self) -> bool {
        self.route.is_none()
    }

    /// The processing time of this event, where it has one of its own.
    pub(crate) fn timeout(&self, event: &Envelope) -> Option<Duration> {
        let limit = self.timeout.as_ref()?;
        guarded(|| limit(event)).ok().flatten()
    }
}

fn by_default<'a>(event: &Routable<'a>) -> Routed<'a> {
    let legal = |bytes: &'a [u8]| std::str::from_utf8(bytes).ok().filter(|id| AggregateId::new(id).is_ok());
    let header = |name: &&str| event.headers.first(name).flatten().and_then(legal);
    let named = event.aggregate.or_else(|| Router::HEADERS.iter().find_map(header));
    match named.or_else(|| event.key.and_then(legal)) {
        Some(id) => Routed::Lane(Cow::Borrowed(id)),
        None => Routed::Unordered,
    }
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (route, timeout) = (self.route.is_some(), self.timeout.is_some());
        f.debug_struct("Router").field("by", &route).field("timeout_by", &timeout).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routed(router: &Router, headers: &Headers, aggregate: Option<&str>, key: Option<&[u8]>) -> String {
        let topic = TopicName::new("t").unwrap();
        let event = Routable { topic: &topic, aggregate, tenant: None, event_type: None, headers, key };
        match router.route(&event) {
            Routed::Lane(id) => id.into_owned(),
            Routed::Unordered => "-".to_owned(),
        }
    }

    #[test]
    fn the_aggregate_is_the_named_one_then_a_header_then_the_key() {
        let headers: Headers =
            [("AggregateID", Some("late".into())), ("aggregate_id", Some("a".into()))].into_iter().collect();
        let router = Router::new();
        assert_eq!(routed(&router, &headers, Some("named"), Some(b"key")), "named");
        assert_eq!(routed(&router, &headers, None, Some(b"key")), "a");
        assert_eq!(routed(&router, &Headers::new(), None, Some(b"key")), "key");
        assert_eq!(routed(&router, &Headers::new(), None, None), "-");
        let broken: Headers =
            [("aggregate_id", Some(vec![0xff].into())), ("AggregateID", None)].into_iter().collect();
        assert_eq!(routed(&router, &broken, None, Some(&[0xff])), "-");
    }

    #[test]
    fn a_closure_that_panics_or_names_nonsense_leaves_the_default_route() {
        let none = Headers::new();
        let panics = Router::new().by(|_| panic!("in a router"));
        assert_eq!(routed(&panics, &none, Some("a"), None), "a");
        let empty = Router::new().by(|_| Routed::Lane("".into()));
        assert_eq!(routed(&empty, &none, Some("a"), None), "a");
        let tenant = Router::new().by(|_| Routed::Unordered);
        assert_eq!(routed(&tenant, &none, Some("a"), None), "-");
    }
}
