"""The dictionary of the fuzz drill: every word that something on the way from wire to query treats specially.

Data alone. Which of them an id may hold follows from the rule for ids, not from this file.
"""

from __future__ import annotations

from typing import Final

WORDS: Final[dict[str, tuple[str, ...]]] = {
    "clickhouse": (
        *("DB::Exception", "Code: 241", "Code: 241. DB::Exception: Memory limit exceeded", "Code: 60."),
        *("__exception__", "\r\n__exception__\r\n", "X-ClickHouse-Exception-Code: 241", "{x:String}"),
        *("{studio:String}", "{run:UInt64}", "FORMAT JSON", "SETTINGS readonly=0", "_offset", "_partition"),
        *("\\N", "\\x00", "toDateTime('x')", "input('x String')", "s3('http://a')", "Nullable(String)"),
        *("LowCardinality", "now64(3)", "00000000-0000-0000-0000-000000000000", '{"exception":"a"}'),
    ),
    "redis": (
        *("MISCONF", "OOM command not allowed", "LOADING", "BUSY", "NOSCRIPT", "READONLY", "MOVED 1 a:1"),
        *("EVALSHA", "FLUSHALL", "*1\r\n$8\r\nFLUSHALL\r\n", "+OK\r\n", "-ERR", "$-1", "KEYS[1]", "ARGV"),
        *("{tag}", "{", "}", "{}", "__keyspace@0__", "nil", "redis.call('GET', 'a')", "[", "(", "+inf"),
    ),
    "kafka": (
        *("__consumer_offsets", "telemetry", "liveops.commands", "LogAppendTime", "NOT_LEADER_FOR_PARTITION"),
        *("UNKNOWN_TOPIC_OR_PARTITION", "-1", "partition-0-1"),
    ),
    "ours": (
        *("(other)", "production", "unknown", "sess_", "sess_00000000000000000000000000000000", "game_"),
        *("<table>", "<keys>", "<places>", "<where>", "player_pos", "Create_Player", "level_failed", "crash"),
        *("session-summary", "pl_mgmt_0", "lo_srv_0", "pub_0", "ins_", "wpg_sk_", ":", "|", "a:b|c", "::"),
        *("_extra", "_value", "·kind", "·at_ms", "POISON: ", "register", "wallet", "relay", "doom", "rule:"),
    ),
    "sql": (
        *("'", "''", '"', "`", "\\", "\\'", "\\\\", "' OR '1'='1", "'; DROP TABLE events; --", "--", "/*"),
        *("*/", ";", "%", "_", "%_", "LIKE", "UNION ALL SELECT 1", "NULL", "1=1", "#"),
    ),
    "json": (
        *("null", "true", "false", "[]", '{"a":1}', '"}', "\\u0000", "\\ud800", "\\n", "</script>"),
        *("<script>alert(1)</script>", "$", "$.a", "$ref", "&amp;", "<", ">", "&"),
    ),
    "numbers": (
        *("NaN", "nan", "Infinity", "-Infinity", "inf", "1e999", "0", "-0", "1e5", "0x10", "1_000", "٣"),
        *("9223372036854775808", "18446744073709551616", "2001-02-03T04:05:06Z", "\u0660", "½"),
    ),
    "templates": (
        *("%s", "%d", "%(a)s", "%n", "%00", "%2F", "%25", "%", "{0}", "{a.__class__}", "{{7*7}}", "${7*7}"),
        *("$1", "\\1", "\\g<0>", "#{7}", "<%= 7 %>", "${jndi:ldap://a}", "$(id)", "`id`"),
    ),
    "names": (
        *("__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "__class__", "__dict__"),
        *("self", "None", "undefined", "id", "type", "CON", "NUL", "index.html", ".", "..", "../../etc"),
        *(
            "/",
            "//",
            "a/b",
            "?",
            "?a=1",
            "a&b=c",
            "+",
            "a+b",
            "=",
            "~",
            "*",
            "@",
            "!",
            "^",
            ",",
            " a ",
            "  a",
        ),
    ),
    "controls": (
        *("\0", "a\0b", "\x01", "\x07", "\b", "\t", "\n", "\r", "\r\n", "\x1a", "\x1b[31m", "\x7f", "\x80"),
        *(
            "\x85",
            "\x9f",
            "\r\nSet-Cookie: a=b",
            "a\nb",
            "\x0b",
            "\x0c",
            "\x1e",
            " ",
            "   ",
            "\xa0",
            "\u3000",
        ),
    ),
    "unicode": (
        *(
            "\ufeff",
            "\ufeffa",
            "\u00ad",
            "\u200b",
            "\u200d",
            "\u2028",
            "\u2029",
            "\u202e",
            "\u2066",
            "\u200f",
        ),
        *(
            "é",
            "e\u0301",
            "ﬁ",
            "İ",
            "\u0131",
            "ß",
            "ẞ",
            "Å",
            "Å",
            "K",
            "אבג",
            "مرحبا",
            "日本語",
            "한",
            "\u1112\u1161",
        ),
        *(
            "😀",
            "👩\u200d👩\u200d👧",
            "🇩🇪",
            "👍🏽",
            "☃\ufe0f",
            "Z̸͍a̶l̷g̵o",
            "\u0301",
            "\ufdd0",
            "\ufffe",
            "\uffff",
        ),
        *("\ufffd", "\x7e", "\xa1", "߿", "ࠀ", "\ud7ff", "\ue000", "\U0001f9ff", "\U0010ffff", "\U0001fffe"),
        *("\U00010000", "\u3164", "\u115f", "\u2800", "\U000e0041", "\uff46\uff55", "Ⅷ", "ǆ"),
    ),
    "halves": ("\ud800", "\udfff", "a\ud83d", "\ude00b", "\udc80", "\udcff", "\ud83d x \ude00"),
}
"""By what treats them specially. `halves` are lone surrogates, which no UTF-8 holds."""

POWERS: Final = tuple(1 << power for power in range(1, 17))
VERY_LONG: Final = 300_000
FILLERS: Final = ("x", "'", "\\", "é", "日", "😀", "<", "%")
"""What a word is filled up with to a length: one to four bytes of UTF-8, and what may grow when escaped."""
