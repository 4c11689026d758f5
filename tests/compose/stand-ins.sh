# shellcheck shell=bash disable=SC2034,SC2154  # shares its variables with run.sh
# For run.sh on a Debian machine that has no Docker engine and cannot pull images. It starts a
# private engine and builds stand-ins for the base images from Debian, the Python package index and
# the npm registry, as this machine is configured to reach them. The images stay in the engine's
# data, so that the next run is faster.

PYTHON_IMAGE=python:3.13.16-slim # as in Dockerfile
PYTHON_DEBIAN=trixie # its python3 is 3.13
MONGO_IMAGE=mongo:8.0.32 # as in docker-compose.yml
REDIS_IMAGE=redis:7.4.11-alpine # as in docker-compose.yml
REDIS_DEBIAN=bookworm # its Redis is 7.0
NGINX_IMAGE=nginx:1.30.6-alpine # as in docker-compose.yml
NGINX_DEBIAN=sid # its nginx is 1.30
cache=${XDG_CACHE_HOME:-$HOME/.cache}/rollbook-compose-test

# Installs missing packages and locks the cache. The engine inherits the lock, so an engine that a
# killed run left behind holds it too.
prepare_machine() {
    ((EUID == 0)) || die "no Docker engine responds, and starting one requires root"
    if [[ $(command -v docker dockerd docker-compose debootstrap curl | wc -l) != 5 ]]; then
        step "update the package lists" apt-get update
        step "install Docker and debootstrap" env DEBIAN_FRONTEND=noninteractive \
            apt-get install --yes --no-install-recommends docker.io docker-compose debootstrap curl ca-certificates
    fi
    install -d -m 700 "$cache"
    exec 9>"$cache/lock"
    flock --nonblock 9 || die "another run, or its engine, still uses the cache: see $cache/dockerd.pid"
    if [[ -n ${COMPOSE_TEST_FRESH:-} ]]; then step "delete the cache" rm -rf "$cache/data"; fi
}

# The stack needs no access to other networks, so the engine leaves the firewall and routing of the
# machine alone. That is why builds use `--network host`. The two ulimits are for machines whose own
# limits are lower: no container would start there. The engine ends with this script, even if the
# script is killed.
start_engine() {
    export DOCKER_HOST=unix://$work/docker.sock
    export DOCKER_CONFIG=$work # not the user's, which may configure helpers and proxies
    export DOCKER_BUILDKIT=0 COMPOSE_DOCKER_CLI_BUILD=0 # BuildKit would pull the image of the Dockerfile's `# syntax`
    more_files=(--file "$root/tests/compose/stand-ins.yml")
    down_options=() # keep the image: its layers are the cache of the next run
    own_engine=true
    setsid setpriv --pdeathsig TERM dockerd --host "$DOCKER_HOST" \
        --data-root "$cache/data" --exec-root "$work/exec" --pidfile "$cache/dockerd.pid" \
        --bridge none --iptables=false --ip-forward=false \
        --default-ulimit nofile=1024:1024 --default-ulimit nproc=1024:1024 </dev/null >"$work/dockerd.log" 2>&1 3>&- &
    engine_pid=$!
    within 30 docker info || { cat "$work/dockerd.log"; return 1; }
}

stop_engine() {
    docker image prune --force --filter until=168h # layers of builds that are older than a week
    kill "$engine_pid"
    timeout 60 tail --pid="$engine_pid" --follow /dev/null || { kill -KILL "$engine_pid"; return 1; }
    umount "$work"/exec/netns/* || true # a build on the host's network leaves a mount behind
}

# create_debian FOLDER SUITE PACKAGES: uses the Debian mirror of this machine.
create_debian() {
    local mirror
    # shellcheck disable=SC2016  # apt-get expands it
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' | awk 'NR == 1')
    debootstrap --variant=minbase --include="$3" "$2" "$1" ${mirror:+"$mirror"}
}

# Debian's Python, with the pip settings and certificates of this machine.
make_python_image() {
    if docker image inspect $PYTHON_IMAGE; then return; fi
    local tree=$work/python bundle=${PIP_CERT:-${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}}
    local name variable value
    local inside=/etc/ssl/certs/ca-certificates.crt
    local environment="ENV PIP_CERT=$inside SSL_CERT_FILE=$inside NODE_EXTRA_CA_CERTS=$inside"
    for name in index-url extra-index-url trusted-host proxy; do
        variable=PIP_${name^^} && variable=${variable//-/_}
        value=${!variable:-$(python3 -m pip config get "global.$name" 2>/dev/null || true)}
        # The image does not contain folders of this machine.
        if [[ -n $value && $value != file:* ]]; then environment+=" $variable=\"$value\""; fi
    done
    create_debian "$tree" $PYTHON_DEBIAN ca-certificates,python3-venv
    ln -s python3 "$tree/usr/bin/python"
    cp "$bundle" "$tree$inside"
    tar --directory "$tree" --create . | docker import --change "$environment" - $PYTHON_IMAGE
    rm -rf "$tree"
}

# Docker caches its layers.
make_mongo_image() {
    local registry
    registry=$(npm config get registry 2>/dev/null || true)
    docker build --network host --tag $MONGO_IMAGE --build-arg "BASE=$PYTHON_IMAGE" \
        ${registry:+--build-arg "npm_config_registry=$registry"} \
        --build-arg={http,https,no}_proxy --build-arg={HTTP,HTTPS,NO}_PROXY \
        - <"$root/tests/compose/stand-in-mongo.Dockerfile"
}

# Debian's Redis without protected mode, like the official image.
make_redis_image() {
    if docker image inspect $REDIS_IMAGE; then return; fi
    local tree=$work/redis entrypoint=/usr/local/bin/docker-entrypoint.sh
    create_debian "$tree" $REDIS_DEBIAN redis-server
    printf '#!/bin/sh\nexec "$@" --protected-mode no\n' >"$tree$entrypoint"
    chmod 755 "$tree$entrypoint"
    install -d "$tree/data"
    tar --directory "$tree" --create . | docker import --change "ENTRYPOINT [\"$entrypoint\"]" \
        --change 'CMD ["redis-server"]' --change 'VOLUME /data' --change 'WORKDIR /data' - $REDIS_IMAGE
    rm -rf "$tree"
}

# Debian's nginx, whose user for requests has another number than in the official image.
make_nginx_image() {
    if docker image inspect $NGINX_IMAGE; then return; fi
    local tree=$work/nginx
    create_debian "$tree" $NGINX_DEBIAN nginx
    tar --directory "$tree" --create . | docker import --change 'CMD ["nginx", "-g", "daemon off;"]' - $NGINX_IMAGE
    rm -rf "$tree"
}
