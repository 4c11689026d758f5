"""How findings are judged."""

from datetime import timedelta

import pytest

from rollbook.doctor import policy
from rollbook.doctor.findings import fail, has_failed, ok, warn
from rollbook.doctor.settings_review import review
from rollbook.kit.errors import Detail

THREE = ["a", "b", "c"]
GIB = 2**30


@pytest.mark.parametrize(
    ("finding", "level", "words"),
    [
        (policy.judge_version("8.0.32"), "ok", "8.0.32"),
        (policy.judge_version("6.0.5"), "warn", "security updates"),
        (policy.judge_version("4.4.1"), "fail", "too old"),
        (policy.judge_members({"setName": "rs0", "hosts": THREE}), "ok", "3 members"),
        (policy.judge_members({"setName": "rs0", "hosts": ["a"]}), "warn", "nothing takes over"),
        (policy.judge_members({"setName": "rs0", "hosts": ["a", "b"]}), "warn", "even number"),
        (
            policy.judge_members({"setName": "rs0", "hosts": ["a", "b"], "arbiters": ["c"]}),
            "warn",
            "no write succeeds",
        ),
        (policy.judge_members({"msg": "isdbgrid"}), "ok", "sharded"),
        (policy.judge_members({}), "fail", "standalone"),
        (policy.judge_states({"a": "PRIMARY", "b": "(not reachable/healthy)"}), "fail", "b is"),
        (policy.judge_write(timedelta(milliseconds=7)), "ok", "7 ms"),
        (policy.judge_write(timedelta(milliseconds=700)), "warn", "slow disk"),
        (policy.judge_transaction_lifetime(20), "ok", "20"),
        (policy.judge_transaction_lifetime(60), "warn", "killed process"),
        (policy.judge_schema(None, []), "ok", "as this version expects"),
        (policy.judge_schema(None, [2]), "warn", "migration 2 has changed"),
        (
            policy.judge_schema(Detail("", "", "Pending: 2. Run `rollbook migrate`."), []),
            "fail",
            "Pending: 2. Run `rollbook migrate`.",
        ),
        (policy.judge_clock(None), "ok", "agree"),
        (policy.judge_clock(Detail("", "", "9 s ahead. Use NTP.")), "fail", "9 s ahead. Use NTP."),
        (policy.judge_disk("MongoDB", 100 * GIB, 40 * GIB), "ok", "40.0 GiB free, 40%"),
        (policy.judge_disk("MongoDB", 100 * GIB, 8 * GIB), "warn", "Make space"),
        (policy.judge_disk("MongoDB", 100 * GIB, 2 * GIB), "fail", "writes stop"),
        (policy.judge_admins(has_admin=True), "ok", "active"),
        (policy.judge_admins(has_admin=False), "warn", "create-admin"),
    ],
)
def test_findings_have_a_level_and_a_cure(finding, level, words):
    assert finding.level == level
    assert words in finding.render()
    assert bool(finding.cure) == (level != "ok")


def test_healthy_members_are_not_mentioned():
    assert policy.judge_states({"a": "PRIMARY", "b": "SECONDARY", "c": "ARBITER"}) is None


def test_only_a_failure_fails():
    assert not has_failed([ok("a", "x"), warn("b", "x", "y")])
    assert has_failed([ok("a", "x"), fail("b", "x")])


@pytest.mark.parametrize(
    ("changes", "cores", "check", "level"),
    [
        ({}, 2, "environment", "warn"),
        ({"environment": "production", "bcrypt_rounds": 12}, 2, "environment", "ok"),
        ({"auth_required": True}, 2, "access", "ok"),
        ({"auth_required": False}, 2, "access", "warn"),
        ({"bcrypt_rounds": 12}, 2, "passwords", "ok"),
        ({"bcrypt_rounds": 9}, 2, "passwords", "warn"),
        ({"bcrypt_rounds": 12, "password_policy": "basic"}, 2, "passwords", "warn"),
        ({"ratelimit_enabled": False}, 2, "limits", "warn"),
        ({"ratelimit_enabled": True, "workers": 2}, 2, "limits", "warn"),
        ({"ratelimit_enabled": True, "workers": 1}, 2, "limits", "ok"),
        ({"workers": 2}, 2, "processes", "ok"),
        ({"workers": 2}, 8, "processes", "warn"),
        ({"workers": 9}, 2, "processes", "warn"),
        ({"threads": 40}, 2, "processes", "warn"),
        ({"host": "127.0.0.1"}, 2, "proxies", "ok"),
        ({"host": "0.0.0.0"}, 2, "proxies", "warn"),
        ({"host": "0.0.0.0", "trusted_proxies": 1}, 2, "proxies", "ok"),
    ],
)
def test_settings_are_reviewed(settings, changes, cores, check, level):
    reviewed = type(settings).model_validate(settings.model_dump() | changes)
    (finding,) = [each for each in review(reviewed, cores=cores) if each.check == check]
    assert finding.level == level
    assert bool(finding.cure) == (level == "warn")
