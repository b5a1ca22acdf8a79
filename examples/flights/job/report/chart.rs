//! Departures by hour of the day, as bars.

use std::fmt;

use super::number::grouped;
use crate::job::state::Hour;

/// The columns of the longest bar.
const WIDTH: u64 = 60;

/// The eighths of a column.
const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/// A bar per hour from the first to the last with a departure; the longest has 60 columns.
pub(super) struct Chart<'a>(pub(super) &'a [Hour; 24]);

impl fmt::Display for Chart<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Departures by scheduled hour, with the average delay in minutes")?;
        let busy = |hour: &Hour| hour.departures > 0;
        let first = self.0.iter().position(busy).unwrap_or(0);
        let end = self.0.iter().rposition(busy).map_or(0, |last| last + 1);
        let most = self.0.iter().map(|hour| hour.departures).max().unwrap_or(0);
        let width = grouped(most).len();
        for (hour, Hour { departures, .. }) in self.0.iter().enumerate().take(end).skip(first) {
            let delay =
                self.0[hour].average_delay().map_or_else(|| "-".to_owned(), |delay| format!("{delay:+.1}"));
            let count = grouped(*departures);
            writeln!(f, "  {hour:02}  {count:>width$}  {delay:>6}  {}", bar(*departures, most))?;
        }
        Ok(())
    }
}

/// A bar of `count` eighths, scaled so that `most` fills [`WIDTH`]; something is never nothing.
fn bar(count: u64, most: u64) -> String {
    let scaled = (count * WIDTH * 8).checked_div(most).unwrap_or(0);
    let eighths = scaled.max(u64::from(count > 0));
    let full = usize::try_from(eighths / 8).unwrap_or(0);
    let rest = usize::try_from(eighths % 8).unwrap_or(0);
    "█".repeat(full) + EIGHTHS[rest]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_bar_has_sixty_columns_and_the_others_their_share() {
        assert_eq!(bar(500, 500), "█".repeat(60));
        assert_eq!(bar(250, 500), "█".repeat(30));
        assert_eq!(bar(11, 80), format!("{}▎", "█".repeat(8)));
        assert_eq!(
            (bar(1, 1_000_000), bar(0, 10), bar(0, 0)),
            ("▏".to_owned(), String::new(), String::new())
        );
    }

    #[test]
    fn hours_without_departures_stand_only_between_others() {
        let mut hours = [Hour::default(); 24];
        hours[5] = Hour { departures: 1_000, delay: -500 };
        hours[7] = Hour { departures: 500, delay: 6_000 };
        let lines: Vec<String> = Chart(&hours).to_string().lines().skip(1).map(str::to_owned).collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[0], format!("  05  1,000    -0.5  {}", "█".repeat(60)));
        assert_eq!(lines[1], "  06      0       -  ");
        assert_eq!(lines[2], format!("  07    500   +12.0  {}", "█".repeat(30)));
    }

    #[test]
    fn a_day_without_departures_has_no_bars() {
        assert_eq!(Chart(&[Hour::default(); 24]).to_string().lines().count(), 1);
    }
}
