//! The rules of names, so that a breach is shown where it is written. The domain has them too; a test compares them.

/// The rule of event types that a name breaks.
pub(crate) fn of_event_type(name: &str) -> Option<&'static str> {
    match name {
        "" => Some("is not empty"),
        _ if name.len() > 256 => Some("has at most 256 bytes"),
        _ if name.chars().any(char::is_control) => Some("has no control characters"),
        _ => None,
    }
}

/// The rule of topics that a name breaks.
pub(crate) fn of_topic(name: &str) -> Option<&'static str> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    match name {
        "" => Some("is not empty"),
        _ if name.len() > 237 => Some("has at most 237 characters"),
        _ if !name.chars().all(legal) => Some("has only the characters A-Z a-z 0-9 . _ -"),
        _ if name.split('.').any(str::is_empty) => Some("has no empty part between dots"),
        _ if name.starts_with("__") => Some("does not start with `__`, which brokers reserve"),
        _ if name == "health_check_topic" || name.ends_with("-dead-letter") => {
            Some("is not one of the bus's own names (health_check_topic, *-dead-letter)")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use laneway_domain::{EventType, TopicName};

    #[test]
    fn they_refuse_what_the_domain_refuses_and_nothing_else() {
        let long = ["x".repeat(237), "x".repeat(238), "x".repeat(256), "x".repeat(257)];
        let short = "a|a.b-c_D9|||a b|größe|a..b|.a|a.|.|..|_a|__a|a__|a\u{7}|\u{85}|-dead-letter|x-dead-letter\
                     |health_check_topic|health_check_topic2|my_health_check_topic";
        for name in short.split('|').chain(long.iter().map(String::as_str)) {
            assert_eq!(of_topic(name).is_some(), TopicName::new(name).is_err(), "topic {name:?}");
            assert_eq!(of_event_type(name).is_some(), EventType::new(name).is_err(), "type {name:?}");
        }
    }
}
