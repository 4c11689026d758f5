"""Fuzz a real server with schemathesis: every phase and check, at least 20,000 requests, no answer ≥ 500."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.harness.serving import ROOT, Serving, serving

from rollbook.embedded.binary import find_mongod
from rollbook.embedded.mongod import PrivateMongod

AT_LEAST = 20_000
EXAMPLES = os.environ.get("FUZZ_EXAMPLES", "2000")


def schemathesis(server: Serving) -> int:
    command = [Path(sys.executable).parent / "schemathesis", "run", f"{server.url}/openapi.json"]
    command += ["--phases", "examples,coverage,fuzzing,stateful", "--checks", "all", "--mode", "all"]
    command += ["--max-examples", EXAMPLES, "--workers", "2", "--continue-on-failure", "--seed", "20261120"]
    environment = os.environ | {"SCHEMATHESIS_HOOKS": "tests.fuzz.hooks", "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def statuses(server: Serving) -> list[int]:
    """Of every request that the server answered, from its own log."""
    return [int(status) for status in re.findall(r" [A-Z]+ \S+ (\d{3}) [\d.]+ ms$", server.log.read_text(), re.M)]


def main() -> int:
    with (
        tempfile.TemporaryDirectory() as name,
        PrivateMongod(find_mongod(None), Path(name) / "data") as mongod,
        serving(Path(name), MONGODB_URI=mongod.uri, WORKERS=2, THREADS=4) as server,
    ):
        server.await_status("/ready", 200)
        code = schemathesis(server)
        answered = statuses(server)
        tracebacks = server.log.read_text().count("Traceback")
    failed = sum(status >= 500 for status in answered)
    by_class = {f"{n}xx": sum(status // 100 == n for status in answered) for n in range(2, 6)}
    print(f"\nfuzz: {len(answered)} requests answered {by_class}, {failed} answers >= 500, {tracebacks} tracebacks")
    return 1 if code or failed or tracebacks or len(answered) < AT_LEAST else 0


if __name__ == "__main__":
    raise SystemExit(main())
