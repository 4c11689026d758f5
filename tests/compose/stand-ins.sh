# shellcheck shell=bash disable=SC2034,SC2154  # shares its variables with run.sh
# For run.sh, on a Debian machine without a Docker engine, where no image can be pulled: a private engine, and stand-ins
# for the base images, made of Debian, the Python index and the npm registry, as this machine is configured to reach
# them. What was made stays in the engine's data, so that a second run is quick.

PYTHON_IMAGE=python:3.13.16-slim # as in Dockerfile
PYTHON_DEBIAN=trixie # whose python3 is 3.13
MONGO_IMAGE=mongo:8.0.32 # as in docker-compose.yml
REDIS_IMAGE=redis:7.4.11-alpine # as in docker-compose.yml
REDIS_DEBIAN=bookworm # whose Redis is 7.0
cache=${XDG_CACHE_HOME:-$HOME/.cache}/rollbook-compose-test

# Installs what is missing. Nobody else may use the cache: the lock is inherited by the engine, so one that was left
# behind by a killed run holds it too.
prepare_machine() {
    ((EUID == 0)) || die "no Docker engine answers, and bringing one takes root"
    if [[ $(command -v docker dockerd docker-compose debootstrap curl | wc -l) != 5 ]]; then
        step "fetch the lists of packages" apt-get update
        step "install Docker and debootstrap" env DEBIAN_FRONTEND=noninteractive \
            apt-get install --yes --no-install-recommends docker.io docker-compose debootstrap curl ca-certificates
    fi
    install -d -m 700 "$cache"
    exec 9>"$cache/lock"
    flock --nonblock 9 || die "another run is under way, or its engine was left behind: see $cache/dockerd.pid"
    if [[ -n ${COMPOSE_TEST_FRESH:-} ]]; then step "forget the cache" rm -rf "$cache/data"; fi
}

# The stack needs no way out of its network, so the machine's firewall and routing are left alone; hence also
# `--network host` for what is built. Without the two limits no container starts where the machine's own are lower. The
# engine ends with this script, even if that is killed.
start_engine() {
    export DOCKER_HOST=unix://$work/docker.sock
    export DOCKER_CONFIG=$work # not the user's: it may name helpers and proxies
    export DOCKER_BUILDKIT=0 COMPOSE_DOCKER_CLI_BUILD=0 # BuildKit would pull the Dockerfile's `# syntax`
    more_files=(--file "$root/tests/compose/stand-ins.yml")
    down_options=() # the image stays: its layers are the cache of the next run
    own_engine=true
    setsid setpriv --pdeathsig TERM dockerd --host "$DOCKER_HOST" \
        --data-root "$cache/data" --exec-root "$work/exec" --pidfile "$cache/dockerd.pid" \
        --bridge none --iptables=false --ip-forward=false \
        --default-ulimit nofile=1024:1024 --default-ulimit nproc=1024:1024 </dev/null >"$work/dockerd.log" 2>&1 3>&- &
    engine_pid=$!
    within 30 docker info || { cat "$work/dockerd.log"; return 1; }
}

stop_engine() {
    docker image prune --force --filter until=168h # layers of builds more than a week ago
    kill "$engine_pid"
    timeout 60 tail --pid="$engine_pid" --follow /dev/null || { kill -KILL "$engine_pid"; return 1; }
    umount "$work"/exec/netns/* || true # a build on the host's network leaves a mount
}

# debian_tree FOLDER SUITE PACKAGES: from where this machine has its own Debian.
debian_tree() {
    local mirror
    # shellcheck disable=SC2016  # apt-get fills it in
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' | awk 'NR == 1')
    debootstrap --variant=minbase --include="$3" "$2" "$1" ${mirror:+"$mirror"}
}

# Debian's Python, able to reach the package index as this machine does.
make_python_image() {
    if docker image inspect $PYTHON_IMAGE; then return; fi
    local tree=$work/python bundle=${PIP_CERT:-${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}}
    local name variable value
    local inside=/etc/ssl/certs/ca-certificates.crt
    local environment="ENV PIP_CERT=$inside SSL_CERT_FILE=$inside NODE_EXTRA_CA_CERTS=$inside"
    for name in index-url extra-index-url trusted-host proxy; do
        variable=PIP_${name^^} && variable=${variable//-/_}
        value=${!variable:-$(python3 -m pip config get "global.$name" 2>/dev/null || true)}
        # A folder of this machine is not there in the image.
        if [[ -n $value && $value != file:* ]]; then environment+=" $variable=\"$value\""; fi
    done
    debian_tree "$tree" $PYTHON_DEBIAN ca-certificates,python3-venv
    ln -s python3 "$tree/usr/bin/python"
    cp "$bundle" "$tree$inside"
    tar --directory "$tree" --create . | docker import --change "$environment" - $PYTHON_IMAGE
    rm -rf "$tree"
}

# Cached by Docker, layer by layer.
make_mongo_image() {
    local registry
    registry=$(npm config get registry 2>/dev/null || true)
    docker build --network host --tag $MONGO_IMAGE --build-arg "BASE=$PYTHON_IMAGE" \
        ${registry:+--build-arg "npm_config_registry=$registry"} \
        --build-arg={http,https,no}_proxy --build-arg={HTTP,HTTPS,NO}_PROXY \
        - <"$root/tests/compose/stand-in-mongo.Dockerfile"
}

# Debian's Redis, as open to the network of its container as the official image's.
make_redis_image() {
    if docker image inspect $REDIS_IMAGE; then return; fi
    local tree=$work/redis entrypoint=/usr/local/bin/docker-entrypoint.sh
    debian_tree "$tree" $REDIS_DEBIAN redis-server
    printf '#!/bin/sh\nexec "$@" --protected-mode no\n' >"$tree$entrypoint"
    chmod 755 "$tree$entrypoint"
    install -d "$tree/data"
    tar --directory "$tree" --create . | docker import --change "ENTRYPOINT [\"$entrypoint\"]" \
        --change 'CMD ["redis-server"]' --change 'VOLUME /data' --change 'WORKDIR /data' - $REDIS_IMAGE
    rm -rf "$tree"
}
