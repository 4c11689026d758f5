#!/usr/bin/env bash
# Brings the shipped compose stack up for real, uses it through its published port, and takes everything down again.
#
# A Docker engine that answers is used as it is, with the real images. Without one (root, Debian 12), stand-ins.sh
# brings a private engine and stand-ins for the images that are pulled, and keeps them for the next run.
#
#   COMPOSE_TEST_PORT=5055   the port to publish on
#   COMPOSE_TEST_FRESH=1     forget what earlier runs left in the cache
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export PORT=${COMPOSE_TEST_PORT:-5055} # docker-compose.yml publishes on it
export ADMIN_EMAIL=root@house.org ADMIN_PASSWORD='an admin of many words'
unset SECRET_KEY JWT_SECRET_KEY # the stack makes its own
url=http://127.0.0.1:$PORT
work=$(mktemp -d /tmp/compose-test.XXXXXX) # short: it holds the engine's sockets
log=$work/log
passed=0 failed=0 doing='' own_engine=false
more_files=() down_options=(--rmi local) # for compose; stand-ins.sh has others
exec 3>&1
# shellcheck source-path=SCRIPTDIR source=stand-ins.sh
source "$root/tests/compose/stand-ins.sh"

say() { printf '%s\n' "$*"; }
die() { doing=$* && rm -f "$log" && exit 1; }

# step TEXT COMMAND...: what has to succeed for the rest to make sense. Not an `if`, which would switch `set -e` off.
step() {
    local since=$SECONDS
    doing=$1
    "${@:2}" >"$log" 2>&1
    say "== $doing ($((SECONDS - since)) s)"
    doing=
}

# check TEXT COMMAND...: what is tested.
check() {
    if "${@:2}" >"$work/output" 2>&1; then
        passed=$((passed + 1)) && say "ok   $1"
    else
        failed=$((failed + 1)) && say "FAIL $1" && tail --lines 12 "$work/output"
    fi
}

not() { ! "$@"; }

# within SECONDS COMMAND...: try until it succeeds.
within() {
    local until=$((SECONDS + $1))
    until "${@:2}"; do ((SECONDS < until)) && sleep 0.5 || return 1; done
}

# answers STATUS PATH [CURL OPTION...]: within 5 s; leaves the answer in $work/body and $work/headers.
answers() {
    local status
    rm -f "$work/body" "$work/headers"
    status=$(curl --silent --noproxy '*' --max-time 5 --output "$work/body" --dump-header "$work/headers" \
        --write-out '%{http_code}' "${@:3}" "$url$2" || true)
    echo "$2: $status $(cat "$work/body" 2>/dev/null)"
    [[ $status == "$1" ]]
}

# Compose 1 knows all of the file but its `name:`.
choose_compose() {
    if docker compose version >/dev/null 2>&1; then
        compose_command=(docker compose --file "$root/docker-compose.yml")
    else
        sed '/^name:/d' "$root/docker-compose.yml" >"$work/docker-compose.yml"
        compose_command=(docker-compose --file "$work/docker-compose.yml")
    fi
}
compose() {
    : >"$work/env" # in place of the .env of whoever runs this
    "${compose_command[@]}" "${more_files[@]}" --project-name rollbook-compose-test --project-directory "$root" \
        --env-file "$work/env" "$@"
}

container() { compose ps --all --quiet "$1"; }
inspect() { docker inspect --format "$2" "$(container "$1")"; }
is() { [[ $(inspect "$1" "$2") == "$3" ]]; }
in_api() { docker exec "$(container api)" "$@"; }
of_data() { python3 -c 'import json, sys; print(json.load(sys.stdin)["data"][sys.argv[1]])' "$1" <"$work/body"; }

