#!/usr/bin/env bash
# scripts/check must be able to fail: a tree with one breach of each rule, and the finding that each must give.
set -eu
source=$1
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree"/src/base "$tree"/src/shape "$tree"/src/cli "$tree"/include/twill "$tree"/docs "$tree"/scripts
cp -R "$source"/scripts/check "$source"/scripts/check.d "$tree"/scripts/
cp "$source"/.clang-format "$tree"/
cd "$tree"

printf '# who\nbase:\nshape: base\ncli:\nring: later\nlater: ring\n' >src/FLOORS
printf '#include "shape/shape.h"\nint tw_a(void) {\n    void *p = malloc(1);\n    printf("");\n}\n' >src/base/utils.c
printf '#include "base/base.h"\n' >src/cli/run.c
{ echo 'int tw_b(int a,'; echo '         int b) {'; for i in $(seq 61); do echo '    ;'; done; echo '}'; } >src/shape/long.c
for i in $(seq 501); do echo '/* TO''DO */'; done >src/shape/shape.h
printf 'size_t tw_c(void);\n' >include/twill/alone.h
printf 'int x;\n' >src/shape/twin.c
printf 'int   y;\n' >src/base/twin.c
printf '[there](here.md) and [gone](../gone.md)\n' >docs/here.md

mkdir examples
printf 'int main(void) {\n    return 0;\n}\n' >examples/good.c
printf '```c\nreturn 0;\n```\n\n```c\nreturn 1;\n```\n' >docs/code.md

mkdir test
echo 'there_it_is' >test/one.sh
printf '| A01 | a | b | `there_it_is` |\n| A02 | a | b | `gone` |\n| A03 | a | b | |\n' >docs/bad-input.md

found=$(scripts/check 2>&1) && { echo "scripts/check found nothing"; exit 1; }
expect() { grep -qF "$1" <<<"$found" || { echo "not found: $1"; missed=1; }; }
missed=0
expect 'src/base/utils.c:1: base may not include shape'
expect 'src/FLOORS:5: ring rests on later'
expect 'src/cli/run.c:1: cli sees include/twill only'
expect 'src/shape/long.c:2: 61 lines; a function has at most 60'
expect 'src/shape/shape.h:501: 501 lines; a file has at most 500'
expect 'the name twin.c also stands at'
expect 'src/base/utils.c:1: a name that says nothing'
expect 'src/base/utils.c:3: memory comes from base/memory.h'
expect 'src/base/utils.c:4: the library prints nothing'
expect 'src/shape/shape.h:7: unfinished'
expect 'docs/here.md:1: no file stands at gone.md'
expect 'docs/code.md:5: these lines stand in no file of examples/'
expect 'docs/bad-input.md:2: no test holds `gone`'
expect 'docs/bad-input.md:3: a row of four columns'
if command -v cc >/dev/null; then expect 'alone, as c11'; fi
if command -v clang-format >/dev/null; then expect 'src/base/twin.c:1:4: clang-format'; fi
for good in 'docs/here.md:1: no file stands at docs/here.md' 'docs/code.md:1:' '`there_it_is`'; do
    if grep -qF "$good" <<<"$found"; then echo "a good one was refused: $good"; missed=1; fi
done
[ $missed = 0 ] || printf '%s\n' "$found" | grep -v shape.h | head -40
exit $missed
