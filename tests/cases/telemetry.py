"""Cases that have to hold, each with its tests. S1, experiments, AI, Discord, MCP: contract/analytics.md."""

from __future__ import annotations

from typing import Final

from tests.cases.case import Case

TELEMETRY: Final = (
    Case(
        "Coverage from 20 to 60 moves no covered device",
        {
            "schemas/test_assignment.py": ("more_coverage_moves_no_covered_device",),
            "projections/telemetry/test_comparison.py": ("more_coverage_moves_no_covered_device",),
        },
    ),
    Case(
        "Another allocation, audience or salt after a start is refused with its line",
        {
            "streams/deciders/test_studio_experiments.py": ("what_assigns_is_locked_from_the_first_start",),
            "outside/test_experiments.py": ("what_is_locked_is_refused_with_its_line",),
        },
    ),
    Case(
        "Tags at the exact instants of a start, a stop, and a stop and 24 hours",
        {
            "projections/telemetry/test_comparison.py": (
                "a_tag_counts_from_the_instant_of_a_start_until_a_day_after_a_stop",
            ),
        },
    ),
    Case(
        "Retention at the edges, to the millisecond",
        {
            "projections/telemetry/test_comparison.py": ("retention_has_edges_of_a_millisecond",),
        },
    ),
    Case(
        "Late events that move the first exposure",
        {
            "projections/telemetry/test_comparison.py": ("late_events_that_move_the_first_exposure",),
        },
    ),
    Case(
        "Golden buckets; Python and ClickHouse agree on 100,000 devices, non-ASCII and NUL among them",
        {
            "schemas/test_assignment.py": ("the_contracts_golden_buckets",),
            "projections/telemetry/test_assignment_sql.py": (
                "buckets_and_variants_of_100_000_devices",
                "builds_audiences_and_pins_are_the_same",
            ),
        },
    ),
    Case(
        "Every figure of a comparison by brute force, its quotes too",
        {
            "projections/telemetry/test_comparison.py": ("every_figure_is_that_of_brute_force",),
            "projections/telemetry/test_sample_quotes.py": ("quotes_are_those_of_brute_force",),
        },
    ),
    Case(
        "A split that is not as declared is told; a difference is as sure as its corrected p",
        {
            "projections/telemetry/test_statistics.py": (
                "the_contracts_golden_p_values",
                "a_difference_is_as_sure_as_its_corrected_p",
            ),
        },
    ),
    Case(
        "An experiment from its file over assignment, tags and digest to its winner",
        {
            "outside/test_experiments.py": ("an_experiment_from_its_file_to_its_winner",),
        },
    ),
    Case(
        "Places that merge in one slug",
        {
            "api/test_tester_reads.py": ("two_builds_side_by_side",),
            "projections/telemetry/test_friction_queries.py": (
                "every_figure_is_the_one_that_the_events_give",
            ),
        },
    ),
    Case(
        "9 and 10 points, up and down",
        {
            "projections/telemetry/test_friction_diff.py": ("ten_points_are_a_change_and_nine_are_none",),
        },
    ),
    Case(
        "Builds compared where a side is empty",
        {
            "projections/telemetry/test_friction_diff.py": ("an_empty_side_resolves_or_introduces_all",),
            "api/test_tester_reads.py": ("environments_of_builds",),
        },
    ),
    Case(
        "Builds and journeys by brute force over late, repeated and disordered events",
        {
            "projections/telemetry/test_friction_queries.py": (
                "every_figure_is_the_one_that_the_events_give",
            ),
            "projections/telemetry/test_friction_diff.py": (
                "as_counted_by_hand_in_whatever_order_tags_come",
            ),
        },
    ),
    Case(
        "A handle equal to another device's id; a device with two handles",
        {
            "api/test_tester_reads.py": ("handles_and_devices_of_the_same_spelling",),
            "projections/telemetry/test_friction_queries.py": (
                "every_figure_is_the_one_that_the_events_give",
            ),
        },
    ),
    Case(
        "Of Discord calls at once one is 201",
        {
            "streams/deciders/test_studio_discord.py": (
                "the_second_call_appends_to_the_session_that_the_first_began",
            ),
            "outside/test_discord.py": ("of_many_calls_at_once_one_begins_the_session",),
        },
    ),
    Case(
        "A lost acknowledgement and a killed effect leave each Discord message once",
        {
            "streams/test_discord_sessions.py": (
                "a_lost_acknowledgement_sends_the_very_same_again",
                "a_process_that_gives_up_has_kept_no_position_and_the_next_sends_the_same",
                "a_process_killed_before_it_keeps_its_position_is_followed_by_one_that_sends_the_same",
            ),
            "projections/telemetry/test_messages.py": (
                "each_message_is_there_once_however_often_it_was_appended",
            ),
        },
    ),
    Case(
        "Transcripts, `q` over their lines, and what rules find in texts",
        {
            "projections/telemetry/test_messages.py": (
                "a_transcript_has_a_line_for_each_message_and_is_searched_line_by_line",
            ),
            "projections/telemetry/test_text_rules.py": ("messages",),
            "outside/test_discord.py": ("a_thread_becomes_an_analyzed_session_that_goes_on",),
        },
    ),
    Case(
        "Fifty suggestion calls at the budget's edge: never over, one provider call for a hash",
        {
            "streams/deciders/test_studio_ai_requests.py": (
                "fifty_calls_at_the_budget_s_edge_are_never_over",
                "no_month_is_ever_over_and_nothing_is_called_twice",
            ),
            "streams/ai/test_runner.py": ("fifty_readers_at_the_budget_s_edge_make_one_call_for_each_hash",),
            "outside/test_ai.py": ("a_studio_s_own_ai_from_its_first_key_to_its_last",),
        },
    ),
    Case(
        "A worker killed in mid-call neither pays twice nor hangs; a replay calls no provider",
        {
            "streams/ai/test_runner.py": (
                "a_worker_killed_in_mid_call_neither_pays_twice_nor_hangs",
                "two_workers_call_once",
                "a_replay_of_the_whole_log_calls_nobody",
            ),
        },
    ),
    Case(
        "Refusal, cut-off, bad JSON, 429, 500 and silence of a provider",
        {
            "streams/ai/test_providers.py": (
                "refusal_and_cut_off_are_told_apart",
                "what_fails_is_asked_again_only_where_that_may_help",
                "silence_has_an_end_and_is_perhaps_paid",
            ),
            "streams/ai/test_runner.py": ("what_providers_do_ends_with_a_status_and_what_it_took",),
        },
    ),
    Case(
        "The official client agrees with the server that stands for a provider",
        {
            "streams/ai/test_providers.py": (
                "the_official_client_agrees_with_the_server",
                "our_requests_are_the_official_client_s",
            ),
        },
    ),
    Case(
        'Forged ids, URLs, HTML and "ignore previous" in rooms, handles and messages: none of it comes out',
        {
            "schemas/test_ai_texts.py": (
                "hostile_text_never_comes_out",
                "suggestions_rest_on_what_was_sent",
                "what_goes_in_is_one_line_of_data",
            ),
            "api/test_ai_reads.py": ("player_text_is_data_and_none_of_it_comes_out",),
            "outside/test_ai.py": (
                "a_studio_s_own_ai_from_its_first_key_to_its_last",
                "a_stop_s_digest_and_summaries_come_unasked",
            ),
        },
    ),
    Case(
        "A provider's key is in no record, store and log",
        {
            "streams/ai/test_runner.py": ("the_key_is_in_no_record_and_nothing_stored",),
            "outside/test_ai.py": ("a_studio_s_own_ai_from_its_first_key_to_its_last",),
            "outside/test_secrets_at_rest.py": ("what_only_one_reader_may_see_is_kept_nowhere_in_the_clear",),
        },
    ),
    Case(
        "Without a key rules stand in; a paused one is asked for no more",
        {
            "api/test_ai_reads.py": (
                "templates_stand_in_with_the_reason",
                "an_embedding_key_alone_suffices_and_failures_are_told",
            ),
            "streams/ai/test_runner.py": ("a_refused_key_is_paused_until_another_is_set",),
        },
    ),
    Case(
        "Archetypes keep their ids: permuted input, ties, an added tester",
        {
            "projections/telemetry/test_archetype_clusters.py": (
                "clusters_are_those_of_the_contract_whatever_the_order",
                "a_tie_goes_to_the_older_cluster_and_an_added_tester_changes_no_id",
            ),
            "api/test_ai_reads.py": ("archetypes_are_clusters_with_labels",),
        },
    ),
    Case(
        "MCP by its official client in both generations, one tool a route, byte for byte as REST",
        {
            "api/test_mcp_tools.py": ("every_read_of_the_management_api_is_one_tool",),
            "deploy/test_mcp_endpoint.py": (
                "the_official_client_in_both_generations",
                "a_call_answers_the_very_bytes_of_rest",
            ),
            "outside/test_mcp.py": ("every_tool_answers_what_rest_answers",),
        },
    ),
    Case(
        "REST and MCP share a key's bucket",
        {
            "outside/test_mcp.py": ("one_bucket_holds_for_rest_and_agents",),
        },
    ),
    Case(
        "A filter by build or environment compares what the answer shows",
        {
            "api/test_reads.py": (
                "what_filters_compare_is_what_is_shown",
                "a_heatmap_is_of_sessions_as_all_reads_are",
            ),
        },
    ),
    Case(
        "An ingest key can't send `discord` as its source",
        {
            "schemas/telemetry/test_s1.py": ("discord_is_no_source_of_an_ingest_key",),
        },
    ),
    Case(
        "A tester's rollup counts every session",
        {
            "api/test_rollups.py": ("a_testers_rollup_counts_every_session",),
        },
    ),
    Case(
        "A session's first tags of experiments count",
        {
            "projections/telemetry/test_comparison.py": ("the_first_tags_of_a_session_count",),
        },
    ),
    Case(
        "A build of another environment alone has zeros and is no 404",
        {
            "api/test_rollups.py": ("a_build_or_tester_of_other_environments_only_is_known_and_has_nothing",),
        },
    ),
)
