//! A process that was started here, told apart from a later one with the same number.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::wait;

/// Linux counts in `/proc` in hundredths of a second, whatever the machine.
const TICKS_PER_SECOND: u64 = 100;

/// A process that was started here. Its number alone proves nothing: numbers are used again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Process {
    /// Its number.
    pub(crate) pid: u32,
    /// When it began, in ticks since the machine did.
    pub(crate) start_ticks: u64,
    /// Which start of the machine that was.
    pub(crate) boot: String,
}

impl Process {
    /// The process that has this number now.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        let stat = Stat::of(pid)?;
        (!stat.is_dead()).then(|| Self { pid, start_ticks: stat.start_ticks, boot: boot() })
    }

    /// Whether it still runs.
    pub(crate) fn runs(&self) -> bool {
        Self::of(self.pid).is_some_and(|now| now == *self)
    }

    /// How long it has run.
    pub(crate) fn age(&self) -> Option<Duration> {
        let uptime = fs::read_to_string("/proc/uptime").ok()?;
        let uptime = Duration::try_from_secs_f64(uptime.split(' ').next()?.parse::<f64>().ok()?).ok()?;
        Some(uptime.saturating_sub(Duration::from_millis(self.start_ticks * (1000 / TICKS_PER_SECOND))))
    }

    /// Sends it a signal, if it still runs.
    pub(crate) fn signal(&self, name: &str) {
        if self.runs() {
            let mut kill = Command::new("sh");
            kill.args(["-c", "kill -s \"$1\" \"$2\"", "sh", name]).arg(self.pid.to_string());
            let _ = kill.stdin(Stdio::null()).stderr(Stdio::null()).status();
        }
    }

    /// Waits for its end, and says whether it came.
    pub(crate) fn ends_within(&self, limit: Duration) -> bool {
        wait::until(limit, || (!self.runs()).then_some(())).is_some()
    }

    /// Waits until its number is free as well, which takes its parent's notice after its end, and says whether it is.
    pub(crate) fn vanishes_within(&self, limit: Duration) -> bool {
        let there = || Stat::of(self.pid).is_some_and(|stat| stat.start_ticks == self.start_ticks);
        wait::until(limit, || (!there()).then_some(())).is_some()
    }
}

/// Whether processes can be told apart here.
pub(crate) fn is_linux() -> bool {
    Path::new("/proc/self/stat").exists()
}

fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// What `/proc/PID/stat` says, as far as it matters here (`man 5 proc`).
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    state: char,
    start_ticks: u64,
}

impl Stat {
    fn of(pid: u32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// Field 2 is the program's name in brackets, which may itself hold blanks and brackets.
    fn parse(text: &str) -> Option<Self> {
        let mut fields = text.get(text.rfind(')')? + 1..)?.split_whitespace();
        let state = fields.next()?.chars().next()?;
        Some(Self { state, start_ticks: fields.nth(18)?.parse().ok()? })
    }

    /// Whether it has ended, and waits for its parent to notice.
    fn is_dead(&self) -> bool {
        matches!(self.state, 'Z' | 'X')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str, state: char) -> String {
        format!("42 ({name}) {state} 1 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 98765 1000 200")
    }

    #[test]
    fn a_start_time_is_read_whatever_the_program_is_called() {
        for name in ["java", "a b", "evil) R 1 2", "(("] {
            let stat = Stat { state: 'S', start_ticks: 98_765 };
            assert_eq!(Stat::parse(&line(name, 'S')), Some(stat), "{name}");
        }
        assert_eq!(Stat::parse("42 (java) S 1"), None);
    }

    #[test]
    fn a_process_that_has_ended_is_dead_before_its_parent_notices() {
        assert!(Stat::parse(&line("java", 'Z')).unwrap().is_dead());
        assert!(!Stat::parse(&line("java", 'S')).unwrap().is_dead());
    }

    #[test]
    fn another_process_with_the_number_is_not_the_one() {
        let own = Process::of(std::process::id()).unwrap();
        assert!(own.runs());
        assert!(!Process { start_ticks: own.start_ticks + 1, ..own.clone() }.runs());
        assert!(!Process { boot: "another".into(), ..own }.runs());
    }

    #[test]
    fn a_signal_reaches_the_process_and_spares_another_with_its_number() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let process = Process::of(child.id()).unwrap();
        Process { start_ticks: process.start_ticks + 1, ..process.clone() }.signal("KILL");
        assert!(process.runs());
        process.signal("KILL");
        assert!(process.ends_within(Duration::from_secs(20)));
        assert!(!process.vanishes_within(Duration::ZERO));
        child.wait().unwrap();
        assert!(process.vanishes_within(Duration::ZERO));
    }
}
