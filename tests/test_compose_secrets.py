"""The passwords that the containers of docker-compose.yml share."""

import re
import stat

from rollbook import compose_secrets
from tests.serving.guarded import command


def test_they_are_random_and_made_once(tmp_path):
    for name in ("api", "mongo", "redis"):
        (tmp_path / name).mkdir()
    made = compose_secrets.make(tmp_path)
    kept = {path: path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    assert {str(path) for path in kept} == set(made)
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o444 for path in kept)
    assert len({secret for text in kept.values() for secret in re.findall("[0-9a-f]{64}", text)}) == 4
    assert compose_secrets.make(tmp_path) == []
    assert {path: path.read_text() for path in kept} == kept
    uri = (tmp_path / "api" / "mongodb_uri").read_text()
    assert (tmp_path / "mongo" / "password").read_text().strip() in uri
    assert (tmp_path / "redis" / "redis.conf").read_text().split()[1] in (tmp_path / "api" / "redis_url").read_text()


def test_a_folder_that_is_not_there_ends_in_one_line(tmp_path):
    ended = command(tmp_path, "compose-secrets", str(tmp_path / "nowhere"))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.strip().endswith("No such file or directory")
