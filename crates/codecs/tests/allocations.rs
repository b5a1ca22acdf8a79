//! The consume loop asks for the lane of every record, so asking allocates nothing but ids that are too long to be
//! inline; where the lane stands in JSON, the parser has a few allocations of its own.
#![allow(clippy::unwrap_used)]

use std::alloc::System;

use laneway_codecs::{CloudEventsBinary, CloudEventsJson, Detecting, FleetJson, Format, Source};
use laneway_domain::{
    AggregateId, Codec, Envelope, EventId, EventType, Record, TenantId, Timestamp, TopicName,
};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use uuid::Uuid;

#[global_allocator]
static GLOBAL: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[test]
fn a_route_by_headers_allocates_nothing() {
    let event = Envelope::new(TopicName::new("orders").unwrap(), r#"{"amount":1250}"#)
        .with_id(EventId::new(Uuid::from_u128(1)).unwrap())
        .with_aggregate(AggregateId::new("order:42").unwrap())
        .with_event_type(EventType::from_static("OrderPaid"))
        .with_tenant(TenantId::new("7").unwrap())
        .with_occurred_at(Timestamp::from_unix_millis(5))
        .with_header("content-type", Some("application/json".into()));
    let source = Source::new("/shop").unwrap();
    let codecs: [Box<dyn Codec>; 6] = [
        Box::new(CloudEventsBinary::kafka(source.clone())),
        Box::new(CloudEventsBinary::nats(source.clone())),
        Box::new(CloudEventsJson::new(source.clone())),
        Box::new(FleetJson),
        Box::new(Detecting::writing(Format::CloudEventsKafka, source.clone())),
        Box::new(Detecting::writing(Format::FleetJson, source)),
    ];
    let limits = [0, 0, 3, 0, 0, 0];
    for (codec, limit) in codecs.into_iter().zip(limits) {
        let mut record = Record::default();
        codec.encode(&event, &mut record).unwrap();
        // The first one interns the type.
        let route = codec.route(&record);
        assert!(route.aggregate.is_some() && route.tenant.is_some() && route.event_type.is_some());
        let region = Region::new(GLOBAL);
        for _ in 0..1_000 {
            std::hint::black_box(codec.route(std::hint::black_box(&record)));
        }
        let allocations = region.change().allocations;
        // Other threads of the harness may have some, but not one per record.
        assert!(allocations < limit * 1_000 + 100, "{codec:?}: {allocations} of 1000");
    }
}
