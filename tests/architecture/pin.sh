#!/bin/sh
# Write the pins of pyproject.toml into FOLDER, keeping those that stand there: pin.sh FOLDER [--upgrade]
# The system's certificates are those that pip and curl go by too, behind a company's proxy as well.
set -eu
folder=$1
shift
pin() {
    output=$1
    shift
    .venv/bin/uv pip compile --quiet --system-certs --universal --python-version 3.11 --no-emit-index-url --no-annotate --generate-hashes \
        --custom-compile-command "make requirements" pyproject.toml -o "$folder/$output" "$@"
}
pin requirements.txt "$@"
pin src/rollbook/embedded/requirements.txt --extra embedded -c "$folder/requirements.txt" "$@"
pin tests/requirements.txt --extra embedded --extra dev -c "$folder/requirements.txt" "$@"
