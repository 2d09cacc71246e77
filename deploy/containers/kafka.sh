#!/bin/sh
# Runs one Kafka broker in a container. Every KAFKA_A_B of the environment is the setting a.b, as in the Apache image, so the
# tests speak to both alike. The data folder is formatted when it is new.
set -eu

data=/var/lib/kafka/data
settings=/var/lib/kafka/server.properties

run() {
  exec java -Xmx512m -XX:+UseSerialGC -XX:+ExitOnOutOfMemoryError -Xlog:disable -Xlog:all=error:stderr \
    --enable-native-access=ALL-UNNAMED -Djava.awt.headless=true \
    -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -Dorg.slf4j.simpleLogger.showDateTime=true \
    -cp '/opt/kafka/libs/*' "$@"
}

# 22 characters that decode to 16 bytes; no dash in front, which would be read as an option.
new_cluster_id() {
  echo "p$(head -c 15 /dev/urandom | base64 | tr '+/' '-_')A"
}

awk 'BEGIN { for (name in ENVIRON) if (name ~ /^KAFKA_[A-Z_]+$/) {
  key = tolower(substr(name, 7)); gsub("_", ".", key); print key "=" ENVIRON[name] } }' >"$settings"
echo "log.dirs=$data" >>"$settings"

if [ ! -e "$data/meta.properties" ]; then
  (run kafka.tools.StorageTool format --config "$settings" --cluster-id "${CLUSTER_ID:-$(new_cluster_id)}")
fi
run kafka.Kafka "$settings"
