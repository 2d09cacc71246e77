#!/usr/bin/env bash
# Shows the test stack in containers at work: an engine, images built on the spot, the integration tests with TEST_STACK=containers.
#
#   sudo make test-containers [TESTS=path ARGS=options WORKERS=2]      the same as
#   sudo deploy/containers/prove.sh -n 2 tests/integration             whose arguments are pytest's
#
# For Debian and its kin, as root. What it does, each step only where needed:
#   1. installs docker.io and debootstrap with apt-get;
#   2. starts a dockerd of its own when none answers: own socket, own data under .perisai/cache/docker, no rule of the machine's
#      firewall touched; it ends with the script, however that ends. A daemon that answers is used and left running (also the
#      one that Debian's package starts by itself where systemd runs);
#   3. builds the images (deploy/containers/build.sh);
#   4. runs the tests, and fails unless they ran on containers and left none behind.
# The second run starts at step 4. `rm -rf .perisai/cache/docker .perisai/cache/debs` takes back the disk space (about 2 GB).
set -euo pipefail
cd "$(dirname "$0")/../.."

PATH=$PATH:/usr/sbin:/sbin
data=$PWD/.perisai/cache/docker
daemon='' run=''

tell() { echo "containers: $*" >&2; }

fail() { tell "$*"; exit 1; }

has() { command -v "$1" >/dev/null; }

install_missing() {
  local log missing=()
  has dockerd && has docker && has debootstrap && return
  has apt-get || fail "dockerd, docker or debootstrap is missing, and there is no apt-get to install it."
  log=$(mktemp)
  apt-get update -qq
  has dockerd || missing+=(docker.io)
  has docker || missing+=("$(apt-cache show docker-cli >/dev/null 2>&1 && echo docker-cli || echo docker.io)") # apart since Debian 13
  has debootstrap || missing+=(debootstrap)
  tell "installing ${missing[*]}"
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >"$log" 2>&1 ||
    { tail -n 15 "$log" >&2; fail "apt-get could not install ${missing[*]}."; }
  rm -f "$log"
}

answers() { timeout 5 docker version >/dev/null 2>&1; }

start_daemon() {
  run=$(mktemp -d /run/perisai-docker-XXXXXX)
  export DOCKER_HOST=unix://$run/docker.sock
  unset DOCKER_CONTEXT
  mkdir -p "$data"
  ip link show docker0 >/dev/null 2>&1 || touch "$run/bridge-is-ours"
  # In a session of its own, so that Ctrl-C reaches the tests first. Ports are published by the daemon's proxy, and containers
  # need no way out, so neither firewall nor forwarding is changed.
  setsid setpriv --pdeathsig TERM dockerd --host "$DOCKER_HOST" --data-root "$data" --exec-root "$run/exec" --pidfile "$run/docker.pid" \
    --iptables=false --ip6tables=false --ip-masq=false --ip-forward=false >"$data/../dockerd.log" 2>&1 &
  daemon=$!
  for _ in $(seq 150); do
    if answers; then tell "started dockerd $(docker version --format '{{.Server.Version}}')"; return; fi
    kill -0 "$daemon" 2>/dev/null || break
    sleep 0.2
  done
  tail -n 15 "$data/../dockerd.log" >&2
  fail "dockerd did not start."
}

clean_up() {
  [ -n "$run" ] || return 0
  if [ -n "$daemon" ] && kill -0 "$daemon" 2>/dev/null; then
    kill "$daemon"
    wait "$daemon" || true
    tell "stopped dockerd"
  fi
  [ ! -e "$run/bridge-is-ours" ] || ip link delete docker0 2>/dev/null || true
  rm -rf --one-file-system "$run"
}

left_over() { docker ps --all --quiet --filter label=perisai.tests; }

describe() {
  docker version --format 'engine: Docker {{.Server.Version}}'
  docker image inspect --format '{{index .RepoTags 0}}: {{.Size}} bytes' "$TEST_KAFKA_IMAGE" "$TEST_POSTGRES_IMAGE" |
    awk '{printf "image: %s %.0f MB\n", $1, $2 / 1e6}'
}

# run_tests <log> <argument of pytest>…
run_tests() {
  local log=$1
  shift
  TEST_STACK=containers KAFKA_BOOTSTRAP='' DATABASE_URL='' .venv/bin/pytest --dist worksteal "$@" 2>&1 | tee "$log"
}

[ "$(id -u)" = 0 ] || fail "an engine and debootstrap need root; run it with sudo."
[ -x .venv/bin/pytest ] || fail "there is no .venv; run make setup first."
trap clean_up EXIT
install_missing
answers || start_daemon
names=$(deploy/containers/build.sh)
eval "$names"
before=$(left_over)
log=$(mktemp)
status=0
[ $# -gt 0 ] || set -- -n 2 tests/integration
run_tests "$log" "$@" || status=$?
ran_on=$(grep '^stack used: ' "$log" || true)
rm -f "$log"
describe
[ "$status" = 0 ] || fail "the tests failed (pytest ended with $status)."
[[ $ran_on == 'stack used: containers: '* ]] || fail "the tests did not run on containers ($ran_on)."
[ "$(left_over)" = "$before" ] || fail "the tests left containers behind."
tell "proved on ${ran_on#stack used: containers: }"
