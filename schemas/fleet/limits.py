"""Times, sizes and counts of the hosting of servers, from the reference and the contract. Units are last."""

from __future__ import annotations

from typing import Final

SECOND_MS: Final = 1000
MINUTE_MS: Final = 60 * SECOND_MS
HOUR_MS: Final = 60 * MINUTE_MS

NAME_CHARACTERS_MAX: Final = 128
MATCH_ID_CHARACTERS_MAX: Final = 128
STARTUP_ARGS_CHARACTERS_MAX: Final = 4096
SHUTDOWN_REASON_CHARACTERS_MAX: Final = 200
CUSTOM_DATA_BYTES_MAX: Final = 16 * 1024
"""As JSON in UTF-8 without white space."""
CUSTOM_DATA_DEPTH_MAX: Final = 16
VARIABLES_MAX: Final = 64
VARIABLE_NAME_CHARACTERS_MAX: Final = 128
VARIABLE_CHARACTERS_MAX: Final = 4096
PORTS_MAX: Final = 10
TTL_MIN_S: Final = 60
TTL_MAX_S: Final = 86_400
IMAGE_URL_CHARACTERS_MAX: Final = 512
EXECUTABLE_PATH_CHARACTERS_MAX: Final = 1024
CREDENTIAL_CHARACTERS_MAX: Final = 4096
OTHER_CONFIG_BYTES_MAX: Final = 64 * 1024
"""`auth_config` and `lobby_configs`, each, as JSON."""
BODY_BYTES_MAX: Final = 1024 * 1024

STARTUP_TIMEOUT_S: Final = 120
STARTUP_TIMEOUT_MIN_S: Final = 5
STARTUP_TIMEOUT_MAX_S: Final = 600
STOP_GRACE_S: Final = 10
STOP_GRACE_MAX_S: Final = 60
POOL_SERVERS_MAX: Final = 100
POOL_PAUSE_MS: Final = 5 * MINUTE_MS

BACKOFF_MS: Final = SECOND_MS
"""The first pause; each further one is twice as long, up to the longest."""
BACKOFF_MAX_MS: Final = MINUTE_MS
BACKOFF_FORGIVEN_MS: Final = 10 * MINUTE_MS
"""An attempt that was up so long begins the pauses anew."""
QUICK_EXIT_MS: Final = MINUTE_MS
CRASH_LOOP_EXITS: Final = 5
"""So many exits in a row, each at most `QUICK_EXIT_MS` after its attempt's start."""

HOST_REPORTS_EVERY_MS: Final = 5 * SECOND_MS
HOST_FRESH_MS: Final = 15 * SECOND_MS
"""A host that was heard within this gets servers."""
HOST_SUSPECTED_AFTER_MS: Final = 20 * SECOND_MS
HOST_LOST_AFTER_MS: Final = 10 * SECOND_MS
"""After it was suspected."""
HOSTS_MAX: Final = 1000
HOST_BUILDS_MAX: Final = 10_000
"""Builds that a host says it holds."""
HOST_REPORTS_MAX: Final = 1000
"""Reports in one command."""
HOST_REPORTS_BYTES_MAX: Final = 1024 * 1024
"""Of custom data in one command's reports."""
HOST_SPECS_BYTES_MAX: Final = 3 * 1024 * 1024
"""Of the launch specs of a host's servers together: one record holds all of them when it joins or is lost."""
DECISION_SPECS_BYTES_MAX: Final = 4 * 1024 * 1024
"""Of the launch specs that one decision adds beside the one it was asked for; the rest waits for the next."""
PORT_REST_MS: Final = MINUTE_MS
"""A port that came free is not given again within this."""
CPU_RESERVED_SHARE: Final = 4
"""A shared server's CPU is a ceiling; one part in so many of it is reserved."""
RETRY_AFTER_S: Final = 5
"""Of 503 `no_capacity`: when hosts have reported again."""

BUILD_SILENT_MS: Final = MINUTE_MS
BUILD_ATTEMPTS_MAX: Final = 3
BUILD_KEPT_MS: Final = 24 * HOUR_MS
"""How long the bytes of a deleted build stay after their last user."""
BUILD_ERROR_CHARACTERS_MAX: Final = 1000
COMMAND_RECORD_BYTES_MAX: Final = 4 * 1024 * 1024
"""The largest start holds 64 sealed variables of 4,096 characters."""
