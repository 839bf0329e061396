"""Cases that have to hold, each with its tests. Game servers: contract/fleet.md."""

from __future__ import annotations

from typing import Final

from tests.cases.case import Case

FLEET: Final = (
    Case(
        "An agent is killed between folder, process and report",
        {
            "streams/fleet/host/test_agent.py": (
                "an_agent_is_killed_at_each_step_and_the_server_runs_once",
                "servers_go_on_without_their_agent_and_are_adopted",
            ),
            "outside/test_fleet.py": ("a_game_from_its_upload_to_its_end",),
        },
    ),
    Case(
        "Agent and parent are killed both",
        {
            "streams/fleet/host/test_agent.py": (
                "agent_and_parent_are_killed_and_the_next_agent_finds_and_ends_the_server",
            ),
            "streams/fleet/host/test_drivers.py": (
                "a_server_whose_parent_was_killed_is_still_known_and_can_be_ended",
            ),
        },
    ),
    Case(
        "Two agents of one host, the older frozen past the newer's epoch",
        {
            "streams/deciders/fleet/test_hosts.py": ("the_older_of_two_agents_is_fenced",),
            "streams/fleet/host/test_agent.py": (
                "an_agent_whose_host_another_serves_ends",
                "one_agent_serves_a_root",
            ),
            "faults/test_fleet_drill.py": ("no_server_is_orphaned_or_doubled_while_parts_are_killed",),
        },
    ),
    Case(
        "A host is lost, replaced, and returns",
        {
            "streams/deciders/fleet/test_hosts.py": (
                "a_host_is_lost_replaced_and_returns",
                "a_silent_host_is_suspected_then_lost",
                "an_outage_of_the_log_loses_nobody",
            ),
            "streams/fleet/host/test_agent.py": ("what_the_log_has_given_up_is_killed_at_the_next_join",),
        },
    ),
    Case(
        "Without Kafka, or with Redis emptied, no server dies",
        {
            "streams/fleet/host/test_agent.py": (
                "servers_live_while_the_log_is_away_and_what_happened_is_told_afterwards",
            ),
            "faults/test_fleet_drill.py": ("no_server_is_orphaned_or_doubled_while_parts_are_killed",),
        },
    ),
    Case(
        "A stop that races ready, ttl, restart and exit",
        {
            "streams/deciders/fleet/test_servers.py": (
                "a_stop_that_races_ready_ttl_restart_and_exit_ends_one_way",
            ),
            "streams/deciders/fleet/test_life_table.py": (
                "a_row_happens",
                "what_is_in_no_row_changes_nothing",
            ),
        },
    ),
    Case(
        "100 claims of 10 servers of a pool with a new version meanwhile",
        {
            "streams/deciders/fleet/test_pools.py": (
                "a_hundred_claims_of_ten_servers_with_a_new_version_meanwhile",
            ),
            "outside/test_s5.py": ("a_pool_s_server_is_claimed_at_once",),
        },
    ),
    Case(
        "Ports exhausted: 503, and 10,000 cycles leak none",
        {
            "streams/deciders/fleet/test_placement.py": (
                "ports_go_round_and_rest_for_a_minute",
                "ten_thousand_servers_after_each_other_leak_no_port",
            ),
            "outside/test_s5_refusals.py": ("no_room_is_not_remembered",),
        },
    ),
    Case(
        "Ports that would share a variable are refused",
        {
            "schemas/fleet/test_port_clashes.py": (
                "what_clashes_is_told_with_the_port_it_clashes_with",
                "ports_without_a_clash_have_variables_and_numbers_of_their_own",
            ),
            "schemas/fleet/test_bodies.py": ("each_rule_of_a_start",),
            "schemas/test_definitions_hosting.py": ("a_bad_section_names_its_line_and_field",),
        },
    ),
    Case(
        "A fork bomb, a memory eater, a disk filler and a flood of output harm no neighbour and no agent",
        {
            "streams/fleet/host/test_isolation.py": (
                "a_fork_bomb_meets_its_limit_and_dies_with_its_server",
                "a_memory_eater_is_killed_and_recognised",
                "a_disk_filler_fills_its_scratch_layer_alone",
            ),
            "streams/fleet/host/test_agent.py": (
                "a_flood_of_output_is_counted_not_kept_and_no_harm_to_its_neighbour",
            ),
        },
    ),
    Case(
        "From inside a server: no store, no address of the host, no private range, no neighbour, no IPv6",
        {
            "streams/fleet/host/test_isolation.py": (
                "a_server_reaches_no_port_of_the_host_and_no_address_that_is_not_public",
                "a_server_has_no_rights",
            ),
            "streams/fleet/host/test_egress.py": (
                "public_addresses_and_the_resolver_are_reached",
                "without_egress_its_own_localhost_is_all_that_is_reached",
            ),
        },
    ),
    Case(
        "A registry's password and environment values are in no topic, store, process list and log",
        {
            "streams/fleet/builds/test_images.py": (
                "credentials_are_in_no_argument_environment_log_or_file_that_is_left",
            ),
            "projections/fleet/test_event_tables.py": ("rows_say_what_happened_and_hold_no_secret",),
            "projections/fleet/test_webhooks.py": ("values_of_variables_are_not_in_what_is_told",),
            "outside/test_secrets_at_rest.py": ("what_only_one_reader_may_see_is_kept_nowhere_in_the_clear",),
        },
    ),
    Case(
        "A crash loop at its exact thresholds, and clocks that jump",
        {
            "streams/deciders/fleet/test_servers.py": (
                "a_crash_loop_is_five_quick_exits_in_a_row",
                "clocks_that_jump_change_no_threshold",
                "an_exit_after_a_minute_breaks_the_row_and_ten_minutes_the_pauses",
            ),
        },
    ),
    Case(
        "Lines of one millisecond, restarts and an agent's death: pages equal the raw output",
        {
            "streams/fleet/host/test_output.py": ("pages_with_deaths_between_equal_the_raw_output",),
            "streams/fleet/host/test_lines.py": ("who_goes_on_at_the_position_repeats_and_loses_nothing",),
            "projections/fleet/test_telemetry_tables.py": (
                "a_host_that_tells_again_after_a_death_repeats_and_loses_no_line",
                "lines_are_asked_for_by_time_server_level_and_text",
            ),
            "outside/test_s5.py": ("output_is_read_page_by_page_and_searched",),
        },
    ),
    Case(
        "A rebuild under launches starts and stops nothing",
        {
            "outside/test_fleet.py": ("a_rebuild_under_launches_starts_and_stops_nothing",),
        },
    ),
)
