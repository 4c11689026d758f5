"""Transactions, on a real replica set."""

import threading
import time
from dataclasses import replace

import pytest
from pymongo.errors import OperationFailure

from rollbook.access.principal import SYSTEM
from rollbook.kit.errors import Unavailable
from rollbook.storage import driver_errors, transactions
from rollbook.storage.driver_errors import (
    DatabaseError,
    limit_database_time,
    translate_driver_errors,
)
from rollbook.storage.transactions import WriteConflict, in_transaction, transactional
from rollbook.users.dao import users
from tests.storage.test_dao import LATER, new


class Interrupted(Exception):
    pass


def test_before_commit_callback_runs_once(stored):
    results = []
    with transactions.run_before_commit(results.append):
        assert in_transaction(lambda: "first", actor=SYSTEM) == "first"
        in_transaction(lambda: "second", actor=SYSTEM)
    in_transaction(lambda: "third", actor=SYSTEM)
    assert results == ["first"]


def test_failed_transaction_leaves_nothing(stored):
    def work():
        users.insert(new())
        raise Interrupted

    with pytest.raises(Interrupted):
        in_transaction(work, actor=SYSTEM)
    assert stored.users.count_documents({}) == 0


def test_transaction_reads_its_own_writes(stored):
    user = in_transaction(lambda: users.get(users.insert(new()).pk), actor=SYSTEM)
    assert stored.users.find_one()["_id"] == user.pk


def test_racing_changes_all_succeed(stored):
    user = users.insert(new())

    def change():
        def work():
            current = users.get(user.pk)
            users.update(
                current.pk, version=current.version, at=LATER, fields={"name": f"{current.version}"}
            )

        in_transaction(work, actor=SYSTEM)

    threads = [threading.Thread(target=change) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert users.get(user.pk).version == 17


def test_stale_version_is_retried_without_transactions(stored, monkeypatch):
    monkeypatch.setattr(transactions, "_supports_transactions", lambda client: False)
    attempts = []

    def work():
        attempts.append(1)
        if len(attempts) < 3:
            raise WriteConflict
        return "done"

    assert in_transaction(work, actor=SYSTEM) == "done"
    assert len(attempts) == 3


def test_database_error_does_not_contain_the_document(stored):
    stored.create_collection("picky", validator={"name": {"$type": "int"}})
    with pytest.raises(DatabaseError) as caught, translate_driver_errors():
        stored.picky.insert_one({"name": "a secret"})
    stored.drop_collection("picky")
    assert str(caught.value) == "WriteError "
    assert caught.value.__cause__ is None


@pytest.mark.slow
def test_transaction_timeout_raises_unavailable(stored, monkeypatch):
    monkeypatch.setattr(transactions, "TRANSACTION_SECONDS", 0.3)
    user = users.insert(new())
    with stored.client.start_session() as other, other.start_transaction():
        stored.users.update_one({"_id": user.pk}, {"$set": {"name": "held"}}, session=other)
        with pytest.raises(Unavailable):
            in_transaction(
                lambda: users.update(user.pk, version=1, at=LATER, fields={"name": "late"}),
                actor=SYSTEM,
            )


def test_restart_of_a_standalone_server_raises_unavailable():
    """The driver does not yet know that it is standalone, so it tries a transaction."""
    with pytest.raises(Unavailable), translate_driver_errors():
        raise OperationFailure(
            "Transaction numbers are only allowed on a replica set",
            driver_errors.TRANSACTIONS_UNSUPPORTED,
        )


def test_time_limit_counts_only_database_time(stored):
    with limit_database_time(0.3):
        time.sleep(0.5)
        assert in_transaction(lambda: users.insert(new()), actor=SYSTEM).version == 1
        with pytest.raises(Unavailable), translate_driver_errors():
            list(stored.users.find({"$where": "sleep(1000) || true"}))
        started = time.monotonic()
        with pytest.raises(Unavailable), translate_driver_errors():
            list(stored.users.find({"$where": "sleep(1000) || true"}))
        assert time.monotonic() - started < 0.2


class Service:
    """Two transactional methods, of which one calls the other."""

    def __init__(self, confirmations):
        self.actor = replace(SYSTEM, warrant=lambda principal: confirmations.append(principal))

    @transactional()
    def insert_and_fail(self, *, actor):
        self.insert_user(actor=actor)
        raise Interrupted

    @transactional()
    def insert_user(self, *, actor):
        return users.insert(new())


def test_nested_transactional_method_joins_the_transaction(stored):
    confirmations = []
    service = Service(confirmations)
    with pytest.raises(Interrupted):
        service.insert_and_fail(actor=service.actor)
    assert stored.users.count_documents({}) == 0
    assert len(confirmations) == 1


def test_nested_method_joins_without_transactions_too(stored, monkeypatch):
    monkeypatch.setattr(transactions, "_supports_transactions", lambda client: False)
    confirmations = []
    service = Service(confirmations)
    with pytest.raises(Interrupted):
        service.insert_and_fail(actor=service.actor)
    assert len(confirmations) == 1


def test_traceback_names_the_transaction(stored):
    with pytest.raises(Interrupted) as caught:
        service = Service([])
        service.insert_and_fail(actor=service.actor)
    assert "insert_and_fail" in [entry.name for entry in caught.traceback]
