//! How many handlers stand between an event and the one that began it all.
//!
//! A guarded handler (see [`LoopGuard`](crate::layers::LoopGuard)) says how far its event has come while it runs; what
//! it publishes meanwhile is one hop further, and says so in a header.

use std::cell::Cell;
use std::future::poll_fn;
use std::num::IntErrorKind;
use std::pin::pin;

use bytes::Bytes;
use laneway_domain::{Envelope, Headers};

/// The header that counts hops, in decimal digits.
pub const HOPS_HEADER: &str = "laneway-hops";

thread_local! {
    static HOPS: Cell<Option<u32>> = const { Cell::new(None) };
}

/// The hops of the event that is being handled by the code that runs now, where a guard counts them.
pub(crate) fn hops() -> Option<u32> {
    HOPS.get()
}

/// Runs `future` as the handling of an event that has come so far.
pub(crate) async fn counting<F: Future>(hops: Option<u32>, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|cx| within(hops, || future.as_mut().poll(cx))).await
}

/// Runs code of the handling of an event that has come so far, on whatever thread.
pub(crate) fn within<T>(hops: Option<u32>, code: impl FnOnce() -> T) -> T {
    struct Leave(Option<u32>);
    impl Drop for Leave {
        fn drop(&mut self) {
            HOPS.set(self.0);
        }
    }
    let _leave = Leave(HOPS.replace(hops));
    code()
}

/// The hops that an event says it has made; 0 where it says nothing that can be read.
pub(crate) fn hops_of(headers: &Headers) -> u32 {
    let said = headers.first(HOPS_HEADER).flatten().and_then(|value| std::str::from_utf8(value).ok());
    match said.map(str::parse) {
        Some(Ok(hops)) => hops,
        // Too many to count are many, not none.
        Some(Err(error)) if *error.kind() == IntErrorKind::PosOverflow => u32::MAX,
        _ => 0,
    }
}

/// Says in an event that it has made `hops`.
pub(super) fn put_on(event: &mut Envelope, hops: u32) {
    event.set_header(HOPS_HEADER, Some(Bytes::from(hops.to_string())));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(value: &'static [u8]) -> u32 {
        hops_of(&[(HOPS_HEADER, Some(Bytes::from_static(value)))].into_iter().collect())
    }

    #[test]
    fn a_header_that_is_no_number_counts_as_none_and_one_too_large_as_too_many() {
        assert_eq!((said(b"7"), said(b""), said(b"x"), said(b"-1"), said(&[0xff])), (7, 0, 0, 0, 0));
        assert_eq!(said(b"99999999999"), u32::MAX);
        assert_eq!(hops_of(&Headers::new()), 0);
    }

    #[tokio::test]
    async fn hops_count_only_while_their_future_is_polled() {
        let nested = counting(Some(3), async {
            let inner = counting(Some(9), async { hops() }).await;
            tokio::task::yield_now().await;
            (inner, hops())
        });
        let mut nested = pin!(nested);
        let outside = poll_fn(|cx| {
            let first = nested.as_mut().poll(cx).is_pending();
            std::task::Poll::Ready((first, hops()))
        });
        assert_eq!(outside.await, (true, None));
        assert_eq!(nested.await, (Some(9), Some(3)));
        let panic = crate::guard::guarded(|| within(Some(1), || panic!("inside")));
        assert_eq!((panic, hops()), (Err("inside".to_owned()), None));
    }
}
