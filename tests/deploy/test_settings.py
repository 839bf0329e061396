from pathlib import Path

import pytest

from deploy.cli.running_stack import of_home, write
from deploy.settings import Settings, SettingsError, from_environment, make_secret


def test_a_child_reads_back_what_its_parent_holds(tmp_path: Path) -> None:
    settings = Settings(
        home=tmp_path,
        port=4001,
        partitions={"liveops": 3},
        trusted_proxies=("10.0.0.0/8", "::1/128"),
        cors=("https://a.example",),
        redis_groups=("redis://one/0", "redis://two/0"),
    )
    assert from_environment(settings.environment()) == settings
    write(settings)
    assert of_home(tmp_path).redis_groups == settings.redis_groups


def test_options_come_before_variables() -> None:
    assert from_environment({"QUESTLOG_PORT": "1"}, port=2, host=None).port == 2
    assert from_environment({}).host == "127.0.0.1"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("PORT", "http", "QUESTLOG_PORT must be a whole number, not 'http'"),
        ("PORT", "65536", "QUESTLOG_PORT must be from 0 to 65535, not 65536"),
        ("TELEMETRY_PARTITIONS", "0", "QUESTLOG_PARTITIONS_TELEMETRY must be from 1 to 256"),
        ("PARTITIONS_PLAYTESTS", "257", "QUESTLOG_PARTITIONS_PLAYTESTS must be from 1 to 256"),
        ("PARTITIONS_LIVEOPS", "all", "QUESTLOG_PARTITIONS_LIVEOPS must be a whole number, not 'all'"),
        ("TRUSTED_PROXIES", "10.0.0.0/8, all", "QUESTLOG_TRUSTED_PROXIES: 'all' is no CIDR range"),
        (
            "TRANSCRIBER",
            "sh -c 'x",
            "QUESTLOG_TRANSCRIBER can't be split into arguments: No closing quotation",
        ),
        ("REDIS_GROUPS", "redis://a, redis://a", "must be at most 64 URLs, each of another Redis"),
        ("LOG_LEVEL", "loud", "QUESTLOG_LOG_LEVEL must be debug, info, warning or error"),
    ],
)
def test_a_bad_variable_is_named(name: str, value: str, message: str) -> None:
    with pytest.raises(SettingsError) as refused:
        from_environment({f"QUESTLOG_{name}": value})
    assert message in str(refused.value)


def test_a_partition_count_may_have_its_older_name_and_only_one_value() -> None:
    old, new = "QUESTLOG_LIVEOPS_PARTITIONS", "QUESTLOG_PARTITIONS_LIVEOPS"
    assert from_environment({old: "4"}).partitions == {"liveops": 4}
    assert from_environment({old: "4", new: "4"}).partitions == {"liveops": 4}
    assert from_environment({old: "4"}, partitions={"liveops": 2, "a": 1}).partitions == {
        "liveops": 2,
        "a": 1,
    }
    with pytest.raises(SettingsError, match=f"{new} and {old}, its older name, differ"):
        from_environment({old: "4", new: "8"})


def test_the_counts_that_an_older_release_left_in_a_home_are_read(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text(
        '{"kafka": "k", "telemetry_partitions": 2, "liveops_partitions": 3}'
    )
    assert of_home(tmp_path).partitions == {"telemetry": 2, "liveops": 3}
    write(Settings(home=tmp_path, partitions={"liveops": 4}))
    assert of_home(tmp_path).partitions == {"liveops": 4}


def test_the_secret_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with pytest.raises(SettingsError, match="no deployment secret"):
        Settings(home=home).deployment_secret()
    make_secret(home)
    secret = Settings(home=home).deployment_secret()
    make_secret(home)
    assert Settings(home=home).deployment_secret() == secret
    assert len(secret) == 64
    assert (home / "secret").stat().st_mode & 0o777 == 0o600
    assert Settings(home=home, secret="given").deployment_secret() == b"given"  # noqa: S106 - a test's
