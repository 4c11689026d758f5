"""What commits together, against a real replica set."""

import threading
import time

import pytest
from pymongo.errors import OperationFailure

from rollbook.access.principal import SYSTEM
from rollbook.kit import transactions
from rollbook.kit.errors import Unavailable
from rollbook.kit.transactions import DatabaseFault, Superseded, in_transaction, reaching, within
from rollbook.users.dao import users
from tests.kit.test_dao import LATER, new


class Interrupted(Exception):
    pass


def test_what_is_asked_before_the_commit_is_done_once_by_the_first_transaction(stored):
    seen = []
    with transactions.before_commit(seen.append):
        assert in_transaction(lambda: "first", actor=SYSTEM) == "first"
        in_transaction(lambda: "second", actor=SYSTEM)
    in_transaction(lambda: "third", actor=SYSTEM)
    assert seen == ["first"]


def test_what_fails_half_way_leaves_nothing(stored):
    def work():
        users.insert(new())
        raise Interrupted

    with pytest.raises(Interrupted):
        in_transaction(work, actor=SYSTEM)
    assert stored.users.count_documents({}) == 0


def test_what_is_read_inside_is_what_was_written_inside(stored):
    user = in_transaction(lambda: users.get(users.insert(new()).pk), actor=SYSTEM)
    assert stored.users.find_one()["_id"] == user.pk


def test_changes_that_race_all_get_through_one_after_the_other(stored):
    user = users.insert(new())

    def change():
        def work():
            read = users.get(user.pk)
            users.change(read.pk, version=read.version, at=LATER, fields={"name": f"{read.version}"})

        in_transaction(work, actor=SYSTEM)

    threads = [threading.Thread(target=change) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert users.get(user.pk).version == 17


def test_without_transactions_a_stale_version_is_tried_again(stored, monkeypatch):
    monkeypatch.setattr(transactions, "_has_transactions", lambda client: False)
    tries = []

    def work():
        tries.append(1)
        if len(tries) < 3:
            raise Superseded
        return "done"

    assert in_transaction(work, actor=SYSTEM) == "done"
    assert len(tries) == 3


def test_what_the_driver_says_of_a_document_is_not_repeated(stored):
    stored.create_collection("picky", validator={"name": {"$type": "int"}})
    with pytest.raises(DatabaseFault) as caught, reaching():
        stored.picky.insert_one({"name": "a secret"})
    stored.drop_collection("picky")
    assert str(caught.value) == "WriteError "
    assert caught.value.__cause__ is None


def test_a_transaction_that_does_not_get_through_in_time_is_unavailable(stored, monkeypatch):
    monkeypatch.setattr(transactions, "TRANSACTION_SECONDS", 0.3)
    user = users.insert(new())
    with stored.client.start_session() as other, other.start_transaction():
        stored.users.update_one({"_id": user.pk}, {"$set": {"name": "held"}}, session=other)
        with pytest.raises(Unavailable):
            in_transaction(lambda: users.change(user.pk, version=1, at=LATER, fields={"name": "late"}), actor=SYSTEM)


def test_a_standalone_server_that_restarts_is_unavailable_meanwhile():
    """It is not known to be standalone then, so that a transaction is tried, which it refuses."""
    with pytest.raises(Unavailable), reaching():
        raise OperationFailure(
            "Transaction numbers are only allowed on a replica set", transactions.NO_TRANSACTIONS_HERE
        )


def test_a_budget_counts_what_mongodb_takes_and_nothing_else(stored):
    with within(0.3):
        time.sleep(0.5)
        assert in_transaction(lambda: users.insert(new()), actor=SYSTEM).version == 1
        with pytest.raises(Unavailable), reaching():
            list(stored.users.find({"$where": "sleep(1000) || true"}))
        started = time.monotonic()
        with pytest.raises(Unavailable), reaching():
            list(stored.users.find({"$where": "sleep(1000) || true"}))
        assert time.monotonic() - started < 0.2
