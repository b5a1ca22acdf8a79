//! The JSON text of an envelope of the fleet.

use std::borrow::Cow;

use laneway_domain::CodecError;
use serde_json::value::RawValue;

use super::FORMAT;
use crate::fault::malformed;
use crate::members::{each_member, string};

/// The fields as they stand; empty strings and zeros are none, as Go leaves them out.
#[derive(Debug, Default)]
pub(super) struct Wire<'r> {
    pub(super) event_id: Option<Cow<'r, str>>,
    pub(super) aggregate_id: Option<Cow<'r, str>>,
    pub(super) event_type: Option<Cow<'r, str>>,
    pub(super) event_version: Option<i64>,
    pub(super) timestamp: Option<Cow<'r, str>>,
    pub(super) trace_id: Option<Cow<'r, str>>,
    pub(super) correlation_id: Option<Cow<'r, str>>,
    pub(super) tenant_id: Option<i64>,
    pub(super) payload: Option<&'r RawValue>,
    seen: u16,
}

impl<'r> Wire<'r> {
    /// Reads `json`; where it breaks off, what stands before has been read.
    pub(super) fn read(&mut self, json: &'r [u8]) -> Result<(), CodecError> {
        each_member(FORMAT, json, &mut |name, value| self.take(&name, value))
    }

    fn take(&mut self, name: &str, value: &'r RawValue) -> Result<(), CodecError> {
        let place = match name {
            "event_id" => 0,
            "aggregate_id" => 1,
            "event_type" => 2,
            "event_version" => 3,
            "timestamp" => 4,
            "trace_id" => 5,
            "correlation_id" => 6,
            "tenant_id" => 7,
            "payload" => 8,
            // The fleet does not read what it does not know either.
            _ => return Ok(()),
        };
        if self.seen & (1 << place) != 0 {
            return Err(malformed(FORMAT, format!("{name} stands twice")));
        }
        self.seen |= 1 << place;
        match place {
            0 => self.event_id = text(name, value)?,
            1 => self.aggregate_id = text(name, value)?,
            2 => self.event_type = text(name, value)?,
            3 => self.event_version = integer(name, value)?,
            4 => self.timestamp = text(name, value)?,
            5 => self.trace_id = text(name, value)?,
            6 => self.correlation_id = text(name, value)?,
            7 => self.tenant_id = integer(name, value)?,
            _ => self.payload = Some(value),
        }
        Ok(())
    }
}

fn text<'r>(name: &str, value: &'r RawValue) -> Result<Option<Cow<'r, str>>, CodecError> {
    if value.get() == "null" {
        return Ok(None);
    }
    let text = string(value).ok_or_else(|| malformed(FORMAT, format!("{name} is not a string")))?;
    Ok((!text.is_empty()).then_some(text))
}

fn integer(name: &str, value: &RawValue) -> Result<Option<i64>, CodecError> {
    if value.get() == "null" {
        return Ok(None);
    }
    let number: i64 = serde_json::from_str(value.get())
        .map_err(|_| malformed(FORMAT, format!("{name} is not an integer of 64 bits")))?;
    Ok((number != 0).then_some(number))
}
