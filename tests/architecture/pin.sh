#!/bin/sh
# pin.sh FOLDER [--upgrade]: write the pinned dependencies of pyproject.toml into FOLDER. Without
# --upgrade, existing pins stay. --system-certs makes uv trust the same certificates as pip and
# curl, which matters behind a company's proxy.
set -eu
folder=$1
shift
pin() {
    output=$1
    shift
    .venv/bin/uv pip compile --quiet --system-certs --universal --python-version 3.11 --no-emit-index-url --no-annotate --generate-hashes \
        --custom-compile-command "make requirements" pyproject.toml -o "$folder/$output" "$@"
}
pin requirements.txt --extra otel "$@"
pin src/rollbook/embedded/requirements.txt --extra otel --extra embedded -c "$folder/requirements.txt" "$@"
pin tests/requirements.txt --extra otel --extra embedded --extra dev -c "$folder/requirements.txt" "$@"
