#!/bin/sh
# A machine that gives little or behaves oddly: limits on memory, files and stacks, an environment full of garbage, one
# processor, signals twice, death in the middle of a save. What is possible is done, what is not is told, and a model
# is whole at every moment. Rows P04, P05, P08, P10, P12, P16 and P18 of docs/bad-input.md.
. "$(dirname "$0")/expect.sh"

model=$dir/model.safetensors

# trained COMMAND...: trains a small network under a command, such as `env -i`
net='dense 10'
trained() {
    "$@" "$twill" train --net "$net" --data strokes:count=64 --epochs 1 --seed 1 --quiet --output "$dir/again" \
        >"$dir/out" 2>"$dir/err" </dev/null
    status=$?
    checks=$((checks + 1))
}
same_bits() {
    trained "$@"
    [ "$status" = 0 ] || fault "exit $status under $*"
    cmp -s "$model" "$dir/again" || fault "other bits under $*"
}
trained env
mv "$dir/again" "$model" || fault 'no model to begin with'

# limits: of files, stacks, sizes of files and memory
limited() { sh -c "ulimit $1 && exec \"\$@\"" "$@"; }
same_bits limited '-n 8'
trained limited '-f 1'
[ "$status" = 1 ] || fault "exit $status under a limit of file sizes, expected 1"
grep -q 'File too large' "$dir/err" || fault 'a limit of file sizes is not told'
cmp -s "$model" "$dir/again" || fault 'the old model is gone'
# An address sanitizer reserves terabytes, and its frames on the stack are many times as large: there neither memory nor
# stacks can be limited.
if (ulimit -v 300000 && "$twill" --version) >/dev/null 2>&1; then
    same_bits limited '-s 64'
    limited '-v 300000' "$twill" train --net 'dense 60000; dense 10' --data strokes:count=64 --output "$dir/none" \
        >"$dir/out" 2>"$dir/err" # weights of 190 MB, and as many gradients
    status=$?
    checks=$((checks + 1))
    [ "$status" = 1 ] || fault "exit $status for want of memory, expected 1"
    grep -q 'no memory for' "$dir/err" || fault 'want of memory is not told'
    [ -e "$dir/none" ] && fault 'half a model for want of memory'

    # convolutions keep to the stack that musl gives a thread
    net='conv 32 3x3; relu; conv 32 3x3; avgpool 2; conv 32 5x5; dense 10'
    trained limited '-s 128'
    [ "$status" = 0 ] || fault "convolutions: exit $status with a stack of 128 KB"
    net='dense 10'
fi

# the environment says nothing, or nothing that can be understood
same_bits env -i
same_bits env -u HOME TMPDIR=/nonexistent LANG=tr_TR.UTF-8 LC_ALL=tr_TR.UTF-8 LC_NUMERIC=de_DE.UTF-8
same_bits env OMP_NUM_THREADS=0 TWILL_NUM_THREADS=abc TWILL_ISA=sse9 COLUMNS=-1 NO_COLOR=1 TERM=
command -v taskset >/dev/null && same_bits taskset -c "$(taskset -cp $$ | sed 's/.*[^0-9]//')"

# a signal is obeyed after the step, a second one at once; the model that was there is whole, or the new one is
cp "$model" "$dir/old"
env --default-signal=INT "$twill" train --net 'conv 64 9x9; dense 10' --rate 1e-6 --batch 1000 --epochs 1000 \
    --output "$dir/old" >"$dir/out" 2>"$dir/err" &
pid=$!
sleep 2
kill -s INT $pid
kill -s INT $pid 2>/dev/null
wait $pid
status=$?
checks=$((checks + 1))
[ "$status" = 130 ] || fault "exit $status after two signals, expected 130"
run info --model "$dir/old"
[ "$status" = 0 ] || fault 'no whole model after two signals'

# killed without warning, at moments spread over start, training and save: always a whole model, old or new
cp "$model" "$dir/killed"
for wait in 0.01 0.03 0.05 0.08 0.1 0.15 0.2 0.3 0.5; do
    "$twill" train --net 'dense 10' --data strokes:count=64 --epochs 1 --output "$dir/killed" \
        >/dev/null 2>&1 &
    pid=$!
    sleep $wait
    kill -s KILL $pid 2>/dev/null
    wait $pid 2>/dev/null
    run info --model "$dir/killed"
    [ "$status" = 0 ] || fault "no whole model after a kill at $wait s"
done

finish