# answers_json STATUS PATH JSON
answers_json() { answers "$1" "$2" --header 'Content-Type: application/json' --data "$3"; }
answers_sign_in() {
    answers_json "$1" /api/auth/login "{\"email\": \"$ADMIN_EMAIL\", \"password\": \"$ADMIN_PASSWORD\"}"
}
answers_same_user() {
    answers 200 /api/users/ada@example.com --header "Authorization: Bearer $token" && [[ $(of_data id) == "$ada" ]]
}
says_auth_required() { answers 200 /health && grep '"auth_required":true' "$work/body"; }
in_redis() { docker exec "$(container redis)" redis-cli "$@"; }
of_redis() { docker exec "$(container redis)" cut -d' ' -f2 /run/secrets/redis.conf; }
counts_in_redis() { [[ -n $(in_redis --no-auth-warning -a "$(of_redis)" --scan --pattern '*auth*') ]]; }
refuses_redis() { [[ $(in_redis dbsize 2>&1) == *NOAUTH* ]]; }
in_mongo() { docker exec "$(container mongo)" mongosh --quiet --eval "$1"; }
refuses_mongo() { ! in_mongo 'db.getSiblingDB("rollbook").users.countDocuments()' >"$log" 2>&1 && grep -i 'requires auth' "$log"; }
of_mongo() { docker exec "$(container mongo)" cat "/run/secrets/$1"; }
grants_no_more() {
    in_mongo "db.getSiblingDB('admin').auth('rollbook', '$(of_mongo password)'); db.getSiblingDB('rollbook').users.countDocuments(); \
        try { db.getSiblingDB('other').x.findOne(); quit(1) } catch (error) { quit(error.codeName == 'Unauthorized' ? 0 : 2) }"
}
asks_to_retry() { answers 503 /ready && grep -i '^retry-after: [1-9]' "$work/headers"; }
is_numeric_user() { [[ $(inspect api '{{.Config.User}}') =~ ^[1-9][0-9]*(:[1-9][0-9]*)?$ && $(in_api id -u) != 0 ]]; }
refuses_writing() { [[ $(docker exec --user 0 "$(container "$1")" touch /probe 2>&1) == *'Read-only file system'* ]]; }
has_no_privileges() {
    local status
    status=$(docker exec "$(container "$1")" cat /proc/1/status) || return 1
    [[ $(grep -Ec '^(CapBnd:\s0+|NoNewPrivs:\s1)$' <<<"$status") == 2 ]]
}
keeps_secret_to_itself() {
    [[ $(in_api stat --format '%a %u:%g' /data /data/secret_key) == "700 $1"$'\n'"600 $1" ]]
}
# has_unset NAME...: not even empty.
has_unset() { in_api env >"$log" && ! grep -E "^($(IFS='|' && echo "$*"))=" "$log"; }
has_no_mongod() { docker export "$(container api)" | tar -t >"$log" && ! grep -E '/mongod$|/fiftyone/' "$log"; }
logged_no_secret() {
    compose logs --no-color >"$log" 2>&1 && [[ -s $log ]] || return 1
    ! grep --fixed-strings -e "$ADMIN_PASSWORD" -e "$password" -e "$token" -e "$(in_api cat /data/secret_key)" \
        -e "$(of_redis)" -e "$(of_mongo password)" -e "$(of_mongo root_password)" -e "$(of_mongo key)" "$log"
}
logged_no_error() { docker logs "$(container api)" >"$log" 2>&1 && ! grep -E 'Traceback|"ERROR"' -A 11 "$log"; }
stops_in_time() { docker stop "$(container api)" && is api '{{.State.ExitCode}}' 0; }
leaves_nothing() {
    local of_project=label=com.docker.compose.project=rollbook-compose-test
    [[ -z $(docker ps --all --quiet --filter $of_project)$(docker volume ls --quiet --filter $of_project) ]]
}

finish() {
    local code=$?
    trap - EXIT INT TERM
    set +e
    exec >&3 2>&3 # it may have been a step that ended the script, with its output in the log
    if ((code != 0)); then
        failed=$((failed + 1)) && say "FAIL ${doing:-an unforeseen error}"
        [[ -z $doing || ! -e $log ]] || tail --lines 30 "$log"
    fi
    if [[ -n ${compose_command:-} ]]; then
        ((code == 0)) || compose logs --no-color --tail 10
        compose down --volumes --remove-orphans "${down_options[@]}" >"$log" 2>&1
        check "nothing is left of the stack" leaves_nothing
    fi
    if $own_engine; then check "the engine stops" stop_engine; fi
    rm -rf "$work"
    say "compose-test: $passed passed, $failed failed"
    exit $((failed > 0))
}
trap finish EXIT
trap 'exit 130' INT TERM

if docker info >/dev/null 2>&1; then
    say "== using the Docker engine that answers"
