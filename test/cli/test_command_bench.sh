#!/bin/sh
# twill bench conv reads its list strictly and times every layer; bench net and bench ops time and print.
. "$(dirname "$0")/expect.sh"

line() { printf '%s\t' "$@" | sed 's/\t$/\n/'; }
list=$dir/layers.tsv
{
    echo '# name batch ...'
    echo
    line small 2 3 8 8 4 3 3 1 1 1 1 1 1 1
    line deep 1 4 5 5 4 3 3 2 2 1 1 1 1 4
} >"$list"

prints 'geometric mean' bench conv --layers "$list" --seconds 0.01 --repeat 1 --threads 1,2
[ "$(grep -c '^  small' "$dir/out")" = 6 ] || fault 'three passes on two numbers of threads'
grep -q 'backward-weights, 2 threads, FMA peak' "$dir/out" || fault 'a heading for each section'
prints '"layer":"deep","pass":"forward","threads":1,"algorithm":"' bench conv --layers "$list" --seconds 0.01 \
    --repeat 1 --threads 1 --pass forward --only 'd*' --json
[ "$(wc -l <"$dir/out")" = 1 ] || fault 'one line for one layer and pass'
for field in reason min_ms median_ms gflops peak_gflops workspace_bytes peers; do
    grep -q "\"$field\":" "$dir/out" || fault "no field $field"
done
prints '"threads_at_work":1' bench conv --layers "$list" --seconds 0.01 --repeat 1 --threads 2 --only small --json
prints 'workspace' bench conv --layers "$list" --seconds 0.01 --repeat 1 --threads 1 --pass forward --explain \
    --layout nchw --accuracy strict --type f64

fails 'No such file' bench conv --layers "$dir/none"
fails "no layer's name matches \"x*\"" bench conv --layers "$list" --only 'x*'
fails 'holds no layer' bench conv --layers /dev/null
fails 'Is a directory' bench conv --layers "$dir"
misused '--algorithm: "nonsense" is unknown' bench conv --layers "$list" --algorithm nonsense
misused '--isa: "avx3" is unknown: did you mean avx2?' bench conv --layers "$list" --isa avx3

# wrong TEXT FIELDS...: a list of a comment and this line is refused at line 2
wrong() {
    text=$1
    shift
    { echo '#' && line "$@"; } >"$dir/wrong"
    fails "$dir/wrong: line 2: $text" bench conv --layers "$dir/wrong"
}
wrong 'groups is missing: expected 15 fields' a 1 3 8 8 4 3 3 1 1 1 1 1 1
wrong 'after groups: "9" is too much' a 1 3 8 8 4 3 3 1 1 1 1 1 1 1 9
wrong 'height: "8.5" is not a whole number' a 1 3 8.5 8 4 3 3 1 1 1 1 1 1 1
wrong 'width: "" is empty' a 1 3 8 '' 4 3 3 1 1 1 1 1 1 1
wrong 'pad_w: "99999999999999999999" is too large' a 1 3 8 8 4 3 3 1 1 1 99999999999999999999 1 1 1
wrong 'name: "" is not a name' '' 1 3 8 8 4 3 3 1 1 1 1 1 1 1
wrong 'batch: "0" leaves nothing' a 0 3 8 8 4 3 3 1 1 1 1 1 1 1
wrong 'stride' a 1 3 8 8 4 3 3 0 1 1 1 1 1 1
wrong 'is too long' "$(head -c 5000 /dev/zero | tr '\0' a)" 1
printf 'a\0b\n' >"$dir/wrong"
fails 'line 1: holds a zero byte' bench conv --layers "$dir/wrong"
printf '<!DOCTYPE html>\n' >"$dir/wrong"
fails 'line 1: batch is missing' bench conv --layers "$dir/wrong"

# what is printed besides
prints 'layer	pass	threads	algorithm	layout	min_ms' bench conv --layers "$list" --seconds 0.01 --repeat 1 --threads 1 \
    --format tsv --explain
[ "$(grep -vc '^#' "$dir/out")" = 7 ] || fault 'a heading and a line for each layer and pass'
[ "$(grep -v '^#' "$dir/out" | awk -F '\t' '{ print NF }' | sort -u)" = 15 ] || fault 'the same number of fields'
prints '"not_chosen":{"' bench conv --layers "$list" --seconds 0.01 --repeat 1 --threads 1 --format json --explain
awk '{ while (match($0, /"plan_us":[0-9.e+-]+/)) { print substr($0, RSTART + 10, RLENGTH - 10); $0 = substr($0, RSTART + RLENGTH) } }' \
    "$dir/out" | grep -q . || fault 'no planning time'
prints '</svg>' bench conv --layers "$list" --seconds 0.01 --repeat 1 --threads 1,2 --format svg
[ "$(grep -c 'font-weight="600">[a-z-]*, [12] thread' "$dir/out")" = 6 ] || fault 'a panel for each section'
prints '"layer":"small"' bench conv --layers "$list" --seconds 0.01 --repeat 1 --threads 1 --json --chart "$dir/chart.svg"
grep -q '</svg>' "$dir/chart.svg" || fault 'a chart beside the lines'
fails '--chart: "/nowhere/chart.svg": No such file' bench conv --layers "$list" --chart /nowhere/chart.svg
for values in zero denormal inf nan; do
    prints slowdown bench conv --layers "$list" --seconds 0.01 --repeat 1 --threads 1 --values $values
done
misused 'random values only' bench conv --layers "$list" --values nan --peer onednn
misused 'exclude each other' bench conv --layers "$list" --json --format tsv

