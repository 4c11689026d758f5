"""CPU that the server spends on a request, against a bare Flask with PyMongo on the same MongoDB and gunicorn.

CPU time of the worker processes, from /proc, is steadier than time on the clock; the ratio is what to quote.
"""

import http.client
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).parents[1]))

from rollbook.embedded.binary import find_mongod
from rollbook.embedded.mongod import PrivateMongod
from tests.harness.serving import Serving, serving
from tests.serving.guarded import GUARDED, sign_in

ROUNDS = 5
REQUESTS = 1000
TICKS = os.sysconf("SC_CLK_TCK")
USERS = 200
LIMITS = {"RATELIMIT_ENABLED": "true", "RATELIMIT_DEFAULT": "100000/second", "RATELIMIT_READ": "10000000/hour"}
"""So high that they only cost."""


def cpu_seconds(server: Serving) -> float:
    """User and system time of all workers so far (proc(5), /proc/pid/stat)."""
    parent = server.process.pid
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    fields = [Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split() for child in children]
    return sum(int(each[11]) + int(each[12]) for each in fields) / TICKS


def microseconds(server: Serving, method: str, path: str, body: object = None, token: str | None = None) -> float:
    """CPU of one request, over REQUESTS of them on one connection."""
    host = server.url.removeprefix("http://")
    connection = http.client.HTTPConnection(host)
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    before = cpu_seconds(server)
    for number in range(REQUESTS):
        content = None if body is None else json.dumps(body).replace("NUMBER", str(number % 10))
        connection.request(method, path, content, headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status < 300, (path, answer.status)
    connection.close()
    return (cpu_seconds(server) - before) / REQUESTS * 1e6


def fill(server: Serving) -> str:
    """USERS users; the id of the last one."""
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"))
    for number in range(USERS):
        user = {"name": f"User {number}", "email": f"user{number}@example.com", "password": "plenty of long words"}
        connection.request("POST", "/api/users", json.dumps(user), {"Content-Type": "application/json"})
        created = json.loads(connection.getresponse().read())
    connection.close()
    return str(created["data"]["id"])


def main() -> None:
    gunicorn = ("-m", "gunicorn", "--worker-class", "gthread", "--threads", "4", "--chdir", str(Path(__file__).parent))
    with tempfile.TemporaryDirectory() as name, PrivateMongod(find_mongod(None), Path(name) / "data") as mongod:
        folder, common = Path(name), {"MONGODB_URI": mongod.uri, "MONGODB_DBNAME": "bench", "WORKERS": 1}
        with (
            serving(folder, LOG_LEVEL="WARNING", **common) as api,
            serving(folder, LOG_LEVEL="WARNING", **common, **GUARDED, **LIMITS) as guarded,
            serving(folder, *gunicorn, "bare:app", **common) as bare,
        ):
            for server in (api, guarded, bare):
                server.await_status("/ready", 200)
            with httpx.Client(base_url=guarded.url) as http:
                token = sign_in(http).access_token
            someone = fill(api)
            cases = {
                "bare Flask + PyMongo, read one": (bare, "GET", f"/users/{someone}"),
                "rollbook, read one by id": (api, "GET", f"/api/users/{someone}"),
                "rollbook, read one by e-mail": (api, "GET", f"/api/users/user{USERS - 1}@example.com"),
                "the same, signed in and limited": (guarded, "GET", f"/api/users/{someone}", None, token),
                "rollbook, list 20": (api, "GET", "/api/users"),
                "rollbook, list 100 by name": (api, "GET", "/api/users?page_size=100&sort=name"),
                "rollbook, change one, with its entry": (
                    api,
                    "PATCH",
                    f"/api/users/{someone}",
                    {"name": "User NUMBER"},
                ),
            }
            taken: dict[str, list[float]] = {case: [] for case in cases}
            for _ in range(ROUNDS):
                for case, call in cases.items():
                    taken[case].append(microseconds(*call))
    baseline = statistics.median(taken["bare Flask + PyMongo, read one"])
    print(f"{'CPU of the server, per request':40} {'median':>9} {'min':>9} {'ratio':>6}")
    for case, values in taken.items():
        median = statistics.median(values)
        print(f"{case:40} {median:6.0f} µs {min(values):6.0f} µs {median / baseline:6.2f}")


if __name__ == "__main__":
    main()
