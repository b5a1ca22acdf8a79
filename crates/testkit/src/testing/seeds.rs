//! A test under many seeds.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// The variable that names one seed.
const SEED: &str = "LANEWAY_SEED";

/// Runs a test once for each seed, each time on a paused runtime of its own, and says which seed it was where it panics.
/// Where `LANEWAY_SEED` is set, that seed alone is run. Not to be called from a runtime.
///
/// ```
/// use laneway_testkit::testing::each_seed;
/// each_seed(0..3, |seed| async move { assert!(seed < 3) });
/// ```
///
/// # Panics
/// Where the test does, the machine makes no runtime, or `LANEWAY_SEED` is no number.
pub fn each_seed<F, Fut>(seeds: impl IntoIterator<Item = u64>, test: F)
where
    F: Fn(u64) -> Fut,
    Fut: Future<Output = ()>,
{
    let named = std::env::var(SEED).ok();
    let named = named.map(|text| text.parse().unwrap_or_else(|_| panic!("{SEED} is not a number: {text}")));
    match named {
        Some(seed) => run(seed, &test),
        None => seeds.into_iter().for_each(|seed| run(seed, &test)),
    }
}

fn run<F, Fut>(seed: u64, test: &F)
where
    F: Fn(u64) -> Fut,
    Fut: Future<Output = ()>,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.unwrap_or_else(|error| panic!("no runtime: {error}"));
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| runtime.block_on(test(seed)))) {
        eprintln!("it failed under seed {seed}; {SEED}={seed} runs that one alone");
        resume_unwind(panic);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn every_seed_runs_and_one_that_panics_ends_it() {
        let seen = Mutex::new(Vec::new());
        let test = |seed| {
            seen.lock().unwrap().push(seed);
            async move { assert!(seed != 2, "seed two") }
        };
        let ended = catch_unwind(AssertUnwindSafe(|| each_seed(0..5, test)));
        assert_eq!(super::super::given::words(&*ended.unwrap_err()), "seed two");
        assert_eq!(seen.into_inner().unwrap(), [0, 1, 2]);
    }
}
