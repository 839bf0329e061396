"""Cases that have to hold, each with its tests. Orders, slots, money, keys: contract/playtests.md."""

from __future__ import annotations

from typing import Final

from tests.cases.case import Case

PLAYTESTS: Final = (
    Case(
        "10,000 playtesters claim one slot: one 201, all others 409, and the winner's retry gets the same",
        {
            "streams/deciders/playtests/test_races.py": (
                "one_slot_goes_to_the_first_of_ten_thousand_in_many_records",
            ),
            "outside/test_s2_races.py": ("of_a_whole_panel_one_gets_the_slot_and_everybody_is_answered",),
        },
    ),
    Case(
        "A submission a millisecond before the deadline, at it, before and after the Due in the log",
        {
            "streams/deciders/playtests/test_races.py": (
                "a_submission_is_in_time_before_the_deadline_by_its_own_time",
                "a_submission_stamped_before_the_deadline_but_appended_after_the_due_is_too_late",
                "nothing_is_done_to_a_slot_at_its_deadline",
            ),
        },
    ),
    Case(
        "A Due that comes twice or early",
        {
            "streams/deciders/playtests/test_races.py": (
                "a_due_twice_expires_a_slot_once",
                "a_submission_is_in_time_before_the_deadline_by_its_own_time",
            ),
            "streams/playtests/test_dues.py": ("an_early_word_changes_nothing",),
            "deploy/test_playtests_time.py": (
                "the_timer_asks_for_what_is_due_and_an_early_word_changes_nothing",
            ),
        },
    ),
    Case(
        "An approval fills the last slot and rejects 2,000 while one withdraws and another approves",
        {
            "streams/deciders/playtests/test_applications.py": (
                "approving_the_last_one_rejects_all_others_at_once_while_one_withdraws_and_another_approves",
            ),
            "outside/test_s2.py": ("a_pool_is_reviewed_and_the_last_slot_rejects_the_rest",),
        },
    ),
    Case(
        "Accept, reject and reject with another try in one record of commands",
        {
            "streams/deciders/playtests/test_races.py": (
                "accept_reject_and_reject_with_retry_in_one_record",
            ),
        },
    ),
    Case(
        "Two orders for new playtesters of one game, claimed by one playtester at once",
        {
            "streams/deciders/playtests/test_races.py": ("two_new_orders_of_one_game_and_one_playtester",),
        },
    ),
    Case(
        "Apply here, claim there, approve here",
        {
            "streams/deciders/playtests/test_applications.py": ("apply_here_claim_there_approve_here",),
        },
    ),
    Case(
        "Two pays with credit for one; cancel against pay",
        {
            "streams/deciders/playtests/test_orders.py": (
                "two_pays_with_credit_for_one_pay_one",
                "cancel_against_pay_whichever_is_first",
            ),
        },
    ),
    Case(
        "The provider's event against pay: repeated, late, of another amount, for a cancelled order",
        {
            "streams/deciders/playtests/test_races.py": (
                "the_provider_s_events_against_pay_and_cancel_in_one_record",
            ),
            "streams/deciders/playtests/test_money.py": (
                "a_payment_is_credit_once",
                "another_amount_and_an_unknown_payment_are_refused",
                "a_payment_that_comes_late_is_credit_alone",
            ),
            "outside/test_s2.py": ("an_event_of_the_provider_ends_a_payment_once",),
        },
    ),
    Case(
        "Exactly as many keys as seats and a no-show; with spares",
        {
            "streams/deciders/playtests/test_orders.py": (
                "exactly_as_many_keys_as_seats_and_a_no_show",
                "slot_n_gets_key_n_and_successors_the_spares",
            ),
        },
    ),
    Case(
        "Pages by cursor while rows come and change",
        {
            "projections/playtests/test_projection.py": (
                "pages_hold_no_row_twice_while_rows_come_and_change",
            ),
            "api/playtests/test_pool.py": ("what_is_decided_or_comes_later_changes_no_later_page",),
            "outside/test_s2_races.py": ("pages_of_a_status_hold_each_row_once_while_rows_come_and_leave",),
            "outside/test_s2.py": ("pages_have_no_row_twice_and_none_that_came_meanwhile",),
        },
    ),
    Case(
        "A cancellation with slots in every status",
        {
            "streams/deciders/playtests/test_orders.py": (
                "cancelling_with_slots_in_every_status",
                "cancelling_credits_open_and_blocked_slots_and_lets_the_others_run",
            ),
        },
    ),
    Case(
        "Every status and command of both tables, those outside them too; the money after every event",
        {
            "streams/deciders/playtests/test_slot_table.py": (
                "a_row",
                "a_cell_outside_the_table_is_refused",
                "every_command_of_the_table_is_tried",
            ),
            "streams/deciders/playtests/test_application_table.py": (
                "a_row",
                "a_cell_outside_the_table_is_refused",
                "every_command_of_the_table_is_tried",
            ),
        },
    ),
    Case(
        "A lost answer of a redemption asked for again; a second person with the forwarded link",
        {
            "streams/gateway/test_redemptions.py": (
                "a_lost_answer_is_asked_for_again_and_another_person_gets_the_next_key",
                "an_invite_is_opened_redeemed_and_shown_to_its_browser_alone",
            ),
        },
    ),
    Case(
        "Telemetry before, while and after a handle is linked, and a rebuild",
        {
            "outside/test_s1_batches.py": ("sessions_show_the_handle_that_their_device_was_linked_to",),
            "outside/test_rebuild.py": ("what_is_built_again_is_equal_and_takes_the_place_of_what_was",),
            "projections/playtests/test_handle_reads.py": ("sums_are_of_the_sessions_begun_while_linked",),
        },
    ),
    Case(
        "Every id for others, the other scope and the operator: 404s alike to the byte",
        {
            "outside/test_s2_tenants.py": (
                "another_studio_s_owner_learns_nothing",
                "another_playtester_learns_nothing_of_slots_and_applications",
                "keys_of_the_other_scope_and_the_operator_get_no_further",
                "an_order_for_one_playtester_does_not_exist_for_others",
            ),
            "outside/test_s1_batches.py": ("what_is_not_there_and_what_is_another_s_are_answered_alike",),
        },
    ),
    Case(
        "Game keys, e-mails and tokens are nowhere in the clear",
        {
            "outside/test_secrets_at_rest.py": ("what_only_one_reader_may_see_is_kept_nowhere_in_the_clear",),
        },
    ),
)
