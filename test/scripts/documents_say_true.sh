#!/usr/bin/env bash
# What the documents show of the command is what it prints: every indented block that begins with "$ twill" is run, and
# its output compared. Arguments: source folder, folder of the command.
set -euo pipefail
source=$1
PATH=$2:$PATH
export NO_COLOR=1 LC_ALL=C.UTF-8
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

wrong=0 checked=0
compare() { # place, command; expected in the file "expected"
    checked=$((checked + 1))
    bash -c "$2" >printed 2>errors </dev/null || { echo "$1: '$2' fails: $(head -1 errors)"; wrong=1; return; }
    sed 's/[[:space:]]*$//' printed | sed -e :a -e '/^\n*$/{$d;N;ba' -e '}' >trimmed
    diff -u --label "$1" --label "what is printed" expected trimmed || wrong=1
}

for document in "$source"/README*.md "$source"/docs/*.md; do
    command= place= number=0 blanks=
    : >expected
    while IFS= read -r line || [ -n "$line" ]; do
        number=$((number + 1))
        if [ -n "$command" ]; then
            if [ -z "$line" ]; then
                blanks+=$'\n'
                continue
            elif [[ $line = "    "* ]] && [[ $line != "    \$ "* ]]; then
                printf '%s%s\n' "$blanks" "${line#    }" >>expected
                blanks=
                continue
            fi
            compare "$place" "$command"
            command= blanks=
        fi
        if [[ $line = "    \$ twill "* ]]; then
            command=${line#    \$ } place=${document#"$source"/}:$number
            : >expected
        fi
    done <"$document"
    [ -z "$command" ] || compare "$place" "$command"
done
[ $checked -gt 0 ] || { echo "no document shows a command"; exit 1; }
exit $wrong
