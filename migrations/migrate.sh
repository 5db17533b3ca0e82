#!/bin/sh
# Applies every location below sql/ with Flyway and stops at the first failure with Flyway's exit code: the platform's
# baseline first, then the shared kernel that services may refer to, then the services in the order of their names.
# A location is a folder named like the schema it fills; each has its history table in that schema.
#
#   migrate.sh [migrate|info|plan|validate]
#   migrate.sh repair [SCHEMA]
#
# "plan" prints what "info" does as JSON, for "batbern migrations plan". Lines that begin with "migrations:" are what the
# migration runner reports. Flyway reads FLYWAY_URL, FLYWAY_USER and FLYWAY_PASSWORD from the environment; no credential
# is an argument.
set -eu

command=${1:-migrate}
only=${2:-}
root=${MIGRATIONS_ROOT:-/flyway}
baseline=platform
shared=shared_kernel

case $command in
migrate | info | plan | validate | repair) ;;
*)
    echo "unknown command \"$command\": use migrate, info, plan, validate or repair" >&2
    exit 64
    ;;
esac
if [ -n "$only" ] && [ ! -d "$root/sql/$only" ]; then
    echo "migrations: there is no location \"$only\": use one of $(ls "$root/sql" | tr '\n' ' ')" >&2
    exit 64
fi

set -a
. "$root/conf/flyway.env"
set +a

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# flyway_in SCHEMA ARGUMENT... runs Flyway on one location.
flyway_in() {
    location=$1
    shift
    flyway \
        "-locations=filesystem:$root/sql/$location,filesystem:$root/callbacks" \
        "-defaultSchema=$location" \
        "$@"
}

# failed_files SCHEMA prints the files that its history records as failed. Flyway's JSON has one field per line.
failed_files() {
    flyway_in "$1" -outputType=json info 2>"$work/info" | awk '
        /}/ { if (failed && file != "") print file }
        /[{}]/ { failed = 0; file = "" }
        /"state" *: *"[^"]*Failed/ { failed = 1 }
        /"filepath" *: *"/ { file = $0; sub(/.*"filepath" *: *"/, "", file); sub(/".*/, "", file) }'
}

# can_run_again FILE says whether a file that failed halfway outside a transaction can run again as it is: what its
# statements leave is removed by the file, or is nothing. Comments in /* */ and $-quotes are not taken apart: unknown.
can_run_again() {
    awk '
        /\/\*|\$/ { unknown = 1 }
        { sub(/--.*/, ""); text = text " " $0 }
        END {
            text = toupper(text)
            gsub(/[ \t\r]+/, " ", text)
            count = split(text, statements, ";")
            for (i = 1; i <= count; i++) {
                s = statements[i]
                sub(/^ /, "", s); sub(/ $/, "", s)
                if (s == "") continue
                if (s ~ /^DROP INDEX CONCURRENTLY IF EXISTS [A-Z0-9_]+$/) { sub(/.* /, "", s); dropped[s] = 1; continue }
                if (s ~ /^CREATE (UNIQUE )?INDEX CONCURRENTLY [A-Z0-9_]+ ON /) {
                    sub(/^CREATE (UNIQUE )?INDEX CONCURRENTLY /, "", s); sub(/ .*/, "", s)
                    if (s in dropped) continue
                }
                if (s ~ /^(VACUUM|ANALYZE|SET|RESET)( |$)/ || s ~ /^ALTER TYPE [A-Z0-9_]+ ADD VALUE IF NOT EXISTS /) continue
                unknown = 1
            }
            exit unknown
        }' "$1"
}

# explain SCHEMA says what a failed run leaves, and removes the failed row where the file can simply run again. It
# returns 0 where the row was an earlier run's and is gone, so that this run can go on.
explain() {
    failed_files "$1" >"$work/failed" || true
    if [ ! -s "$work/failed" ]; then
        echo "migrations: $1 failed, and nothing of the failed file stays. Correct the cause, and deploy again."
        return 1
    fi
    earlier=
    if grep -q -e "Detected failed" -e "contains a failed" "$work/output"; then
        earlier=1
    fi
    repair=1
    if grep -q -i -e "mismatch" -e "not resolved locally" -e "resolved migration not applied" "$work/output"; then
        repair= # repair would also accept changed or missing files
    fi
    while read -r file; do
        name=$1/${file#"$root/sql/$1/"}
        echo "migrations: $name failed ${earlier:+in an earlier run, }outside a transaction: its first statements stay, and the history records it as failed."
        if [ -z "$repair" ] || [ ! -f "$file" ] || ! can_run_again "$file"; then
            repair=
            echo "migrations: Whether $name can run again is not known. Remove what it left, then: batbern migrate --env ENV --repair $1"
        fi
    done <"$work/failed"
    if [ -z "$repair" ] || ! flyway_in "$1" repair; then
        return 1
    fi
    echo "migrations: $name can run again as it is, so that its row was removed from the history."
    if [ -z "$earlier" ]; then
        echo "migrations: Correct the cause, and deploy again."
        return 1
    fi
}

# migrate SCHEMA [ARGUMENT...] applies a location, once more after a repair.
migrate() {
    for attempt in first second; do
        { flyway_in "$@" migrate && echo 0 >"$work/status" || echo $? >"$work/status"; } 2>&1 | tee "$work/output"
        status=$(cat "$work/status")
        if [ "$status" = 0 ]; then
            return
        fi
        if [ "$attempt" = second ] || ! explain "$1"; then
            exit "$status"
        fi
    done
}

run() {
    echo "$command $1"
    case $command in
    migrate) migrate "$@" ;;
    plan) flyway_in "$@" -outputType=json info ;;
    *) flyway_in "$@" "$command" ;;
    esac
}

if [ -n "$only" ]; then
    run "$only"
    exit
fi

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