else
    prepare_machine
    step "start a private Docker engine" start_engine
    step "make a stand-in for $PYTHON_IMAGE" make_python_image
    step "make a stand-in for $MONGO_IMAGE" make_mongo_image
    step "make a stand-in for $REDIS_IMAGE" make_redis_image
fi
choose_compose
step "clear what an interrupted run may have left" compose down --volumes --remove-orphans
step "build the image" compose build
step "bring the stack up" compose up --detach
step "see the API healthy" within 90 is api '{{.State.Health.Status}}' healthy
say "   on MongoDB$(docker exec "$(container mongo)" mongod --version | sed -n 's/^db version v/ /p')," \
    "Redis$(docker exec "$(container redis)" redis-server --version | sed -n 's/.* v=\([^ ]*\).*/ \1/p')"

check "the migration ran, and ended" is migrate '{{.State.Status}} {{.State.ExitCode}}' "exited 0"
check "/ready answers 200" within 20 answers 200 /ready
check "/health says that sign-in is required" says_auth_required
password='correct horse battery'
check "anyone may create a user" answers_json 201 /api/users \
    "{\"name\": \"Ada Lovelace\", \"email\": \"ada@example.com\", \"password\": \"$password\"}"
ada=$(of_data id 2>/dev/null || echo none)
check "nobody finds the user without a token" answers 401 /api/users/ada@example.com
check "the admin signs in" answers_sign_in 200
token=$(of_data access_token 2>/dev/null || echo none)
check "the admin finds the user" answers_same_user
check "sign-ins are counted in Redis" counts_in_redis

check "the API is published on loopback only" is api '{{.HostConfig.PortBindings}}' "map[5000/tcp:[{127.0.0.1 $PORT}]]"
check "MongoDB publishes no port" is mongo '{{len .HostConfig.PortBindings}}' 0
check "Redis publishes no port" is redis '{{len .HostConfig.PortBindings}}' 0
check "the API runs as a numeric user, not as root" is_numeric_user
check "the API's root file system is read-only, even for root" refuses_writing api
check "the API has no capabilities and can gain none" has_no_privileges api
check "Redis's root file system is read-only, even for root" refuses_writing redis
check "Redis has no capabilities and can gain none" has_no_privileges redis
check "Redis asks for a password" refuses_redis
check "MongoDB's root file system is read-only, even for root" refuses_writing mongo
check "MongoDB has no capabilities and can gain none" has_no_privileges mongo
check "MongoDB asks for a password" refuses_mongo
check "MongoDB lets the API into its own database only" grants_no_more
check "the API's memory is limited" not is api '{{.HostConfig.Memory}}' 0
check "secrets that nobody set are unset, not empty" has_unset SECRET_KEY JWT_SECRET_KEY
check "only the API's user may read the secret that was made" \
    keeps_secret_to_itself "$(inspect api '{{.Config.User}}')"
check "the API's image holds no mongod" has_no_mongod

step "stop MongoDB" docker stop "$(container mongo)"
check "/ready answers 503 with Retry-After within 5 s" asks_to_retry
check "/health still answers 200" answers 200 /health
step "start MongoDB again" docker start "$(container mongo)"
check "/ready answers 200 again" within 30 answers 200 /ready

step "stop Redis" docker stop "$(container redis)"
check "sign-in answers 503 within 5 s" answers_sign_in 503
check "the user is still found" answers_same_user
step "start Redis again" docker start "$(container redis)"
check "the admin signs in again" within 30 answers_sign_in 200

check "the API was not restarted meanwhile" is api '{{.RestartCount}}' 0
check "the API logged no error" logged_no_error
check "nobody logged a secret" logged_no_secret

check "the API stops by itself when told to" stops_in_time
step "take the stack down, but not its volumes" compose down
check "nobody answers any more" not answers 200 /health
export -n ADMIN_EMAIL ADMIN_PASSWORD
step "bring the stack up again, naming no admin" compose up --detach
check "/ready answers 200 after the restart" within 90 answers 200 /ready
check "a password that nobody set is unset, not empty" has_unset ADMIN_PASSWORD
check "the same user is found after the restart, with the same token" answers_same_user
check "nobody logged a secret after the restart" logged_no_secret
