#!/bin/sh
# Applies every location below sql/ with Flyway, the platform's baseline first, and stops at the first failure with
# Flyway's exit code. A location is a folder named like the schema it fills; each has its history table in that schema.
#
#   migrate.sh [migrate|info|validate|repair]
#
# Flyway reads FLYWAY_URL, FLYWAY_USER and FLYWAY_PASSWORD from the environment; no credential is an argument.
set -eu

command=${1:-migrate}
root=${MIGRATIONS_ROOT:-/flyway}
baseline=platform

case $command in
migrate | info | validate | repair) ;;
*)
    echo "unknown command \"$command\": use migrate, info, validate or repair" >&2
    exit 64
    ;;
esac

run() {
    schema=$1
    shift
    echo "$command $schema"
    flyway \
        "-configFiles=$root/conf/flyway.toml" \
        "-locations=filesystem:$root/sql/$schema,filesystem:$root/callbacks" \
        "-defaultSchema=$schema" \
        "$@" "$command"
}

# Only the baseline may make its schema: it makes all the others.
run "$baseline" -createSchemas=true

for location in "$root"/sql/*/; do
    schema=$(basename "$location")
    if [ "$schema" != "$baseline" ]; then
        run "$schema"
    fi
done
