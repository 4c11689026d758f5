#!/usr/bin/env bash
# Starts the stack of docker-compose.yml, tests it through its published port, and removes it.
#
# It uses the Docker engine of the machine with the real images. Without an engine (needs root on
# Debian 12), stand-ins.sh starts a private engine and builds stand-ins for the base images. They
# are kept for the next run.
#
#   COMPOSE_TEST_PORT=5055   the port to publish
#   COMPOSE_TEST_EDGE_PORT=5056   the port with TLS to publish
#   COMPOSE_TEST_FRESH=1     delete the cache of earlier runs
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export PORT=${COMPOSE_TEST_PORT:-5055} # docker-compose.yml publishes it
export ADMIN_EMAIL=root@house.org ADMIN_PASSWORD='an admin of many words'
export TRUSTED_PROXIES=1 EDGE_PORT=${COMPOSE_TEST_EDGE_PORT:-5056}
unset SECRET_KEY JWT_SECRET_KEY TLS_FOLDER # the stack generates its own
url=http://127.0.0.1:$PORT
work=$(mktemp -d /tmp/compose-test.XXXXXX) # short, because it contains the engine's sockets
log=$work/log
passed=0 failed=0 doing='' own_engine=false
more_files=() down_options=(--rmi local) # for compose; stand-ins.sh changes them
exec 3>&1
# shellcheck source-path=SCRIPTDIR source=stand-ins.sh
source "$root/tests/compose/stand-ins.sh"

say() { printf '%s\n' "$*"; }
die() { doing=$* && rm -f "$log" && exit 1; }

# step TEXT COMMAND...: run a command that has to succeed before the tests continue. It is not
# called in an `if`, which would disable `set -e`.
step() {
    local since=$SECONDS
    doing=$1
    "${@:2}" >"$log" 2>&1
    say "== $doing ($((SECONDS - since)) s)"
    doing=
}

# check TEXT COMMAND...: run a test, and count whether it passes.
check() {
    if "${@:2}" >"$work/output" 2>&1; then
        passed=$((passed + 1)) && say "ok   $1"
    else
        failed=$((failed + 1)) && say "FAIL $1" && tail --lines 12 "$work/output"
    fi
}

not() { ! "$@"; }

# within SECONDS COMMAND...: repeat the command until it succeeds.
within() {
    local until=$((SECONDS + $1))
    until "${@:2}"; do ((SECONDS < until)) && sleep 0.5 || return 1; done
}

# returns STATUS PATH [CURL OPTION...]: the response has this status and arrives within 5 s. It is
# saved in $work/body and $work/headers.
returns() {
    local status
    rm -f "$work/body" "$work/headers"
    status=$(curl --silent --noproxy '*' --max-time 5 --output "$work/body" --dump-header "$work/headers" \
        --write-out '%{http_code}' "${@:3}" "$url$2" || true)
    echo "$2: $status $(cat "$work/body" 2>/dev/null)"
    [[ $status == "$1" ]]
}

# Compose 1 supports all of the file except `name:`.
choose_compose() {
    if docker compose version >/dev/null 2>&1; then
        compose_command=(docker compose --file "$root/docker-compose.yml")
    else
        sed '/^name:/d' "$root/docker-compose.yml" >"$work/docker-compose.yml"
        compose_command=(docker-compose --file "$work/docker-compose.yml")
    fi
}
compose() {
    : >"$work/env" # replaces the .env of the developer
    "${compose_command[@]}" "${more_files[@]}" --project-name rollbook-compose-test --project-directory "$root" \
        --env-file "$work/env" "$@"
}

# through_edge CURL OPTION...: curl with the certificate that the stack has made.
through_edge() {
    docker cp "$(container edge):/run/tls/tls.crt" - | tar -xO >"$work/tls.crt"
    curl --silent --noproxy '*' --max-time 5 --cacert "$work/tls.crt" --output "$work/body" --dump-header "$work/headers" "$@"
}
serves_tls() { through_edge "https://localhost:$EDGE_PORT/ready" && grep -i 'strict-transport-security: max-age' "$work/headers"; }
serves_http_2() { [[ $(through_edge --write-out '%{http_version}' "https://localhost:$EDGE_PORT/ping") == 2 ]]; }
# The private engine has low limits, of which nginx warns.
edge_warns_of_nothing() {
    docker logs "$(container edge)" >"$log" 2>&1 && ! grep -E 'warn|emerg|error' "$log" | grep -v 'open file resource limit'
}
finds_api_again() {
    compose --profile edge up --detach --force-recreate --no-deps api && within 30 returns 200 /ready && within 10 serves_tls
}

container() { compose ps --all --quiet "$1"; }
inspect() { docker inspect --format "$2" "$(container "$1")"; }
is() { [[ $(inspect "$1" "$2") == "$3" ]]; }
run_in_api() { docker exec "$(container api)" "$@"; }
get_data() { python3 -c 'import json, sys; print(json.load(sys.stdin)["data"][sys.argv[1]])' "$1" <"$work/body"; }

