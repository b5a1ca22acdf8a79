//! The queues of all lanes, in one pool.

use super::lane::{Lane, NONE, Ticket};

/// Entries of every queue: 12 bytes each, used again when they are free.
#[derive(Debug)]
pub(crate) struct Pool {
    entries: Vec<Entry>,
    free: u32,
}

#[derive(Debug)]
struct Entry {
    ticket: Ticket,
    next: u32,
}

impl Pool {
    pub(crate) const fn new() -> Self {
        Self { entries: Vec::new(), free: NONE }
    }

    fn place(&mut self, ticket: Ticket) -> u32 {
        let entry = Entry { ticket, next: NONE };
        if let Some(place) = self.entries.get_mut(self.free as usize) {
            let at = self.free;
            self.free = place.next;
            *place = entry;
            return at;
        }
        self.entries.push(entry);
        u32::try_from(self.entries.len() - 1).unwrap_or(NONE)
    }

    /// Adds an event behind the others of a lane.
    pub(crate) fn push(&mut self, lane: &mut Lane, ticket: Ticket) {
        let place = self.place(ticket);
        match self.entries.get_mut(lane.last as usize) {
            Some(last) => last.next = place,
            None => lane.first = place,
        }
        lane.last = place;
        lane.queued += 1;
    }

    /// The first event of a lane's queue.
    pub(crate) fn first(&self, lane: &Lane) -> Option<Ticket> {
        self.entries.get(lane.first as usize).map(|entry| entry.ticket)
    }

    /// Takes the first event out of a lane's queue.
    #[inline]
    pub(crate) fn pop(&mut self, lane: &mut Lane) -> Option<Ticket> {
        let entry = self.entries.get_mut(lane.first as usize)?;
        let place = std::mem::replace(&mut lane.first, entry.next);
        entry.next = std::mem::replace(&mut self.free, place);
        if lane.first == NONE {
            lane.last = NONE;
        }
        lane.queued -= 1;
        Some(entry.ticket)
    }
}
