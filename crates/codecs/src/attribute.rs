//! The attributes of a CloudEvent that an envelope has fields for.

/// An attribute by which a field of the envelope travels.
///
/// `id` to `time` are of [CloudEvents 1.0.2](https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md);
/// `partitionkey`, `traceparent` and `tracestate`, `correlationid` and `causationid` of its documented extensions; the
/// others are Laneway's. An aggregate's version is not the extension `sequence`: that one counts the events of a source,
/// and who took it for a version would wait for numbers that never come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Attribute {
    SpecVersion,
    Id,
    Source,
    Type,
    Subject,
    PartitionKey,
    Time,
    Tenant,
    CorrelationId,
    CausationId,
    AggregateVersion,
    SchemaVersion,
    TraceParent,
    TraceState,
}

impl Attribute {
    /// How many there are.
    pub(crate) const COUNT: usize = 14;

    /// All of them, in the order of their places.
    pub(crate) const ALL: [Self; Self::COUNT] = [
        Self::SpecVersion,
        Self::Id,
        Self::Source,
        Self::Type,
        Self::Subject,
        Self::PartitionKey,
        Self::Time,
        Self::Tenant,
        Self::CorrelationId,
        Self::CausationId,
        Self::AggregateVersion,
        Self::SchemaVersion,
        Self::TraceParent,
        Self::TraceState,
    ];

    /// The attribute of that name.
    pub(crate) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "specversion" => Self::SpecVersion,
            "id" => Self::Id,
            "source" => Self::Source,
            "type" => Self::Type,
            "subject" => Self::Subject,
            "partitionkey" => Self::PartitionKey,
            "time" => Self::Time,
            "tenant" => Self::Tenant,
            "correlationid" => Self::CorrelationId,
            "causationid" => Self::CausationId,
            "aggregateversion" => Self::AggregateVersion,
            "schemaversion" => Self::SchemaVersion,
            "traceparent" => Self::TraceParent,
            "tracestate" => Self::TraceState,
            _ => return None,
        })
    }

    /// The name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::SpecVersion => "specversion",
            Self::Id => "id",
            Self::Source => "source",
            Self::Type => "type",
            Self::Subject => "subject",
            Self::PartitionKey => "partitionkey",
            Self::Time => "time",
            Self::Tenant => "tenant",
            Self::CorrelationId => "correlationid",
            Self::CausationId => "causationid",
            Self::AggregateVersion => "aggregateversion",
            Self::SchemaVersion => "schemaversion",
            Self::TraceParent => "traceparent",
            Self::TraceState => "tracestate",
        }
    }
}

/// Some of the attributes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct AttributeSet(u16);

impl AttributeSet {
    pub(crate) fn insert(&mut self, attribute: Attribute) {
        self.0 |= 1 << attribute as u8;
    }

    pub(crate) const fn contains(self, attribute: Attribute) -> bool {
        self.0 & (1 << attribute as u8) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_attribute_has_its_place_and_a_legal_name() {
        for (place, attribute) in Attribute::ALL.into_iter().enumerate() {
            assert_eq!(attribute as usize, place);
            assert_eq!(Attribute::of(attribute.name()), Some(attribute));
            let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
            assert!(attribute.name().len() <= 20 && attribute.name().bytes().all(legal));
        }
    }
}