# returns_for_json STATUS PATH JSON: like `returns`, for a POST request with a JSON body.
returns_for_json() { returns "$1" "$2" --header 'Content-Type: application/json' --data "$3"; }
returns_for_sign_in() {
    returns_for_json "$1" /api/auth/login "{\"email\": \"$ADMIN_EMAIL\", \"password\": \"$ADMIN_PASSWORD\"}"
}
reads_same_user() {
    returns 200 /api/users/ada@example.com --header "Authorization: Bearer $token" && [[ $(get_data id) == "$ada" ]]
}
reports_auth_required() { returns 200 /health && grep '"auth_required":true' "$work/body"; }
run_in_redis() { docker exec "$(container redis)" redis-cli "$@"; }
get_redis_password() { docker exec "$(container redis)" cut -d' ' -f2 /run/secrets/redis.conf; }
counts_in_redis() { [[ -n $(run_in_redis --no-auth-warning -a "$(get_redis_password)" --scan --pattern '*auth*') ]]; }
refuses_redis() { [[ $(run_in_redis dbsize 2>&1) == *NOAUTH* ]]; }
run_in_mongo() { docker exec "$(container mongo)" mongosh --quiet --eval "$1"; }
refuses_mongo() { ! run_in_mongo 'db.getSiblingDB("rollbook").users.countDocuments()' >"$log" 2>&1 && grep -i 'requires auth' "$log"; }
get_mongo_secret() { docker exec "$(container mongo)" cat "/run/secrets/$1"; }
grants_one_database() {
    run_in_mongo "db.getSiblingDB('admin').auth('rollbook', '$(get_mongo_secret password)'); db.getSiblingDB('rollbook').users.countDocuments(); \
        try { db.getSiblingDB('other').x.findOne(); quit(1) } catch (error) { quit(error.codeName == 'Unauthorized' ? 0 : 2) }"
}
returns_retry_after() { returns 503 /ready && grep -i '^retry-after: [1-9]' "$work/headers"; }
is_numeric_user() { [[ $(inspect api '{{.Config.User}}') =~ ^[1-9][0-9]*(:[1-9][0-9]*)?$ && $(run_in_api id -u) != 0 ]]; }
refuses_writing() { [[ $(docker exec --user 0 "$(container "$1")" touch /probe 2>&1) == *'Read-only file system'* ]]; }
has_no_privileges() {
    local status
    status=$(docker exec "$(container "$1")" cat /proc/1/status) || return 1
    [[ $(grep -Ec '^(CapBnd:\s0+|NoNewPrivs:\s1)$' <<<"$status") == 2 ]]
}
hides_secret() {
    [[ $(run_in_api stat --format '%a %u:%g' /data /data/secret_key) == "700 $1"$'\n'"600 $1" ]]
}
# has_unset NAME...: the variables do not exist, which is stricter than being empty.
has_unset() { run_in_api env >"$log" && ! grep -E "^($(IFS='|' && echo "$*"))=" "$log"; }
has_no_mongod() { docker export "$(container api)" | tar -t >"$log" && ! grep -E '/mongod$|/fiftyone/' "$log"; }
logs_no_secret() {
    compose logs --no-color >"$log" 2>&1 && [[ -s $log ]] || return 1
    ! grep --fixed-strings -e "$ADMIN_PASSWORD" -e "$password" -e "$token" -e "$(run_in_api cat /data/secret_key)" \
        -e "$(get_redis_password)" -e "$(get_mongo_secret password)" -e "$(get_mongo_secret root_password)" -e "$(get_mongo_secret key)" "$log"
}
logs_no_error() { docker logs "$(container api)" >"$log" 2>&1 && ! grep -E 'Traceback|"ERROR"' -A 11 "$log"; }
stops_on_sigterm() { docker stop "$(container api)" && is api '{{.State.ExitCode}}' 0; }
is_removed() {
    local of_project=label=com.docker.compose.project=rollbook-compose-test
    [[ -z $(docker ps --all --quiet --filter $of_project)$(docker volume ls --quiet --filter $of_project) ]]
}

finish() {
    local code=$?
    trap - EXIT INT TERM
    set +e
    exec >&3 2>&3 # a failed step leaves the output redirected to the log
    if ((code != 0)); then
        failed=$((failed + 1)) && say "FAIL ${doing:-unexpected error}"
        [[ -z $doing || ! -e $log ]] || tail --lines 30 "$log"
    fi
    if [[ -n ${compose_command:-} ]]; then
        ((code == 0)) || compose logs --no-color --tail 10
        compose --profile edge down --volumes --remove-orphans "${down_options[@]}" >"$log" 2>&1
        check "the stack is removed completely" is_removed
    fi
    if $own_engine; then check "the engine stops" stop_engine; fi
    rm -rf "$work"
    say "compose-test: $passed passed, $failed failed"
    exit $((failed > 0))
}
trap finish EXIT
trap 'exit 130' INT TERM

