#!/bin/sh
# Wrong usage is told: exit 2, what is wrong and how it is used on stderr, nothing on stdout. And the same for
# streams that lead nowhere: exit 1.
. "$(dirname "$0")/expect.sh"

# the overview, help and version
prints 'Usage: twill COMMAND' --help
prints 'Usage: twill COMMAND'
prints 'twill 0.' --version
for command in train eval predict matrix 'check conv' 'check net' check info 'bench conv' 'bench net'; do
    prints "Usage: twill $command" $command --help
    prints '--help' $command --help
    prints "Usage: twill $command" $command --nonsense --help
done
prints 'twill bench conv --layers' bench --help

# unknown commands
misused 'unknown command "matrx": did you mean matrix?' matrx
misused 'unknown command "zzzzzzzzz"' zzzzzzzzz
misused 'unknown command ""' ''
misused 'unknown command "\x1B[2J"' "$(printf '\033[2J')"
misused 'unknown command "%n%s"' '%n%s'
misused 'twill bench conv' bench
misused 'what is "nothing"?' bench nothing
misused 'unknown command' --

# options
misused 'unknown option "--strid": did you mean --stride?' matrix --strid 2
misused 'unknown option "-s"' matrix -s
misused 'unknown option "--"' matrix --=2
misused '--stride: given twice' matrix --stride 2 --stride=3
misused '--json: given twice' matrix --json --json
misused '--json: takes no value' matrix --json=1
misused '--stride: needs a value' matrix --stride
misused '--stride: needs a value: N[,N...], found "--json"' matrix --stride --json
misused '--stride: the value is empty' matrix --stride ''
misused '--stride: the value is empty' matrix --stride=
misused 'takes no arguments' matrix --
misused 'takes no arguments' matrix -- --json
misused '"-": standard input is not read' matrix -
misused 'unexpected argument "3x3"' matrix 3x3
misused 'has 100000 bytes: at most 65536' matrix --input "$(head -c 100000 /dev/zero | tr '\0' 1)"
misused 'has 100000 bytes' matrix "$(head -c 100000 /dev/zero | tr '\0' -)"

# numbers
for number in 3.7 0x10 1e3 -0 ' 5 ' '5 ' +5 five 5x 1_000 ٣; do
    misused "--groups: \"" matrix --groups "$number"
    misused 'is not a whole number' matrix --groups "$number"
done
misused '--groups: "99999999999999999999" is too large a number' matrix --groups 99999999999999999999
misused '--groups: "-99999999999999999999" is too large a number' matrix --groups -99999999999999999999
misused '--repeat: "0" is out of range: 1 to 1000000' bench conv --repeat 0
misused '--repeat: "-3" is out of range' bench conv --repeat -3
for number in nan inf 1,5 0x1p3 1e999 1d5 . e5 5e '' -; do
    misused '--seconds: ' bench conv "--seconds=$number"
done
misused '--seconds: "0" is out of range: more than 0' bench conv --seconds 0
misused '--seconds: "1e9" is out of range' bench conv --seconds 1e9
misused '--threads: "1,,2" is not of the form' bench conv --threads 1,,2
misused '--threads: "1,300" is out of range: 1 to 256' bench conv --threads 1,300
misused 'has too many entries' bench conv --threads 1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1
misused '--pass: "forwards" is unknown: one of forward' bench conv --pass forwards
misused 'did you mean forward?' bench conv --pass forwards
misused '--pass: "forward,forward" names one thing twice' bench conv --pass forward,forward
misused '--pass: "forward" names one thing twice' bench conv --pass forward --pass forward
misused '--layers FILE is needed' bench conv

# streams
closed() {
    checks=$((checks + 1))
    [ "$status" = 1 ] || fault "exit $status, expected 1: $1"
}
: >"$dir/out"
"$twill" info >/dev/full 2>"$dir/err"
status=$?
closed 'stdout is /dev/full'
grep -q 'standard output: No space left' "$dir/err" || fault 'a full device is not told'
"$twill" info >&- 2>"$dir/err"
status=$?
closed 'stdout is closed'
grep -q 'standard output' "$dir/err" || fault 'a closed stdout is not told'
"$twill" matrix --nonsense 2>&- >"$dir/out"
[ $? = 2 ] || fault 'wrong usage with a closed stderr'
"$twill" matrix --help >&- 2>&-
status=$?
closed 'both are closed'
(
    "$twill" matrix --input 1x60x60 --kernel 1x3x3 2>"$dir/err"
    echo $? >"$dir/status"
) | true
checks=$((checks + 1))
case $(cat "$dir/status") in 0 | 1) ;; *) fault "exit $(cat "$dir/status") with a closed pipe" ;; esac

finish
