"""CPU time of the server per request, against bare Flask with PyMongo on the same MongoDB.

The CPU time of the worker processes, from /proc, varies less than the elapsed time. Quote the
ratio: it depends less on the machine than the times.
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
from tests.harness.serving import Server, serving
from tests.serving.guarded import GUARDED, sign_in

ROUNDS = int(os.environ.get("ROUNDS", "5"))
REQUESTS = int(os.environ.get("REQUESTS", "1000"))
TICKS = os.sysconf("SC_CLK_TCK")
USERS = 200
LIMITS = {
    "RATELIMIT_ENABLED": "true",
    "RATELIMIT_DEFAULT": "100000/second",
    "RATELIMIT_READ": "10000000/hour",
}
"""High enough that no request is refused: the benchmark measures what counting costs."""
WORKER = "rollbook.buffering.worker.BufferingWorker"
BASELINE = "bare Flask + PyMongo, read one"


def get_cpu_seconds(server: Server) -> float:
    """User and system time of all workers so far (proc(5), /proc/pid/stat)."""
    parent = server.process.pid
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    fields = [
        Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split() for child in children
    ]
    return sum(int(each[11]) + int(each[12]) for each in fields) / TICKS


def measure_microseconds(
    server: Server, method: str, path: str, body: object = None, token: str | None = None
) -> float:
    """Return the mean CPU time of a request, over REQUESTS requests on one connection.

    NUMBER in `body` becomes another number each time, so that every request changes something.
    """
    host = server.url.removeprefix("http://")
    connection = http.client.HTTPConnection(host)
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    before = get_cpu_seconds(server)
    for number in range(REQUESTS):
        content = None if body is None else json.dumps(body).replace("NUMBER", str(number % 10))
        connection.request(method, path, content, headers)
        response = connection.getresponse()
        response.read()
        assert response.status < 300, (path, response.status)
    connection.close()
    return (get_cpu_seconds(server) - before) / REQUESTS * 1e6


def create_users(server: Server) -> str:
    """Create USERS users. Returns the id of the last one."""
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"))
    headers = {"Content-Type": "application/json"}
    for number in range(USERS):
        user = {
            "name": f"User {number}",
            "email": f"user{number}@example.com",
            "password": "plenty of long words",
        }
        connection.request("POST", "/api/users", json.dumps(user), headers)
        created = json.loads(connection.getresponse().read())
    connection.close()
    return str(created["data"]["id"])


def main() -> None:
    gunicorn = ["-m", "gunicorn", "--worker-class", WORKER, "--threads", "4"]
    gunicorn += ["--chdir", str(Path(__file__).parent)]
    with (
        tempfile.TemporaryDirectory() as name,
        PrivateMongod(find_mongod(None), Path(name) / "data") as mongod,
    ):
        folder = Path(name)
        common = {"MONGODB_URI": mongod.uri, "MONGODB_DBNAME": "bench", "WORKERS": 1}
        with (
            serving(folder, LOG_LEVEL="WARNING", **common) as api,
            serving(folder, LOG_LEVEL="WARNING", **common, **GUARDED, **LIMITS) as guarded,
            serving(folder, *gunicorn, "bare:app", **common) as bare,
        ):
            for server in (api, guarded, bare):
                server.await_status("/ready", 200)
            with httpx.Client(base_url=guarded.url) as client:
                token = sign_in(client).access_token
            user_id = create_users(api)
            path, email = f"/api/users/{user_id}", f"user{USERS - 1}@example.com"
            change = {"name": "User NUMBER"}
            cases = {
                BASELINE: (bare, "GET", f"/users/{user_id}"),
                "rollbook, read one by id": (api, "GET", path),
                "rollbook, read one by e-mail": (api, "GET", f"/api/users/{email}"),
                "rollbook, signed in, with limits": (guarded, "GET", path, None, token),
                "rollbook, list 20": (api, "GET", "/api/users"),
                "rollbook, list 100 by name": (api, "GET", "/api/users?page_size=100&sort=name"),
                "rollbook, change one, with audit entry": (api, "PATCH", path, change),
            }
            measured: dict[str, list[float]] = {case: [] for case in cases}
            for _ in range(ROUNDS):
                for case, arguments in cases.items():
                    measured[case].append(measure_microseconds(*arguments))
    baseline = statistics.median(measured[BASELINE])
    print(f"{'CPU of the server, per request':40} {'median':>9} {'min':>9} {'ratio':>6}")
    for case, values in measured.items():
        median = statistics.median(values)
        print(f"{case:40} {median:6.0f} µs {min(values):6.0f} µs {median / baseline:6.2f}")


if __name__ == "__main__":
    main()
