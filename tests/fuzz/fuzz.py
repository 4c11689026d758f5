"""Fuzz a real, guarded server with schemathesis: every phase and check, at least 20,000 requests, no answer ≥ 500."""

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
from tests.harness.serving import ROOT, Serving, serving
from tests.serving.guarded import GUARDED, sign_in

AT_LEAST = 20_000
SEED = 20261120
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "1250"))
KEPT = Path(tempfile.gettempdir()) / "rollbook-fuzz.log"
GUARD = GUARDED | {"ACCESS_TOKEN_EXPIRE_MINUTES": "1440"}
RUNS = [("examples,coverage,fuzzing,stateful", EXAMPLES, SEED)]
RUNS += [("stateful", 100, SEED + again) for again in range(1, 9)]
"""Phases, examples an operation, seed. A stateful run ends early where its users are stored already: so several."""


def schemathesis(server: Serving, phases: str, examples: int, seed: int) -> int:
    """Signed in as the admin. Ending that session, which it finds in a list, is left to the tests."""
    with httpx.Client(base_url=server.url) as http:
        token = sign_in(http).access_token
    command = [Path(sys.executable).parent / "schemathesis", "--config-file", "tests/fuzz/schemathesis.toml"]
    command += ["run", f"{server.url}/openapi.json"]
    command += ["--phases", phases, "--checks", "all", "--mode", "all", "--continue-on-failure"]
    command += ["--header", f"Authorization: Bearer {token}", "--exclude-operation-id", "logout"]
    command += ["--exclude-operation-id", "end_session"]
    command += ["--max-examples", str(examples), "--workers", "2", "--seed", str(seed)]
    environment = os.environ | {"SCHEMATHESIS_HOOKS": "tests.fuzz.hooks", "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def statuses(server: Serving) -> list[int]:
    """Of every request that the server answered, from its own log."""
    return [int(status) for status in re.findall(r" [A-Z]+ \S+ (\d{3}) [\d.]+ ms \S+$", server.log.read_text(), re.M)]


def main() -> int:
    with (
        tempfile.TemporaryDirectory() as name,
        PrivateMongod(find_mongod(None), Path(name) / "data") as mongod,
        serving(Path(name), MONGODB_URI=mongod.uri, WORKERS=2, THREADS=4, **GUARD) as server,
    ):
        server.await_status("/ready", 200)
        asked_before = len(statuses(server))
        failing = sum(schemathesis(server, *run) != 0 for run in RUNS)
        answered = statuses(server)[asked_before:]
        tracebacks = server.log.read_text().count("Traceback")
        failed = sum(status >= 500 for status in answered)
        if failing or failed or tracebacks:
            print(f"\nfuzz: the server's log, with every request id, is kept in {shutil.copy(server.log, KEPT)}")
    by_class = {f"{n}xx": sum(status // 100 == n for status in answered) for n in range(2, 6)}
    print(f"\nfuzz: {len(answered)} requests answered {by_class}, {failed} answers >= 500, {tracebacks} tracebacks")
    print(f"fuzz: {len(RUNS) - failing} of {len(RUNS)} runs without a contract violation")
    return 1 if failing or failed or tracebacks or len(answered) < AT_LEAST else 0


if __name__ == "__main__":
    raise SystemExit(main())
