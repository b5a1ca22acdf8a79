//! Waiting for a condition of another program.

use std::time::Duration;

use crate::stopwatch::Stopwatch;

/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// Looks again and again until there is an answer, for at most `limit`.
#[expect(clippy::disallowed_methods, reason = "another program's progress can only be looked at")]
pub(crate) fn until<T>(limit: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let watch = Stopwatch::start();
    loop {
        if let Some(answer) = look() {
            return Some(answer);
        }
        if watch.elapsed() >= limit {
            return None;
        }
        std::thread::sleep(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_looks_until_there_is_an_answer_and_once_where_there_is_no_time() {
        let mut looks = 0;
        let third = || {
            looks += 1;
            (looks == 3).then_some(looks)
        };
        assert_eq!(until(Duration::from_secs(60), third), Some(3));
        assert_eq!(until(Duration::ZERO, || None::<()>), None);
    }
}
