#!/bin/sh
# Applies every location below sql/ with Flyway and stops at the first failure with Flyway's exit code: the platform's
# baseline first, then the shared kernel that services may refer to, then the services in the order of their names.
# A location is a folder named like the schema it fills; each has its history table in that schema.
#
#   migrate.sh [migrate|info|validate|repair]
#
# Flyway reads FLYWAY_URL, FLYWAY_USER and FLYWAY_PASSWORD from the environment; no credential is an argument.
set -eu

command=${1:-migrate}
root=${MIGRATIONS_ROOT:-/flyway}
baseline=platform
shared=shared_kernel

case $command in
migrate | info | validate | repair) ;;
*)
    echo "unknown command \"$command\": use migrate, info, validate or repair" >&2
    exit 64
    ;;
esac

set -a
. "$root/conf/flyway.env"
set +a

run() {
    schema=$1
    shift
    echo "$command $schema"
    flyway \
        "-locations=filesystem:$root/sql/$schema,filesystem:$root/callbacks" \
        "-defaultSchema=$schema" \
        "$@" "$command"
}

# Only the baseline may make its schema: it makes all the others.
run "$baseline" -createSchemas=true

if [ -d "$root/sql/$shared" ]; then
    run "$shared"
fi

for location in "$root"/sql/*/; do
    schema=$(basename "$location")
    case $schema in
    "$baseline" | "$shared") ;;
    *) run "$schema" ;;
    esac
done
