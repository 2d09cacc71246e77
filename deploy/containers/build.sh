#!/usr/bin/env bash
# Builds the two images of the test stack on the spot: Debian by debootstrap, then `docker import`. No registry of images is
# asked; packages come from the Debian mirror that apt uses here (or DEBIAN_MIRROR), Kafka from the locked and verified jars.
#
#   eval "$(deploy/containers/build.sh)"    # as root, with debootstrap and a daemon: sets TEST_KAFKA_IMAGE, TEST_POSTGRES_IMAGE
#
# An image that was built from the same recipe (this folder and Kafka's lock) is kept. Progress goes to stderr.
set -euo pipefail
cd "$(dirname "$0")/../.."

suite=trixie # the oldest Debian whose PostgreSQL is 17 or newer
postgres_major=17
java=openjdk-21-jre-headless
python=.venv/bin/python
debs=$PWD/.perisai/cache/debs

tell() { echo "containers: $*" >&2; }

mirror() {
  local found
  found=${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' | head -n 1)}
  [ -n "$found" ] || { tell "apt knows no Debian mirror here; run apt-get update, or give one in DEBIAN_MIRROR."; return 1; }
  echo "$found"
}

recipe() { cat deploy/containers/{build,kafka,postgres}.sh deploy/local/kafka/jgo.lock.toml | sha256sum | cut -c1-16; }

is_built() { [ "$(docker image inspect --format '{{index .Config.Labels "perisai.recipe"}}' "$1" 2>/dev/null)" = "$(recipe)" ]; }

# debian <folder> <packages>: a minimal Debian with these packages, without what a container never reads.
debian() {
  mkdir -p "$debs"
  debootstrap --variant=minbase --cache-dir="$debs" --include="$2" "$suite" "$1" "$(mirror)" >"$1.log" 2>&1 ||
    { tail -n 15 "$1.log" >&2; tell "debootstrap failed."; return 1; }
  rm -rf "$1"/var/cache/apt/* "$1"/var/lib/apt/lists/* "$1"/usr/share/{doc,man,info,locale}/*
}

# import <folder> <image> <change>…: the folder as an image of one layer.
import() {
  local folder=$1 image=$2 change changes=()
  shift 2
  for change in "$@" "LABEL perisai.recipe=$(recipe)"; do changes+=(--change "$change"); done
  tar -C "$folder" --numeric-owner --one-file-system -c . | docker import "${changes[@]}" - "$image" >/dev/null
  tell "$image built in $((SECONDS - began)) s"
}

build_kafka() {
  local root=$work/kafka
  debian "$root" "$java"
  mkdir -p "$root/opt/kafka/libs"
  "$python" -m deploy.local.kafka.jars >&2 # each compared with the lock
  "$python" -c 'from deploy.local import places; from deploy.local.kafka import jars
print(*(places.cache() / "jars" / jar.file_name for jar in jars.read_lock()), sep="\n")' | xargs cp --target-directory "$root/opt/kafka/libs"
  chmod -R a+rX "$root/opt/kafka"
  install -m 755 deploy/containers/kafka.sh "$root/usr/local/bin/kafka.sh"
  chroot "$root" useradd --system --create-home --home-dir /var/lib/kafka kafka
  import "$root" "$1" "USER kafka" "WORKDIR /var/lib/kafka" "VOLUME /var/lib/kafka" 'ENTRYPOINT ["kafka.sh"]'
}

build_postgres() {
  local root=$work/postgres
  debian "$root" "postgresql-$postgres_major"
  rm -rf "$root"/var/lib/postgresql/* "$root"/etc/postgresql/* # the cluster that Debian's package makes
  install -m 755 deploy/containers/postgres.sh "$root/usr/local/bin/postgres.sh"
  chroot "$root" install -d -o postgres -g postgres -m 700 /var/lib/postgresql/data
  import "$root" "$1" "USER postgres" "WORKDIR /var/lib/postgresql" "VOLUME /var/lib/postgresql/data" \
    "ENV PATH=/usr/local/bin:/usr/lib/postgresql/$postgres_major/bin:/usr/bin:/bin" 'ENTRYPOINT ["postgres.sh"]'
}

# build <what> <image>
build() {
  if is_built "$2"; then tell "$2 is built"; return; fi
  tell "building $2 (once; a minute or two)"
  began=$SECONDS
  "build_$1" "$2"
  rm -rf --one-file-system "$work/$1"
}

kafka_version=$("$python" -c 'from deploy.local.kafka import jars
print(next(jar.version for jar in jars.read_lock() if jar.artifact == "kafka_2.13"))')
kafka=perisai-kafka:$kafka_version postgres=perisai-postgres:$postgres_major
work=$(mktemp -d /var/tmp/perisai-images-XXXXXX)
trap 'umount --recursive --lazy "$work"; rmdir "$work"' EXIT
mount -t tmpfs -o mode=755,size=2g perisai-images "$work" # dpkg syncs every file; in memory that costs nothing
build kafka "$kafka"
build postgres "$postgres"
echo "export TEST_KAFKA_IMAGE=$kafka TEST_POSTGRES_IMAGE=$postgres"
