//! The table of scenarios: each stands here once, with what it needs.

use super::feature::Feature;
use super::scenario::Scenario;
use super::scenarios as rooms;

/// From one table the list of scenarios, and the macro that makes tests of them. `$d` is a dollar sign: the inner macro
/// has an argument of its own.
macro_rules! table {
    ($d:tt; $($room:ident { $($name:ident [$($feature:ident)*];)* })*) => {
        const SCENARIOS: &[Scenario] = &[$($(Scenario {
            name: stringify!($name),
            needs: &[$(Feature::$feature),*],
            run: |lab| Box::pin(rooms::$room::$name(lab)),
        },)*)*];

        /// Makes a test of each scenario, for the adapters of this [`Factory`](crate::conformance::Factory).
        ///
        /// Takes an expression of a factory, and how many scenarios the adapter has to leave out.
        #[macro_export]
        macro_rules! conformance_tests {
            ($d factory:expr, skipped = $d skipped:expr) => {
                #[test]
                fn every_scenario_runs_but_the_expected_ones() {
                    $d crate::conformance::expect_skipped(&$d factory, $d skipped);
                }

                $($(
                    #[test]
                    fn $name() {
                        $d crate::conformance::test(::std::sync::Arc::new($d factory), stringify!($name));
                    }
                )*)*
            };
        }
    };
}

/// All scenarios, in the order of an event's life.
#[must_use]
pub fn scenarios() -> &'static [Scenario] {
    SCENARIOS
}

