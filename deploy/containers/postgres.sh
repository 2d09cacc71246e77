#!/bin/sh
# Runs one PostgreSQL in a container, with the variables of the well-known image: POSTGRES_HOST_AUTH_METHOD (demanded: there is
# no password to fall back to) and POSTGRES_INITDB_ARGS. Arguments go to the server.
set -eu

data=/var/lib/postgresql/data
: "${POSTGRES_HOST_AUTH_METHOD:?says how clients prove who they are}"

if [ ! -e "$data/PG_VERSION" ]; then
  # shellcheck disable=SC2086 # several arguments in one variable
  initdb -D "$data" -U postgres -A "$POSTGRES_HOST_AUTH_METHOD" ${POSTGRES_INITDB_ARGS:-}
  echo "host all all all $POSTGRES_HOST_AUTH_METHOD" >>"$data/pg_hba.conf"
fi
exec postgres -D "$data" -c listen_addresses='*' -c unix_socket_directories= "$@"
