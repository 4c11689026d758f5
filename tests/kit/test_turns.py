"""Turns: how many threads work at the same time."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from rollbook.kit import turns
from rollbook.kit.turns import Turns, yield_turn


@pytest.fixture
def patient(monkeypatch):
    monkeypatch.setattr(turns, "MAX_WAIT_SECONDS", 30)


def test_no_more_threads_work_than_there_are_turns(patient):
    places, working, most = Turns(2), [], []

    def work(number):
        with places.take():
            working.append(number)
            most.append(len(working))
            time.sleep(0.005)
            working.remove(number)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(40)))
    assert max(most) == 2


def test_thread_that_waits_gives_its_turn_to_another(patient):
    places, other_is_done = Turns(1), threading.Event()

    def work():
        with places.take():
            other_is_done.set()

    with places.take():
        thread = threading.Thread(target=work)
        thread.start()
        with yield_turn():
            assert other_is_done.wait(10)
        thread.join()
    with places.take():
        pass


def test_turn_is_given_back_after_an_error(patient):
    places = Turns(1)
    with pytest.raises(ZeroDivisionError), places.take(), yield_turn():
        raise ZeroDivisionError
    with places.take():
        pass


def test_thread_works_without_a_turn_after_a_while(monkeypatch):
    monkeypatch.setattr(turns, "MAX_WAIT_SECONDS", 0.01)
    places = Turns(1)
    with places.take(), ThreadPoolExecutor(1) as pool:

        def work():
            with places.take(), yield_turn():
                return "done"

        assert pool.submit(work).result(10) == "done"
    assert places._free == 1, "a thread without a turn gives none back"


def test_nested_waits_give_back_one_turn():
    places = Turns(1)
    with places.take(), yield_turn(), yield_turn():
        assert places._free == 1
    assert places._free == 1


def test_yielding_without_a_turn_changes_nothing():
    with yield_turn():
        pass


def test_turns_go_to_those_who_asked_first(patient):
    places, order = Turns(1), []

    def work(number):
        with places.take():
            order.append(number)

    with ThreadPoolExecutor(5) as pool:
        with places.take():
            for number in range(5):
                pool.submit(work, number)
                while len(places._waiting) <= number:
                    time.sleep(0.001)
        with places.take():
            order.append("last")
    assert order == [0, 1, 2, 3, 4, "last"]