if docker info >/dev/null 2>&1; then
    say "== using the Docker engine of this machine"
else
    prepare_machine
    step "start a private Docker engine" start_engine
    step "build a stand-in for $PYTHON_IMAGE" make_python_image
    step "build a stand-in for $MONGO_IMAGE" make_mongo_image
    step "build a stand-in for $REDIS_IMAGE" make_redis_image
    step "build a stand-in for $NGINX_IMAGE" make_nginx_image
fi
choose_compose
step "remove the remains of an interrupted run" compose down --volumes --remove-orphans
step "build the image" compose build
step "start the stack" compose --profile edge up --detach
step "wait until the API is healthy" within 90 is api '{{.State.Health.Status}}' healthy
say "   with MongoDB$(docker exec "$(container mongo)" mongod --version | sed -n 's/^db version v/ /p')," \
    "Redis$(docker exec "$(container redis)" redis-server --version | sed -n 's/.* v=\([^ ]*\).*/ \1/p')"

check "the migration succeeded" is migrate '{{.State.Status}} {{.State.ExitCode}}' "exited 0"
check "/ready returns 200" within 20 returns 200 /ready
check "/health reports that authentication is required" reports_auth_required
password='correct horse battery'
check "anyone may create a user" returns_for_json 201 /api/users \
    "{\"name\": \"Ada Lovelace\", \"email\": \"ada@example.com\", \"password\": \"$password\"}"
ada=$(get_data id 2>/dev/null || echo none)
check "reading the user without a token returns 401" returns 401 /api/users/ada@example.com
check "the admin can sign in" returns_for_sign_in 200
token=$(get_data access_token 2>/dev/null || echo none)
check "the admin can read the user" reads_same_user
check "sign-in attempts are counted in Redis" counts_in_redis

check "nginx serves /ready with the self-made certificate and HSTS" within 20 serves_tls
check "nginx speaks HTTP/2" serves_http_2
check "nginx has no capabilities and cannot gain any" has_no_privileges edge
check "nginx's root file system is read-only, even for root" refuses_writing edge
check "nginx warns of nothing" edge_warns_of_nothing
check "the API is published on loopback only" is api '{{.HostConfig.PortBindings}}' "map[5000/tcp:[{127.0.0.1 $PORT}]]"
check "MongoDB publishes no port" is mongo '{{len .HostConfig.PortBindings}}' 0
check "Redis publishes no port" is redis '{{len .HostConfig.PortBindings}}' 0
check "the API runs as a numeric user other than root" is_numeric_user
check "the API's root file system is read-only, even for root" refuses_writing api
check "the API has no capabilities and cannot gain any" has_no_privileges api
check "Redis's root file system is read-only, even for root" refuses_writing redis
check "Redis has no capabilities and cannot gain any" has_no_privileges redis
check "Redis requires a password" refuses_redis
check "MongoDB's root file system is read-only, even for root" refuses_writing mongo
check "MongoDB has no capabilities and cannot gain any" has_no_privileges mongo
check "MongoDB requires a password" refuses_mongo
check "the API can read no other database of MongoDB" grants_one_database
check "the API's memory is limited" not is api '{{.HostConfig.Memory}}' 0
check "secrets without a value are unset, not empty" has_unset SECRET_KEY JWT_SECRET_KEY
check "only the user of the API can read the generated secret" \
    hides_secret "$(inspect api '{{.Config.User}}')"
check "the image of the API has no mongod" has_no_mongod

step "stop MongoDB" docker stop "$(container mongo)"
check "/ready returns 503 with Retry-After within 5 s" returns_retry_after
check "/health still returns 200" returns 200 /health
step "start MongoDB again" docker start "$(container mongo)"
check "/ready returns 200 again" within 30 returns 200 /ready

step "stop Redis" docker stop "$(container redis)"
check "sign-in returns 503 within 5 s" returns_for_sign_in 503
check "the user can still be read" reads_same_user
step "start Redis again" docker start "$(container redis)"
check "the admin can sign in again" within 30 returns_for_sign_in 200

check "the API was not restarted" is api '{{.RestartCount}}' 0
check "the log of the API has no errors" logs_no_error
check "the logs have no secrets" logs_no_secret

check "nginx finds the API again after it was replaced" finds_api_again
check "the API exits with code 0 on SIGTERM" stops_on_sigterm
step "remove the stack, but not its volumes" compose --profile edge down
check "the API is not reachable any more" not returns 200 /health
export -n ADMIN_EMAIL ADMIN_PASSWORD
step "start the stack again without ADMIN_EMAIL and ADMIN_PASSWORD" compose up --detach
check "/ready returns 200 after the restart" within 90 returns 200 /ready
check "ADMIN_PASSWORD is unset, not empty" has_unset ADMIN_PASSWORD
check "the user can be read after the restart with the same token" reads_same_user
check "the logs have no secrets after the restart" logs_no_secret
