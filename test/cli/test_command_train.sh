#!/bin/sh
# twill train, eval and predict: a model goes from one to the next; what stops them is told, and stops them early.
. "$(dirname "$0")/expect.sh"

model=$dir/model.safetensors
small='dense 10'

# trained, told, written; the same bits with another number of threads
run train --net "$small" --data strokes:count=256 --epochs 2 --seed 3 --threads 1 --output "$model" --json
[ "$status" = 0 ] || fault "train: exit $status"
for field in test_accuracy loss epochs seconds seconds_per_epoch images_per_second; do
    grep -q "\"$field\":[0-9]" "$dir/out" || fault "no field $field"
done
[ "$(wc -l <"$dir/out")" = 1 ] || fault 'one JSON line'
[ "$(grep -c '^epoch [12]/2: loss ' "$dir/err")" = 2 ] || fault 'a line an epoch on stderr'
grep -q "$(printf '[\r\033]')" "$dir/err" && fault 'a progress bar where there is no terminal'
accuracy=$(sed 's/.*"test_accuracy":\([0-9.]*\).*/\1/' "$dir/out")
run train --net "$small" --data strokes:count=256 --epochs 2 --seed 3 --threads 2 --output "$dir/again" --quiet
[ "$status" = 0 ] || fault "train again: exit $status"
[ -s "$dir/err" ] && fault 'quiet is not quiet'
grep -q 'predicted' "$dir/out" || fault 'no confusion matrix'
cmp -s "$model" "$dir/again" || fault 'other bits with 2 threads'

prints "\"test_accuracy\":$accuracy," eval --model "$model" --json
for field in loss seconds seconds_per_epoch images_per_second; do
    prints "\"$field\":" eval --model "$model" --json
done
prints '"epochs":1,' eval --model "$model" --json
prints 'labelled "' predict --model "$model" --data strokes --index 7
[ "$(sed -n '1,28p' "$dir/out" | wc -c)" -gt 1500 ] || fault 'the digit is not drawn'
prints '"image":"strokes, number 8"' predict --model "$model" --data strokes --index 7,8 --json --top 2
printf 'P2 2 2 255\n0 255 255 0\n' >"$dir/image.pgm"
prints '%' predict --model "$model" "$dir/image.pgm" --quiet
prints '%' predict --model "$model" -- "$dir/image.pgm"

prints '10 classes: "0" "1"' info --model "$model"
misused 'exclude each other' info --model "$model" --net mlp

# interrupted: the model is written all the same; ignored where the caller wants it so
# interrupted SIGNAL STATUS: once an epoch is told, so that training is under way however slow the machine. A shell
# makes what it starts in the background ignore SIGINT: env takes that back.
interrupted() {
    rm -f "$dir/stopped" "$dir/err" # of the run before
    env --default-signal="$1" "$twill" train --net "$small" --epochs 100000 --data strokes:count=64 \
        --output "$dir/stopped" >"$dir/out" 2>"$dir/err" &
    pid=$!
    waited=0
    until grep -qs '^epoch 1/' "$dir/err" || [ $waited = 120 ]; do
        sleep 0.5
        waited=$((waited + 1))
    done
    kill -s "$1" $pid
    wait $pid
    status=$?
    checks=$((checks + 1))
    [ "$status" = "$2" ] || fault "exit $status after $1, expected $2"
    [ -s "$dir/stopped" ] || fault "no model after $1"
    grep -q 'stopped by a signal' "$dir/err" || fault "not told: $1"
}
interrupted TERM 143
interrupted INT 130

# streams and files that refuse
train_quick() { run train --net "$small" --data strokes:count=64 --epochs 0 "$@"; }
"$twill" train --net "$small" --data strokes:count=64 --epochs 0 --output "$dir/kept" >&- 2>"$dir/err"
status=$?
checks=$((checks + 1))
[ "$status" = 1 ] && [ -s "$dir/kept" ] || fault "closed stdout: exit $status, the model is kept"
cp "$model" "$dir/old"
(
    ulimit -f 1
    "$twill" train --net "$small" --data strokes:count=64 --epochs 0 --output "$dir/old" --quiet 2>"$dir/err"
)
status=$?
checks=$((checks + 1))
[ "$status" = 1 ] || fault "exit $status where files are limited, expected 1"
cmp -s "$model" "$dir/old" || fault 'the old model is gone'
train_quick --output /dev/full
[ "$status" = 1 ] || fault "exit $status for /dev/full"
grep -q '/dev/full' "$dir/err" || fault '/dev/full is not told'
fails 'No such file' train --net "$small" --output "$dir/none/model"
fails 'is a folder' train --net "$small" --output "$dir"
head -c 300 "$model" >"$dir/cut"
fails "$dir/cut" eval --model "$dir/cut"
fails 'No such file' eval --model "$dir/none"
fails "$dir/none" predict --model "$model" "$dir/none"
fails '--data: ' train --net "$small" --data "mnist:$dir"

# wrong usage, before anything is read
misused '--model FILE is needed' eval
misused 'image files, or --data' predict --model "$model"
misused 'image files, or --data' predict --model "$model" --data strokes "$dir/image.pgm"
misused '--index: of which --data?' predict --model "$model" --index 1 "$dir/image.pgm"
misused '--index: 10000 is out of range: 0 to 9999' predict --model "$model" --data strokes --index 10000
misused '--data: ' train --net "$small" --data stroke
misused '--data: ' train --net "$small" --data strokes:count=0
misused 'did you mean lenet5?' train --net lenet6
misused '--net: ' train --net 'conv 8 3x3; rleu'
misused '--momentum: "1" is out of range: at least 0 and less than 1' train --momentum 1
misused '--rate: "0" is out of range: more than 0' train --rate 0
misused '--rate: "nan" is not a decimal number' train --rate nan
misused '--rate: "1,5" is not a decimal number' train --rate 1,5
misused '--epochs: "-1" is out of range: 0 to 1000000' train --epochs -1
misused '--batch: "0" is out of range' train --batch 0
misused '--optimiser: "rmsprop" is unknown: one of sgd, adam' train --optimiser rmsprop

finish
