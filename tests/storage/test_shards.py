"""Which shard a transaction writes."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from rollbook.access.principal import SYSTEM
from rollbook.storage import shards
from rollbook.storage.shards import ShardChooser
from rollbook.storage.transactions import RetryTransaction, in_transaction


def test_threads_choose_different_shards():
    chooser, together = ShardChooser(32), Barrier(16)

    def choose(_):
        together.wait(10)
        return chooser.choose(), chooser.choose()

    with ThreadPoolExecutor(16) as pool:
        chosen = list(pool.map(choose, range(16)))
    assert {first for first, _ in chosen} == {second for _, second in chosen}
    assert len({first for first, _ in chosen}) == 16


def test_neighbouring_processes_choose_different_shards(monkeypatch):
    chosen = set()
    for pid in (1000, 1001):
        monkeypatch.setattr(shards.os, "getpid", lambda pid=pid: pid)
        chooser = ShardChooser(32)
        with ThreadPoolExecutor(1) as pool:
            chosen.add(pool.submit(chooser.choose).result())
    assert len(chosen) == 2


def test_retry_chooses_another_shard(stored, monkeypatch):
    monkeypatch.setattr(shards.secrets, "randbelow", lambda count: 7)
    chooser, chosen = ShardChooser(1000), []

    def work():
        chosen.append(chooser.choose())
        if len(chosen) == 1:
            raise RetryTransaction

    in_transaction(work, actor=SYSTEM)
    assert chosen[1] == 7 != chosen[0]
