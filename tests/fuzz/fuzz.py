"""Fuzz a running server that requires authentication, with every phase and check of schemathesis.

It fails on a contract violation, a response of 500 or more, a traceback in the server's log, or
fewer than MIN_REQUESTS requests.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import httpx

from rollbook.embedded.binary import find_mongod
from rollbook.embedded.mongod import PrivateMongod
from tests.harness.serving import ROOT, Server, serving
from tests.serving.guarded import GUARDED, sign_in

MIN_REQUESTS = 20_000
SEED = 20261120
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "1250"))
LOG_COPY = Path(tempfile.gettempdir()) / "rollbook-fuzz.log"
COOKIES = {"REFRESH_COOKIE": "true", "CORS_ORIGINS": "https://app.example.com"}
SETTINGS = GUARDED | COOKIES | {"ACCESS_TOKEN_EXPIRE_MINUTES": "1440"}
RUNS = [("examples,coverage,fuzzing,stateful", EXAMPLES, SEED)]
RUNS += [("stateful", 100, SEED + again) for again in range(1, 9)]
"""Phases, examples of each operation, and seed.

A stateful run ends early when the users that it generates exist already, so there are several.
"""


def run_schemathesis(server: Server, phases: str, examples: int, seed: int) -> int:
    """Signed in as the admin. Operations that may end this session are excluded."""
    with httpx.Client(base_url=server.url) as http:
        token = sign_in(http).access_token
    command = [
        Path(sys.executable).parent / "schemathesis",
        "--config-file",
        "tests/fuzz/schemathesis.toml",
    ]
    command += ["run", f"{server.url}/openapi.json"]
    command += ["--phases", phases, "--checks", "all", "--mode", "all", "--continue-on-failure"]
    command += ["--header", f"Authorization: Bearer {token}", "--exclude-operation-id", "logout"]
    command += ["--exclude-operation-id", "end_session"]
    command += ["--max-examples", str(examples), "--workers", "2", "--seed", str(seed)]
    environment = os.environ | {"SCHEMATHESIS_HOOKS": "tests.fuzz.hooks", "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def list_statuses(server: Server) -> list[int]:
    """The status of each response in the server's log."""
    lines = re.findall(r" [A-Z]+ \S+ (\d{3}) [\d.]+ ms ", server.log.read_text())
    return [int(status) for status in lines]


def main() -> int:
    with (
        tempfile.TemporaryDirectory() as name,
        PrivateMongod(find_mongod(None), Path(name) / "data") as mongod,
        serving(Path(name), MONGODB_URI=mongod.uri, WORKERS=2, THREADS=4, **SETTINGS) as server,
    ):
        server.await_status("/ready", 200)
        count_before = len(list_statuses(server))
        failing = sum(run_schemathesis(server, *run) != 0 for run in RUNS)
        statuses = list_statuses(server)[count_before:]
        tracebacks = server.log.read_text().count("Traceback")
        errors = sum(status >= 500 for status in statuses)
        if failing or errors or tracebacks:
            print(f"\nfuzz: the server's log is in {shutil.copy(server.log, LOG_COPY)}")
    by_class = {f"{n}xx": sum(status // 100 == n for status in statuses) for n in range(2, 6)}
    print(
        f"\nfuzz: {len(statuses)} responses {by_class}, {errors} of them >= 500,"
        f" {tracebacks} tracebacks"
    )
    print(f"fuzz: {len(RUNS) - failing} of {len(RUNS)} runs without a contract violation")
    return 1 if failing or errors or tracebacks or len(statuses) < MIN_REQUESTS else 0


if __name__ == "__main__":
    raise SystemExit(main())
