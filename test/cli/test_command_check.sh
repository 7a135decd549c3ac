#!/bin/sh
# twill check, info and bench net: what they print, and what they refuse.
. "$(dirname "$0")/expect.sh"

prints 'checked, 0 failed' check conv --count 3 --seed 5
grep -q '^reference f64 backward-weights ' "$dir/out" || fault 'a row for each algorithm, type and pass'
prints '"failed":0,"largest_error":' check conv --count 2 --json
prints 'checked, 0 failed' check '2d nchw n2 c3 k4 g1 i8x8 f3x3 s1x1 d1x1 p1,1x1,1 zeros'
misused 'twill check: geometry' check 'nonsense'
misused 'twill check: ' check '2d nchw n2 c3 k4 g2 i8x8 f3x3 s1x1 d1x1 p1,1x1,1 zeros'
misused 'too few arguments' check
misused '--count: "0" is out of range: 1' check conv --count 0
misused '--threads: "257" is out of range' check conv --threads 257

prints 'dense.weight' check net --net 'conv 2 3x3; tanh; dense 3' --input 1x5x5
prints '"checked":' check net --net 'dense 3' --input 1x4 --json
misused '--net NAME|TEXT is needed' check net
misused 'did you mean lenet5?' check net --net lenet
misused '--input CxHxW is needed' check net --net 'dense 3; relu'
misused 'column 10' check net --net 'dense 3; rleu' --input 1x4
misused '--net: ' check net --net 'conv 4 9x9' --input 1x4x4
misused '--input: "0x4" is out of range' check net --net 'dense 3' --input 0x4

prints 'lenet5' info
prints 'conv 2 3x3' info --net 'conv 2 3x3; relu; dense 3' --input 1x5x5
head -7 "$dir/out" >"$dir/top" && mv "$dir/top" "$dir/out"
same 'layers' <<'END'
   layer       from  output  parameters  flops
0  input              1x5x5           0      0
1  conv 2 3x3         2x3x3          20    342
2  relu               2x3x3           0     18
3  dense 3                3          57    111

77 parameters trained, 471 operations an image
END
prints '"layers":[{"text":"input"' info --net zhang2016 --json
misused 'of which --net' info --input 1x4

prints 'inference' bench net --net 'dense 3' --input 1x4 --seconds 0.01 --threads 1
prints '"peak_bytes":' bench net --net 'conv 2 3x3; dense 3' --input 1x5x5 --seconds 0.01 --mode train --batch 2 --json

finish
