//! What the derives refuse, as the compiler shows it. `TRYBUILD=overwrite` writes the expectations anew.

#[test]
fn wrong_events_do_not_compile_and_the_errors_say_what_to_write() {
    trybuild::TestCases::new().compile_fail("tests/refused/*.rs");
}