table! { $;
    fields {
        every_field_arrives_as_it_was_published [];
        an_event_with_a_payload_alone_arrives_without_the_rest [];
        an_empty_payload_arrives_empty [];
        null_empty_repeated_and_non_utf8_headers_arrive_in_order [];
        names_of_the_greatest_length_arrive [];
        every_byte_of_a_payload_arrives [];
        trace_tenant_correlation_and_causation_are_kept [];
    }
    order {
        events_of_an_aggregate_are_handled_in_order_with_one_publisher [];
        events_of_an_aggregate_are_handled_in_order_with_three_publishers [];
        events_of_an_aggregate_are_handled_in_order_with_fifty_publishers [];
        a_hundred_thousand_events_of_a_thousand_aggregates_keep_their_order [];
        an_aggregate_waits_for_its_head_and_others_do_not [];
        two_tenants_with_one_aggregate_id_do_not_share_a_lane [];
        events_without_an_aggregate_run_at_once [];
        aggregates_run_at_once [];
    }
    tenants {
        tenants_with_one_aggregate_id_keep_their_own_order_and_identity [];
        a_tenant_out_of_tokens_waits_alone [];
    }
    groups {
        members_of_one_group_handle_each_event_once [Partitions];
        two_groups_each_handle_every_event [];
        one_subscription_reads_several_topics [];
        a_subscription_before_the_first_publish_misses_nothing [];
        a_new_group_starts_with_the_oldest_event [Replays];
        a_group_that_starts_latest_handles_what_comes_and_nothing_before [];
        a_group_that_starts_at_a_time_handles_what_was_appended_since [Replays];
        a_slow_group_does_not_hold_a_fast_one_back [];
        a_second_subscription_of_one_group_and_topic_is_refused [];
    }
    publish {
        a_batch_is_answered_per_event_and_in_its_order [];
        an_event_id_may_be_published_again [];
        an_event_of_the_greatest_size_passes_and_one_byte_more_is_rejected [];
        an_invalid_event_is_rejected_and_its_followers_stay_behind [];
        a_full_broker_makes_publishing_wait_and_then_says_busy [WaitsWhenFull];
        publishing_that_waits_for_room_goes_on_when_there_is_some [WaitsWhenFull];
        publishing_that_is_given_up_while_it_waits_stands_in_nobodys_way [WaitsWhenFull];
        a_handler_that_publishes_into_its_own_full_topic_does_not_stop_it [WaitsWhenFull];
    }
    route {
        a_header_names_the_aggregate_of_an_event_that_names_none [];
        a_closure_puts_aggregates_into_one_lane [];
        a_closure_takes_events_out_of_their_lanes [];
        a_closure_sees_what_an_event_says_of_itself [];
    }
    retry {
        a_failed_event_is_handled_again_before_its_followers [];
        others_go_on_while_a_failed_event_waits [];
        a_panic_is_a_failed_attempt [];
        hooks_hear_of_every_failure_and_what_comes_next [];
        an_error_that_its_handler_calls_fatal_is_not_tried_again [];
        the_classifier_decides_by_type [];
    }
    time {
        a_handler_that_hangs_is_dropped_when_its_time_is_up [];
        the_router_gives_an_event_its_own_time [];
        a_handler_that_hangs_stops_only_its_lane [];
        a_handler_that_cannot_be_dropped_keeps_its_lane_beyond_its_time [];
        a_handler_that_blocks_its_thread_stops_only_the_lanes_of_its_worker [];
    }
    poison {
        poison_is_skipped_behind_its_dead_letter [Lists];
        the_committed_position_passes_skipped_poison [Backlog];
        poison_blocks_its_aggregate_and_the_committed_position [Lists];
        a_restart_tries_a_blocked_event_again [Lists];
        a_dead_letter_holds_the_original_and_its_story [Lists];
        a_fatal_error_and_a_panic_end_in_the_dead_letters [Lists];
        each_group_has_dead_letters_of_its_own [Lists];
        a_store_that_refuses_holds_its_lane_and_says_so_until_it_relents [Lists];
    }
    shelf {
        a_claim_voids_the_one_before_it [Parks];
        who_lost_a_claim_learns_it_when_asking_for_wishes [Parks];
        pages_are_in_order_and_within_their_limit [Parks];
        an_entry_that_is_parked_again_is_one_entry_the_newer [Parks];
        a_claim_tells_why_each_aggregate_waits [Parks];
        an_aggregate_leaves_its_mark_until_it_is_forgotten [Parks];
        verdicts_change_what_stays_and_pass_over_what_is_not_there [Parks];
        an_entry_that_has_begun_says_so_to_the_next_owner [Parks];
        whatever_becomes_of_an_entry_it_has_not_begun_any_more [Parks];
        a_letter_that_was_buried_is_an_entry_and_closes_no_lane [Parks];
    }
    wishes {
        a_wish_is_heard_until_it_is_answered_and_both_are_audited [Parks Lists];
        a_wish_in_another_scope_is_not_heard [Parks Lists];
        a_target_with_an_open_wish_keeps_it [Parks Lists];
        what_cannot_be_asked_for_is_refused_with_the_reason [Parks Lists];
        a_dry_run_counts_and_leaves_nothing [Parks Lists];
        an_edit_that_is_another_event_is_refused_and_nothing_is_written [Parks Lists];
        what_waits_behind_a_head_that_has_left_is_found_by_what_that_died_of [Parks Lists];
        the_answer_to_a_wish_is_told_and_a_wish_that_nobody_has_is_unknown [Parks Lists];
        a_letter_of_a_parked_aggregate_waits_for_what_is_parked [Parks Lists];
    }
    parking {
        what_follows_a_dead_letter_is_parked_and_redriven_in_order [Parks Lists];
        a_second_failure_returns_to_the_store_and_keeps_its_order [Parks Lists];
        who_restarts_knows_what_is_parked_before_the_first_event [Parks Lists];
        a_partition_that_moves_takes_what_is_parked_along [Parks Lists Partitions];
        what_is_delivered_again_behind_a_new_claim_is_settled_and_not_parked_again [Parks Lists];
        an_event_whose_next_attempt_is_far_away_waits_in_the_store_with_its_followers [Parks Lists];
        what_is_skipped_and_purged_goes_without_being_handled [Parks Lists];
        an_edit_changes_the_content_and_not_the_place [Parks Lists];
        an_edit_that_does_not_decode_is_dead_again_and_can_be_edited_anew [Parks Lists];
    }
    styles {
        a_batch_that_fails_in_part_is_tried_again_in_part [];
        a_stream_takes_answers_and_says_which_came_too_late [];
    }
    pressure {
        a_stalled_handler_keeps_open_events_within_their_limit [];
        a_stalled_handler_keeps_open_bytes_within_their_limit [];
        a_full_lane_holds_its_partition_back [];
        a_stalled_partition_does_not_stop_the_others [Partitions];
    }
    resume {
        a_closed_bus_is_resumed_without_loss_or_repeat [];
        what_is_done_above_the_watermark_is_not_handled_again [State];
        failed_attempts_survive_a_restart [State];
        failed_attempts_survive_a_rebalance [State Partitions];
        when_quiet_the_committed_position_reaches_the_end_within_five_seconds [Backlog];
        when_quiet_all_that_a_group_owns_is_stored_as_committed [];
        the_lag_counts_what_is_not_committed [Backlog];
    }
    progress {
        the_commit_reaches_an_end_that_holds_nothing_deliverable [Pads Backlog];
        a_group_that_returns_behind_what_is_not_deliverable_repeats_nothing [Pads Backlog];
        progress_never_passes_an_unfinished_event [Pads State];
    }
    connection {
        health_tells_of_a_lost_connection_until_it_stands_again [Disconnects];
        a_lost_connection_loses_no_event_and_no_order [Disconnects];
        handlers_end_without_a_connection_and_what_they_did_counts [Disconnects];
        no_handler_starts_after_its_permission_has_run_out [Fences Disconnects];
    }
    rebalance {
        a_member_that_joins_takes_its_share_in_order [Partitions];
        a_member_that_leaves_hands_its_share_over_in_order [Partitions];
        a_member_that_crashes_takes_nothing_with_it [Partitions];
        members_come_and_go_and_order_is_kept [Partitions];
        a_member_beyond_the_partitions_waits_and_takes_over [Partitions];
    }
    withdraw {
        partitions_that_come_back_find_their_lanes_in_order [Partitions];
        handlers_that_end_in_time_are_not_repeated_by_the_next_owner [Partitions];
        the_success_of_a_handler_that_cannot_be_dropped_is_adopted_when_its_partition_returns [Partitions];
        an_expelled_group_adopts_what_could_not_be_dropped [Expels];
        the_failure_of_a_handler_that_outlived_its_tenure_is_no_success [Expels];
        an_expelled_group_goes_on_in_order [Expels Partitions];
        a_full_lane_of_an_expelled_group_opens_again [Expels];
    }
    gaps {
        a_gap_is_reported_and_reading_goes_on [Trims];
        what_was_deleted_while_a_group_was_away_is_reported_when_it_returns [Trims];
        what_was_handled_may_be_deleted_without_a_gap [Trims];
    }
    close {
        publishing_after_close_is_refused_as_closed [];
        subscribing_after_close_is_refused_as_closed [];
        many_tasks_may_close_one_bus_at_once [];
        no_handler_starts_after_the_signal_and_running_ones_end [];
        a_close_drops_a_handler_that_never_ends_by_its_deadline [];
        a_close_ends_by_its_deadline_beside_a_handler_that_cannot_be_dropped [];
        a_second_close_with_less_time_hurries_the_first [];
        closing_one_subscription_leaves_the_others [];
    }
}
