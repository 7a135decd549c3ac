#!/bin/sh
# twill explain: streams, exit status, every format and section by its name, and numbers from wherever they come.
# Argument: the command.
set -u
twill=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export LC_ALL=C.UTF-8 NO_COLOR=1
wrong=0

expect() { # exit status, what, command
    status=$1 what=$2
    shift 2
    "$@" >"$work/out" 2>"$work/err" </dev/null
    got=$?
    [ $got -eq "$status" ] && return 0
    echo "$what: exit status $got; expected $status: $(head -1 "$work/err")"
    wrong=1
}
says() { # stream, text
    grep -qF -- "$2" "$work/$1" && return 0
    echo "$what: std$1 does not say: $2"
    wrong=1
}

expect 0 "the default" "$twill" explain
says out 'h11 = w11 x11 + w12 x12 + w21 x21 + w22 x22'
says out 'dL/dw11 = dL/dh11 x11 + dL/dh12 x12 + dL/dh21 x21 + dL/dh22 x22'
expect 0 "numbers" "$twill" explain --image '1 2 3; 4 5 6; 7 8 9' --weights '1 2; 3 4' --upstream '1 0; 0 2'
says out ' 37 =   1·1   +   2·2   +   3·4   +   4·5'
printf '1 2 3\n4 5 6\n7 8 9\n' >"$work/image.txt"
expect 0 "a file of numbers" "$twill" explain --image "$work/image.txt" --weights '1,2;3,4' --show forward
says out '| 67  77 |'
expect 0 "channels apart" "$twill" explain --input 5x5 --kernel 3x3 --channels 3,4 --show matrix
expect 0 "channels in front" "$twill" explain --input 3x5x5 --kernel 4x3x3 --show matrix
expect 0 "a language" "$twill" explain --lang zh-TW
says out '連鎖律'
LC_ALL=zh_TW.UTF-8 expect 0 "a locale" "$twill" explain
says out '連鎖律'

# pictures, samples of a data set, trained networks
printf 'P2 2 3 4\n0 1 2 3 4 0\n' >"$work/small.pgm"
expect 0 "a picture in its own size" "$twill" explain --image "$work/small.pgm" --weights '1 1; 1 1' --show forward
says out 'The image x is 3×2'
says out '2.25'
expect 0 "a picture brought to a size" "$twill" explain --image "$work/small.pgm" --input 6x4 --channels 3,1 --show matrix
expect 0 "a picture in channels" "$twill" explain --image "$work/small.pgm" --input 3x6x4 --kernel 1x2x2 --show matrix
says out 'The image x is 3×6×4'
expect 2 "a picture has two dimensions" "$twill" explain --image "$work/small.pgm" --input 1x2x3x4 --kernel 1x1x1x1
says err 'a picture has 2 sizes'
printf 'P2 2 3 4\n0 1 2' >"$work/cut.pgm"
expect 1 "a picture cut short" "$twill" explain --image "$work/cut.pgm"
says err "$work/cut.pgm"
expect 0 "a sample" "$twill" explain --data strokes --index 3 --kernel 5x5 --show forward
says out 'The image x is 28×28'
expect 0 "a network with a picture" "$twill" explain --net lenet5 --image "$work/small.pgm" --label 3
says out 'The loss is'
expect 0 "the label of a sample" "$twill" explain --net lenet5 --data strokes --index 3
says out 'with the label'
"$twill" train --net 'dense 10' --data strokes:count=64 --epochs 1 --quiet --output "$work/model" >"$work/out" 2>&1
expect 0 "a trained network" "$twill" explain --model "$work/model" --data strokes --index 3
says out 'dense 10'
says out 'The loss is'
expect 2 "a network and a model" "$twill" explain --model "$work/model" --net lenet5
says err 'exclude each other'
expect 2 "an image twice" "$twill" explain --image '1 2; 3 4' --data strokes
says err 'exclude each other'
expect 2 "an index of nothing" "$twill" explain --index 3
says err 'of which --data'
expect 2 "a label of nothing" "$twill" explain --label 3
says err 'of which --net'
expect 2 "a label beyond the classes" "$twill" explain --net lenet5 --data strokes --label 10
says err 'expected 0 to 9'
expect 2 "weights of a network" "$twill" explain --net lenet5 --weights '1 2; 3 4'
says err 'come from --model'
expect 2 "a sample that is not there" "$twill" explain --net lenet5 --data strokes --index 99999999
says err 'out of range'
expect 2 "samples of another size" "$twill" explain --net resnet20 --data strokes
says err 'its images are 1x28x28'
expect 1 "a model that is none" "$twill" explain --model "$work/small.pgm"

for format in text markdown latex html json svg; do
    expect 0 "format $format" "$twill" explain --format $format --output "$work/page"
    [ -s "$work/page" ] || { echo "format $format: nothing was written"; wrong=1; }
done
for section in forward chain input matrix connections pooling onebyone all; do
    expect 0 "section $section" "$twill" explain --show $section
done
expect 0 "a pool's stride is its window's size" "$twill" explain --input 4x4 --kernel 2x2 --show pooling
says out 'A window of 2×2 moves with stride 2×2'
expect 0 "a pool with stride 1" "$twill" explain --input 4x4 --kernel 2x2 --stride 1 --show pooling
says out 'A window of 2×2 moves with stride 1×1'
expect 0 "a matrix that is wider than the page" "$twill" explain --input 5x5 --kernel 2x2 --dilation 2 --show matrix --width 60
[ "$(grep -c '^= |' "$work/out")" = 1 ] || { echo "a product has one equals sign: found $(grep -c '^= |' "$work/out")"; wrong=1; }
expect 0 "a weight at the border" "$twill" explain --input 4x4 --kernel 3x3 --pad 1 --stride 2 --show connections
says out 'w22 has 4'
expect 0 "a network" "$twill" explain --net lenet5
says out 'conv'

expect 2 "an impossible shape" "$twill" explain --input 3x3 --kernel 5x5
says out 'the kernel spans 5 pixels'
says err 'kernel'
expect 2 "sizes of three and of two dimensions" "$twill" explain --input 3x3x3 --kernel 1x2x2x2
says err 'the first of three is the channels'
expect 2 "NaN" "$twill" explain --image '1 nan 3; 4 5 6; 7 8 9'
says err 'finite'
expect 2 "rows that differ" "$twill" explain --image '1 2; 3'
says err 'row 2'
expect 2 "too few numbers" "$twill" explain --input 3x3 --kernel 2x2 --image '1 2; 3 4'
says err 'needs 9'
expect 2 "a weight that is not there" "$twill" explain --highlight w99
says err 'w11 to w22'
expect 2 "a file that is not there" "$twill" explain --image "$work/none"
head -c 10000000 /dev/zero | tr '\0' 'x' >"$work/long"
expect 2 "ten megabytes of letters" "$twill" explain --image "$work/long"
expect 1 "a disk that is full" "$twill" explain --output /dev/full
exit $wrong
