"""Rules that judge what MongoDB and the machine say about themselves."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from rollbook.doctor.findings import Finding, fail, ok, warn
from rollbook.kit.errors import Detail

MIN_VERSION, MIN_SUPPORTED_VERSION = 5, 7
"""The oldest major version that works, and the oldest that MongoDB still mends."""
MAX_TRANSACTION_SECONDS = 20
SLOW_WRITE = timedelta(milliseconds=100)
MIN_FREE, FULL = 0.10, 0.03
"""Shares of a disk."""
GIB = 2**30
HEALTHY_STATES = {"PRIMARY", "SECONDARY", "ARBITER"}


def judge_version(version: str) -> Finding:
    major = int(version.partition(".")[0])
    if major < MIN_VERSION:
        return fail("mongodb", f"Version {version} is too old.", "Upgrade to 8.0.")
    if major < MIN_SUPPORTED_VERSION:
        cure = "Upgrade to 8.0."
        return warn("mongodb", f"Version {version} gets no security updates any more.", cure)
    return ok("mongodb", f"Version {version} answers.")


def judge_rights(missing: Sequence[str]) -> Finding:
    if not missing:
        return ok("rights", "The user of MONGODB_URI has what rollbook needs.")
    cure = "Grant the roles readWrite and dbAdmin on the database of MONGODB_DBNAME."
    return fail("rights", f"The user of MONGODB_URI may not: {', '.join(missing)}.", cure)


def judge_members(hello: Mapping[str, Any]) -> Finding:
    """Judge the members that the primary names (`hello`)."""
    if "setName" not in hello:
        if hello.get("msg") == "isdbgrid":
            return ok("replica set", "A sharded cluster.")
        message = "MongoDB is a standalone server: changes are written without transactions."
        return fail("replica set", message, "Make it a replica set; docs/running.md says how.")
    holding, arbiters = len(hello["hosts"]), len(hello.get("arbiters", []))
    members = holding + arbiters
    text = f"{hello['setName']} has {members} member{'s' if members > 1 else ''}"
    if holding == 1:
        cure = "Add two members on other machines."
        return warn("replica set", f"{text}: nothing takes over when it fails.", cure)
    if members % 2 == 0:
        return warn("replica set", f"{text}: an even number gains nothing.", "Add one.")
    if arbiters:
        message = f"{text}, {arbiters} of them an arbiter: when a member fails, no write succeeds."
        return warn("replica set", message, "Replace the arbiter by a member with data.")
    return ok("replica set", f"{text}.")


def judge_states(states: Mapping[str, str]) -> Finding | None:
    """Judge the state of each member (`replSetGetStatus`). None if there is nothing to say."""
    bad = {name: state for name, state in states.items() if state not in HEALTHY_STATES}
    if not bad:
        return None
    text = ", ".join(f"{name} is {state}" for name, state in sorted(bad.items()))
    return fail("replica set", f"{text}.", "Look into the log of that member.")


def judge_write(took: timedelta) -> Finding:
    """Judge how long a write took that a majority of the members has on disk."""
    text = f"A majority had a write on disk after {took / timedelta(milliseconds=1):.0f} ms."
    if took > SLOW_WRITE:
        return warn("write concern", text, "Look for a slow disk, or a member far away.")
    return ok("write concern", text)


def judge_transaction_lifetime(seconds: int) -> Finding:
    text = f"transactionLifetimeLimitSeconds is {seconds}."
    if seconds > MAX_TRANSACTION_SECONDS:
        cure = f"Set it to {MAX_TRANSACTION_SECONDS}: a killed process keeps its locks for so long."
        return warn("transactions", text, cure)
    return ok("transactions", text)


def judge_schema(problem: Detail | None, altered: Sequence[int]) -> Finding:
    """Judge migrations, indexes and validators. `altered`: steps that changed after they ran."""
    if problem and problem.code == "restoring":
        return fail("schema", problem.message)
    if problem:
        text = problem.message.removesuffix("Run `rollbook migrate`.").strip()
        return fail("schema", text, "Run `rollbook migrate`.")
    if altered:
        numbers = ", ".join(map(str, altered))
        message = f"The code of migration {numbers} has changed since it ran."
        return warn("schema", message, "Compare it with the release that ran it.")
    return ok("schema", "Migrations, indexes and validators are as this version expects.")


def judge_clock(skew: Detail | None) -> Finding:
    if skew:
        problem, _, cure = skew.message.partition(". ")
        return fail("clock", f"{problem}.", cure)
    return ok("clock", "This machine and MongoDB agree.")


def judge_disk(place: str, total: float, free: float) -> Finding:
    """Judge the disk of `place`. Sizes are in bytes."""
    share = free / total if total else 0.0
    text = f"{place} has {free / GIB:.1f} GiB free, {share:.0%}."
    if share < FULL:
        return fail("disk", text, "Make space now: writes stop when it is full.")
    if share < MIN_FREE:
        return warn("disk", text, "Make space, or add some.")
    return ok("disk", text)


def judge_admins(*, has_admin: bool) -> Finding:
    if has_admin:
        return ok("admins", "There is an active one.")
    cure = "Run `rollbook users create-admin EMAIL`. Until then, nobody can register."
    return warn("admins", "There is none.", cure)
