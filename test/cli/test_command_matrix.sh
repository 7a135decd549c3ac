#!/bin/sh
# twill matrix prints the matrices that one writes by hand.
. "$(dirname "$0")/expect.sh"

prints '' matrix --input 1x3x3 --kernel 1x2x2
same 'the worked example' <<'END'
    x11 x12 x13 x21 x22 x23 x31 x32 x33
y11 w11 w12   . w21 w22   .   .   .   .
y12   . w11 w12   . w21 w22   .   .   .
y21   .   .   . w11 w12   . w21 w22   .
y22   .   .   .   . w11 w12   . w21 w22

rows              4  numbers of the output, 1x2x2
columns           9  numbers of the input, 1x3x3
nonzeros         16  44.4 % of the places
parameters        4  each stands 4 times on average
full connection  36  parameters, were nothing local and nothing shared
END
prints '' matrix --input 1x3x3 --kernel 1x2x2 --json
same 'its counts' <<'END'
{"rows":4,"columns":9,"nonzeros":16,"parameters":4,"full_connection":36}
END

prints '' matrix --input=1x4 --kernel=1x2 --values 1,-0.5 --stride 2
head -3 "$dir/out" >"$dir/top" && mv "$dir/top" "$dir/out"
same 'numbers, one dimension, stride 2' <<'END'
     x1   x2   x3   x4
y1    1 -0.5    .    .
y2    .    .    1 -0.5
END
prints '' matrix --input 1x3 --kernel 1x2 --pad 1:0 --pad-mode zeros --flip
head -4 "$dir/out" >"$dir/top" && mv "$dir/top" "$dir/out"
same 'a begin of padding, flipped' <<'END'
   x1 x2 x3
y1 w1  .  .
y2 w2 w1  .
y3  . w2 w1
END
prints '' matrix --input 1x2 --kernel 1x3 --pad 1 --pad-mode replicate
head -3 "$dir/out" >"$dir/top" && mv "$dir/top" "$dir/out"
same 'two parameters at one place' <<'END'
      x1    x2
y1 w1+w2    w3
y2    w1 w2+w3
END
prints '' matrix --input 1x2 --kernel 1x2 --transposed --stride 2 --output-padding 1
head -6 "$dir/out" >"$dir/top" && mv "$dir/top" "$dir/out"
same 'transposed' <<'END'
   x1 x2
y1 w1  .
y2 w2  .
y3  . w1
y4  . w2
y5  .  .
END
prints '' matrix --input 2x2 --kernel 2x1 --groups 2 --layout nhwc
head -5 "$dir/out" >"$dir/top" && mv "$dir/top" "$dir/out"
same 'groups, channels last' <<'END'
       x[1,1] x[2,1] x[1,2] x[2,2]
y[1,1]   w[1]      .      .      .
y[2,1]      .   w[2]      .      .
y[1,2]      .      .   w[1]      .
y[2,2]      .      .      .   w[2]
END

# norms. A ring is diagonal in Fourier's basis: |1 + 2 exp(i t)| is at most 3. The other singular values are those
# that LAPACK finds (numpy.linalg.svd of the 4x9 matrix).
prints '"norms":{"one":3,"infinity":3,' matrix --input 1x4 --kernel 1x2 --pad 0:1 --pad-mode circular --values 1,2 --norms --json
near() { # field, value
    awk -v found="$(sed "s/.*\"$1\":\([-0-9.e+]*\).*/\1/" "$dir/out")" -v wanted="$2" \
        'BEGIN { exit !(found != "" && (found - wanted) ^ 2 <= (1e-9 * wanted) ^ 2) }' ||
        fault "$1 is not $2"
}
near spectral 3
near frobenius 4.47213595499957939
prints '"converged":true' matrix --input 1x3x3 --kernel 1x2x2 --values 1,2,3,4 --norms --json
near one 10.0
near infinity 10.0
near frobenius 10.954451150103322
near spectral 7.747257063399505
prints 'spectral norm' matrix --input 1x3x3 --kernel 1x2x2 --values 1,2,3,4 --norms
misused '--norms: of which --values?' matrix --input 1x3x3 --kernel 1x2x2 --norms

# large ones are abridged at once, and huge ones counted
prints 'Where its nonzeros stand' matrix --input 3x32x32 --kernel 16x3x3 --pad 1
prints '1,816,805,376' matrix --input 64x224x224 --kernel 64x3x3
prints '"nonzeros":1816805376' matrix --input 64x224x224 --kernel 64x3x3 --json

# Matrix Market
prints 'nonzeros' matrix --input 1x3x3 --kernel 1x2x2 --output "$dir/w.mtx"
cp "$dir/w.mtx" "$dir/out"
grep -v '^%' "$dir/out" | head -2 >"$dir/top" && mv "$dir/top" "$dir/out"
same 'Matrix Market' <<'END'
4 9 16
1 1 1
END
prints '%%MatrixMarket matrix coordinate' matrix --input 1x3x3 --kernel 1x2x2 --values 1,2,3,4 --output /dev/stdout
fails 'No such file' matrix --input 1x3x3 --kernel 1x2x2 --output "$dir/none/w.mtx"
fails '/dev/full' matrix --input 1x3x3 --kernel 1x2x2 --output /dev/full
fails 'more than this machine has' matrix --input 512x4096x4096 --kernel 512x3x3 --output "$dir/huge.mtx"

# wrong
misused '--input is needed' matrix
misused '--kernel is needed' matrix --input 1x3x3
misused '--input: 1 sizes' matrix --input 3 --kernel 1
misused '--input: 5 sizes' matrix --input 1x2x3x4x5 --kernel 1x1x1x1x1
misused '--kernel: 2 sizes: expected 3' matrix --input 1x3x3 --kernel 1x2
misused 'is not of the form CxHxW' matrix --input 1x3x --kernel 1x2x2
misused 'is not of the form CxHxW' matrix --input 1X3X3 --kernel 1x2x2
misused 'is not of the form CxHxW' matrix --input 1,3,3 --kernel 1x2x2
misused 'stride' matrix --input 1x3x3 --kernel 1x2x2 --stride 0
misused '--stride: 3 entries for 2 dimensions' matrix --input 1x3x3 --kernel 1x2x2 --stride 1,1,1
misused 'groups' matrix --input 3x3x3 --kernel 4x2x2 --groups 2
misused 'kernel' matrix --input 1x3x3 --kernel 1x4x4
misused 'twill matrix: ' matrix --input 9223372036854775807x9223372036854775807x2 --kernel 1x1x1
misused '--pad-mode: "mirror" is unknown' matrix --input 1x3x3 --kernel 1x2x2 --pad-mode mirror
misused '--values: 3 numbers for 4 parameters' matrix --input 1x3x3 --kernel 1x2x2 --values 1,2,3
misused '--values: number 2 is not a decimal number' matrix --input 1x3x3 --kernel 1x2x2 --values 1,nan,3,4
misused '--symbols and --values exclude each other' matrix --input 1x3 --kernel 1x1 --symbols --values 1

finish
