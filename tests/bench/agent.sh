#!/bin/sh
# The instant agent of the bench, for every role. $1 is how many files its worker writes. Of its task it copies the
# lines that bind a report to a call: one sed, no other process.
set -eu
case $VERGER_TASK_STAGE in
audit)
    keys='run_id|item_id|attempt|round|stage|lane|agent|packet_sha256' verdict='"overall_verdict": "pass"' ;;
*)
    keys='run_id|item_id|attempt|round|stage|agent' verdict='"verdict": "implemented"' number=0
    while [ "$number" -lt "$1" ]; do
        number=$((number + 1))
        printf 'page %s of item %s\n' "$number" "$VERGER_ITEM_ID" >"pages/$VERGER_ITEM_ID-$number.md"
    done ;;
esac
# Not renamed into place, as an agent that may be killed should do: that would be another process.
{
    printf '{\n'
    sed -nE "s/^  \"report_schema\"/\"schema_version\"/p; s/^  \"($keys)\"/\"\1\"/p"
    printf '"summary": "instant", %s}\n' "$verdict"
} >"$VERGER_REPORT_PATH"
