//! W3C trace context, carried as it came.

use compact_str::CompactString;

use crate::error::Invalid;

/// The trace context of an event: the `traceparent` and `tracestate` of <https://www.w3.org/TR/trace-context/>.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    parent: CompactString,
    state: Option<CompactString>,
}

impl TraceContext {
    /// Takes a `traceparent` and, where there is one, a `tracestate`.
    ///
    /// # Errors
    /// [`Invalid`] where the `traceparent` has not the form `00-<32 hex>-<16 hex>-<2 hex>` of version 00 (later
    /// versions may be longer), or an id is all zeros, or the state has more than 512 bytes.
    pub fn new(parent: &str, state: Option<&str>) -> Result<Self, Invalid> {
        if !well_formed(parent) {
            return Err(Invalid::new("traceparent", "has the form 00-<32 hex>-<16 hex>-<2 hex>", parent));
        }
        if let Some(state) = state.filter(|state| state.len() > 512) {
            return Err(Invalid::new("tracestate", "has at most 512 bytes", state));
        }
        Ok(Self { parent: parent.into(), state: state.map(CompactString::from) })
    }

    /// The `traceparent` value.
    #[must_use]
    pub fn parent(&self) -> &str {
        &self.parent
    }

    /// The `tracestate` value.
    #[must_use]
    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }
}

fn well_formed(parent: &str) -> bool {
    let hex = |part: &str, len: usize| {
        part.len() == len && part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let id = |part: &str, len: usize| hex(part, len) && part.bytes().any(|b| b != b'0');
    let mut parts = parent.splitn(5, '-');
    let (version, trace, span, flags) = (parts.next(), parts.next(), parts.next(), parts.next());
    let longer = parts.next().is_some();
    version.is_some_and(|v| hex(v, 2) && v != "ff" && (v != "00" || !longer))
        && trace.is_some_and(|t| id(t, 32))
        && span.is_some_and(|s| id(s, 16))
        && flags.is_some_and(|f| hex(f, 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_well_formed_traceparent_is_taken() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert!(TraceContext::new(good, Some("a=b")).is_ok());
        assert!(TraceContext::new(&good.replace("00-4", "01-4").replace("-01", "-01-more"), None).is_ok());
        for bad in [
            "",
            "00",
            &good[1..],
            &good.to_uppercase(),
            &format!("{good}-more"),
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(TraceContext::new(bad, None).unwrap_err().field(), "traceparent", "{bad}");
        }
    }
}