# what others reached elsewhere
recorded=$dir/recorded.tsv
line layer pass threads one two >"$recorded"
line small forward 1 0.5 - >>"$recorded"
line small forward 1 - 2.25 >>"$recorded"
prints '       two   225 %' bench conv --layers "$list" --seconds 0.01 --repeat 1 --threads 1 --reference "$recorded"
prints '"recorded_best":"two"' bench conv --layers "$list" --seconds 0.01 --repeat 1 --threads 1 --pass forward --json \
    --reference "$recorded"
# refused TEXT FIELDS...: a heading and this line are refused at line 2
refused() {
    text=$1
    shift
    { line layer pass threads one && line "$@"; } >"$recorded"
    fails "$recorded: line 2: $text" bench conv --layers "$list" --reference "$recorded"
}
refused 'one: "fast" is not a decimal number' small forward 1 fast
refused 'one: "0" is not a share' small forward 1 0
refused 'one: "" is missing' small forward 1
refused 'after the last name: "3" is too much' small forward 1 2 3
refused 'threads: "0" is out of range' small forward 0 1
refused 'pass: "backward" is none of' small backward 1 1
refused 'layer: "" is not a name' '' forward 1 1
echo nonsense >"$recorded"
fails 'line 1: heading: "nonsense" where "layer"' bench conv --layers "$list" --reference "$recorded"
fails 'No such file' bench conv --layers "$list" --reference "$dir/none"

# peers that are not there, or that misbehave
mkdir "$dir/peers"
misused '--peer: "cudnn" is unknown' bench conv --layers "$list" --peer cudnn
TWILL_PEERS=$dir/peers
export TWILL_PEERS
# alone TEXT: Twill runs without the peer that was asked for, and TEXT on stderr says who is left out and why
alone() {
    run bench conv --layers "$list" --peer onednn --seconds 0.01 --repeat 1 --threads 1 --format tsv
    [ "$status" = 0 ] && grep -q '^deep' "$dir/out" || fault 'Twill alone'
    grep -qF -e "--peer onednn is left out: $1" "$dir/err" || fault "no \"$1\""
    grep -q times_ "$dir/out" && fault 'a column for nobody'
}
alone 'twill-peer-onednn is not there'
peer() {
    cat >"$dir/peers/twill-peer-onednn"
    chmod +x "$dir/peers/twill-peer-onednn"
    prints "$1" bench conv --layers "$list" --peer onednn --pass forward --seconds 0.01 --repeat 1 --threads 1 --explain
}
peer 'onednn: "it is Monday"' <<'END'
#!/bin/sh
while read -r word rest; do
    case $word in peer) echo peer day 1 ;; *) echo declines it is Monday ;; esac
done
END
peer 'onednn: "the peer'\''s process has ended' <<'END'
#!/bin/sh
read -r word && echo peer mayfly 1
END
printf '#!/bin/sh\nexit 3\n' >"$dir/peers/twill-peer-onednn"
alone "\"the peer's process has ended"
printf '#!/bin/sh\nread -r word && echo declines no arms, no cookies\n' >"$dir/peers/twill-peer-onednn"
alone '"no arms, no cookies"'
peer ' 7.000 ' <<'END'
#!/bin/sh
while read -r word rest; do
    case $word in peer) echo peer five 5.0 ;; convolution) echo ready nhwc ;; time) echo times 7 5 9 ;; esac
done
END

# networks
export TWILL_PYTHON=sh
cat >"$dir/peers/torch_peer.py" <<'END'
while read -r word rest; do
    case $word in
    peer) echo peer shell 1 ;;
    network) echo "$rest" >"$0.heard" && echo ready flat ;;
    time) echo times 5 6 ;;
    esac
done
END
net="bench net --input 3x8x8 --batch 2 --threads 1 --seconds 0.01 --mode inference"
prints '     5.000 ' $net --net 'conv 4 3x3; relu; dense 10' --peer torch
grep -q 'flat$' "$dir/out" || fault "the peer's form"
[ "$(cat "$dir/peers/torch_peer.py.heard")" = 'inference 1 2 3x8x8; conv 4 3x3 < 0; relu < 1; dense 10 < 2' ] ||
    fault 'what the peer is told of a network'
prints '"peers":{"torch":5.5' $net --net 'dense 10' --peer torch --json
prints 'times_torch' $net --net 'dense 10' --peer torch --format tsv
prints 'images/s' $net --net 'dense 10'
prints 'conv 4 3x3' $net --net 'conv 4 3x3; relu; dense 10' --explain
prints '"operators":[{"node":1,"text":"conv 4 3x3","forward_ms":0.' $net --net 'conv 4 3x3; dense 10' --explain --json
prints '"backward_ms":0.' $net --net 'conv 4 3x3; dense 10' --explain --json --mode train
misused '--explain has no tsv' $net --net 'dense 10' --explain --format tsv
misused 'exclude each other' $net --net 'dense 10' --json --format tsv
misused '--peer: "onednn" is unknown' $net --net 'dense 10' --peer onednn
rm "$dir/peers/torch_peer.py"
run $net --net 'dense 10' --peer torch
[ "$status" = 0 ] && grep -q 'does not run' "$dir/out" || fault 'Twill alone'
grep -q -- '--peer torch is left out: torch_peer.py is not there' "$dir/err" || fault 'who is left out'

# operators that only move numbers
ops="bench ops --input 4x8x8 --batch 2 --threads 1 --seconds 0.01"
prints 'maxpool 3 stride 2 pad 1' $ops
prints '"copy_gigabytes_per_second":' $ops --only tanh --json
[ "$(wc -l <"$dir/out")" = 2 ] || fault 'forward and backward'
prints 'relu	backward	2	' bench ops --input 4x8x8 --batch 2 --threads 1,2 --seconds 0.01 --only relu --format tsv
fails 'no operator begins with "conv"' $ops --only conv
misused '--input: 2 sizes' bench ops --input 4x8

finish
