# Sourced by the test_*.sh beside it: `. "$(dirname "$0")/expect.sh"`, after which $twill is the command and $dir
# an empty folder that goes away. Each expectation runs the command once and says what was not as expected; the
# script ends with `finish`.

twill=${1:?usage: test_NAME.sh PATH/TO/twill}
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
checks=0 failures=0
unset TWILL_ISA TWILL_NUM_THREADS NO_COLOR COLUMNS TWILL_PEERS
LC_ALL=C
export LC_ALL

fault() {
    failures=$((failures + 1))
    printf 'FAILED: %s\n' "$1"
    sed 's/^/    stdout: /' "$dir/out" | head -5
    sed 's/^/    stderr: /' "$dir/err" | head -5
}

# run ARGUMENTS...: the command with its streams in $dir/out and $dir/err, its exit status in $status
run() {
    "$twill" "$@" >"$dir/out" 2>"$dir/err" </dev/null
    status=$?
    checks=$((checks + 1))
}

# misused TEXT ARGUMENTS...: exit 2, nothing on stdout, TEXT and the usage on stderr
misused() {
    want=$1
    shift
    run "$@"
    [ "$status" = 2 ] || fault "exit $status, expected 2: $(echo "$*" | cut -c1-100)"
    [ -s "$dir/out" ] && fault "something on stdout: $(echo "$*" | cut -c1-100)"
    grep -qF -e "$want" "$dir/err" || fault "no \"$want\": $(echo "$*" | cut -c1-100)"
    grep -q '^Usage:' "$dir/err" || fault "no usage: $(echo "$*" | cut -c1-100)"
}

# fails TEXT ARGUMENTS...: exit 1, nothing on stdout, TEXT on stderr
fails() {
    want=$1
    shift
    run "$@"
    [ "$status" = 1 ] || fault "exit $status, expected 1: $*"
    [ -s "$dir/out" ] && fault "something on stdout: $*"
    grep -qF -e "$want" "$dir/err" || fault "no \"$want\": $*"
}

# prints TEXT ARGUMENTS...: exit 0, TEXT on stdout, nothing on stderr
prints() {
    want=$1
    shift
    run "$@"
    [ "$status" = 0 ] || fault "exit $status, expected 0: $*"
    [ -s "$dir/err" ] && fault "something on stderr: $*"
    grep -qF -e "$want" "$dir/out" || fault "no \"$want\": $*"
}

# same NAME: the standard input is what the last run printed
same() {
    cat >"$dir/expected"
    checks=$((checks + 1))
    diff "$dir/expected" "$dir/out" >"$dir/diff" || {
        fault "$1"
        sed 's/^/    /' "$dir/diff"
    }
}

finish() {
    echo "$checks checks, $failures failures"
    [ "$checks" -gt 0 ] && [ "$failures" = 0 ]
    exit
}
