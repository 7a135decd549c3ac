# The page docs/benchmarks.md from the tables that scripts/bench keeps: awk -f page.awk -v date=... -v seconds=...
# TABLE.tsv ... A number stands here only if a table holds it. "-" is what was not measured.

BEGIN { FS = "\t" }

FNR == 1 { table = FILENAME; sub(/.*\//, "", table); sub(/\.tsv$/, "", table); have[table] = 1 }

table == "train" {
    if (match($0, /"images_per_second":[0-9.e+]+/)) trained = substr($0, RSTART + 20, RLENGTH - 20) + 0
    if (match($0, /"data":"[A-Za-z]+"/)) train_data = substr($0, RSTART + 8, RLENGTH - 9)
    next
}

/^# (onednn|torch): / { name = $0; sub(/^# /, "", name); sub(/: .*/, "", name)
    version[name] = $0; sub(/^# [a-z]*: /, "", version[name]); gsub(/"/, "", version[name]); next }
/^# .*; Twill / { machine = substr($0, 3); next }
/^#/ { next }

$1 == "layer" || $1 == "net" || $1 == "operator" { delete column; for (i = 1; i <= NF; i++) column[i] = $i; next }

# A row: its key is layer, pass, threads (a network's: name, mode, batch, threads), after the table.
{
    key = table SUBSEP $1 SUBSEP $2 SUBSEP $3
    if (table == "net") key = key SUBSEP $4
    if (table == "values") key = key SUBSEP $NF
    row[table, ++rows[table]] = key
    if (!((table, $1) in listed)) { listed[table, $1] = 1; layer[table, ++layers[table]] = $1 }
    for (i = 1; i <= NF; i++) cell[key, column[i]] = $i
}

function get(table, layer, pass, threads, name, key) {
    key = table SUBSEP layer SUBSEP pass SUBSEP threads
    return (key, name) in cell ? cell[key, name] : "-"
}
function known(value) { return value != "-" && value != "" }
function show(value, format) { return known(value) ? sprintf(format, value) : "-" }
function percent(value) { return known(value) ? sprintf("%.0f %%", 100 * value) : "-" }

# Geometric mean of a column over a table's rows of a pass and number of threads; "-" without such rows.
function mean(table, pass, threads, name, i, value, sum, n) {
    for (i = 1; i <= layers[table]; i++) {
        value = get(table, layer[table, i], pass, threads, name)
        if (known(value) && value > 0) { sum += log(value); n++ }
    }
    return n ? exp(sum / n) : "-"
}

# Rows of a pass and number of threads with a value, and those of them below `least`.
function count(table, pass, threads, name, least, i, value) {
    counted = below = 0
    for (i = 1; i <= layers[table]; i++) {
        value = get(table, layer[table, i], pass, threads, name)
        if (!known(value)) continue
        counted++
        below += value < least
    }
}

function target(what, wanted, found, met) {
    printf "| %s | %s | %s | %s |\n", what, wanted, found, found == "-" ? "not measured" : met ? "yes" : "**no**"
}
function target_mean(what, least, table, pass, name, threads, found) {
    for (threads = 1; threads <= 2; threads++) {
        found = mean(table, pass, threads, name)
        target(what ", " words[threads], "at least " least, show(found, "%.2f"), found >= least)
    }
}
function target_rows(what, least, table, pass, name, threads) {
    for (threads = 1; threads <= 2; threads++) {
        count(table, pass, threads, name, least)
        target(what ", " words[threads], "all at least " least,
               counted ? (counted - below) " of " counted " rows" : "-", below == 0)
    }
}

# The share of the peak of the direct sum on the rows that arithmetic bounds.
function target_direct(pass, least, i, value, lowest, whose) {
    lowest = "-"
    for (i = 1; i <= layers["direct"]; i++) {
        if (layer["direct", i] !~ /^(resnet50|vgg)/) continue
        value = get("direct", layer["direct", i], pass, 1, "share")
        if (known(value) && (lowest == "-" || value < lowest)) { lowest = value; whose = layer["direct", i] }
    }
    target("`direct`, " pass ", share of the peak on every row of resnet50 and vgg, 1 thread", "at least " percent(least),
           known(lowest) ? "lowest " percent(lowest) " (" whose ")" : "-", lowest >= least)
}

# How much two threads bring where arithmetic is what takes the time: at least half of the peak.
function target_threads(pass, i, name, one, two, n, slow, least, whose) {
    least = 9
    for (i = 1; i <= layers["conv"]; i++) {
        name = layer["conv", i]
        one = get("conv", name, pass, 1, "min_ms"); two = get("conv", name, pass, 2, "min_ms")
        if (!known(one) || !known(two) || get("conv", name, pass, 1, "share") < 0.5) continue
        n++
        if (one / two < 1.85) slow++
        if (one / two < least) { least = one / two; whose = name }
    }
    target("2 threads over one, " pass ", rows of at least half the peak", "all at least 1.85",
           n ? sprintf("%d of %d rows, lowest %.2f (%s)", n - slow, n, least, whose) : "-", slow == 0)
}

function largest(table, name, i, value, most) {
    most = "-"
    for (i = 1; i <= rows[table]; i++) {
        value = cell[row[table, i], name]
        if (known(value) && (most == "-" || value + 0 > most + 0)) { most = value; most_row = row[table, i] }
    }
    return most
}

function target_net(name, batch, least, threads, key, found) {
    for (threads = 1; threads <= 2; threads++) {
        key = "net" SUBSEP name SUBSEP "train" SUBSEP batch SUBSEP threads
        found = (key, "times_torch") in cell ? cell[key, "times_torch"] : "-"
        target(name ", step of training, batch " batch ", over PyTorch, " words[threads], "at least " least,
               show(found, "%.2f"), found >= least)
    }
}

function targets(p, key, rate, most, part) {
    print "## Targets\n"
    print "| what | wanted | found | met |\n| --- | --- | --- | --- |"
    target_mean("forward, geometric mean over oneDNN", 1.5, "conv", "forward", "times_onednn")
    target_mean("forward, geometric mean over the best recorded", 1.1, "conv", "forward", "times_recorded")
    target_mean("backward data, geometric mean over the best recorded", 1.6, "conv", "backward-data", "times_recorded")
    target_mean("backward weights, geometric mean over the best recorded", 1.15, "conv", "backward-weights", "times_recorded")
    for (p = 1; p <= 3; p++) target_rows(passes[p] ", each row over the best recorded", 0.97, "conv", passes[p], "times_recorded")
    for (p = 1; p <= 3; p++) target_rows(passes[p] ", each row over the best peer of this run", 0.97, "conv", passes[p], best)
    for (p = 1; p <= 3; p++) target_rows("`strict`, " passes[p] ", each row over oneDNN", 0.95, "strict", passes[p], "times_onednn")
    target_direct("forward", 0.85)
    target_direct("backward-weights", 0.75)
    for (p = 1; p <= 3; p++) target_threads(passes[p])
    most = largest("conv", "plan_us")
    split(most_row, part, SUBSEP)
    target("planning all three passes of a layer", "below 100 us", known(most) ? sprintf("at most %.0f us (%s)", most, part[2]) : "-", most < 100)
    most = largest("values", "slowdown")
    split(most_row, part, SUBSEP)
    target("zeros, denormal, infinite and NaN inputs, times as long as random ones", "at most 2",
           known(most) ? sprintf("at most %.2f (%s, %s, %s)", most, part[2], part[3], part[5]) : "-", most <= 2)
    key = "net" SUBSEP "lenet5" SUBSEP "train" SUBSEP 64 SUBSEP 2
    rate = (key, "images_per_second") in cell ? cell[key, "images_per_second"] : "-"
    target("lenet5, 60,000 images, batch 64, 2 threads: forward, loss and backward", "at most 1.5 s",
           known(rate) ? sprintf("%.2f s", 60000 / rate) : "-", known(rate) && 60000 / rate <= 1.5)
    if (trained) target("the same by `twill train`, with data (" train_data ") and optimiser", "at most 1.5 s", sprintf("%.2f s", 60000 / trained), 60000 / trained <= 1.5)
    target_net("lenet5", 64, 3)
    target_net("resnet20", 128, 2)
    target_net("vgg-small", 128, 2)
    print ""
}

function pass_table(p, i, name, t, line, whose) {
    print "### " title[p] "\n"
    print "![" title[p] ": share of the multiply-add peak, layer by layer](figures/bench-" passes[p] ".svg)\n"
    print "| layer | algorithm | ms | peak | oneDNN | PyTorch | recorded | 2 threads: ms | peak | oneDNN | PyTorch | recorded |"
    print "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    for (i = 1; i <= layers["conv"]; i++) {
        name = layer["conv", i]
        if (!known(get("conv", name, passes[p], 1, "min_ms"))) continue
        line = "| " name " | " get("conv", name, passes[p], 1, "algorithm")
        for (t = 1; t <= 2; t++) {
            line = line " | " show(get("conv", name, passes[p], t, "median_ms"), "%.3f") " | " percent(get("conv", name, passes[p], t, "share"))
            line = line " | " show(get("conv", name, passes[p], t, "times_onednn"), "%.2f") " | " show(get("conv", name, passes[p], t, "times_torch"), "%.2f")
            whose = get("conv", name, passes[p], t, "recorded_best")
            line = line " | " show(get("conv", name, passes[p], t, "times_recorded"), "%.2f") (known(whose) ? " " whose : "")
        }
        print line " |"
    }
    line = "| geometric mean |"
    for (t = 1; t <= 2; t++)
        line = line " | | " percent(mean("conv", passes[p], t, "share")) " | " show(mean("conv", passes[p], t, "times_onednn"), "%.2f") \
            " | " show(mean("conv", passes[p], t, "times_torch"), "%.2f") " | " show(mean("conv", passes[p], t, "times_recorded"), "%.2f")
    print line " |\n"
}

# Why a row is behind, as far as numbers can say it.
function why(name, pass, t, share, theirs, rate, copied, live) {
    share = get("conv", name, pass, t, "share"); theirs = get("conv", name, pass, t, "recorded_share")
    rate = get("conv", name, pass, t, "gigabytes_per_second"); live = get("conv", name, pass, t, best)
    line = "by `" get("conv", name, pass, t, "algorithm") "` at " percent(share) " of the peak"
    if (known(theirs)) line = line "; " get("conv", name, pass, t, "recorded_best") " was recorded at " percent(theirs)
    if (known(live) && live >= 0.97) line = line "; the peers of this run are not faster (" sprintf("%.2f", live) "), so that the recorded share is out of their reach here too"
    copied = get("conv", name, pass, t, "copy_gigabytes_per_second")
    if (known(copied) && rate > 0.4 * copied) line = line sprintf("; it moves %.1f GB/s where copying as many bytes moves %.1f", rate, copied)
    return line
}

function behind(p, i, t, name, one, other, any) {
    print "### Rows below 0.97, and why\n"
    for (p = 1; p <= 3; p++)
        for (i = 1; i <= layers["conv"]; i++)
            for (t = 1; t <= 2; t++) {
                name = layer["conv", i]
                one = get("conv", name, passes[p], t, "times_recorded"); other = get("conv", name, passes[p], t, best)
                if (!(known(one) && one < 0.97) && !(known(other) && other < 0.97)) continue
                any = 1
                printf "- %s, %s, %s: %s of the best recorded, %s of the best peer of this run; %s.\n", name, passes[p], words[t],
                       show(one, "%.2f"), show(other, "%.2f"), why(name, passes[p], t)
            }
    print any ? "" : "None.\n"
}

# A figure as it is shown; of row 0 the mean.
function figure(table, i, p, t, key, value) {
    value = i ? get(table, layer[table, i], passes[p], t, key) : mean(table, passes[p], t, key)
    return key == "share" ? percent(value) : show(value, key == "times_onednn" ? "%.2f" : "%.1f")
}

# Each row of a table beside oneDNN on one and two threads, behind a figure of each pass.
function row_by_row(table, key, head, p, i, line) {
    print "| layer | forward: " head " | 1 thread | 2 threads | backward data: " head " | 1 thread | 2 threads | backward weights: " head " | 1 thread | 2 threads |"
    print "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    for (i = 0; i <= layers[table]; i++) {
        line = "| " (i ? layer[table, i] : "geometric mean")
        for (p = 1; p <= 3; p++)
            line = line " | " figure(table, i, p, 1, key) " | " figure(table, i, p, 1, "times_onednn") " | " figure(table, i, p, 2, "times_onednn")
        print line " |"
    }
    print ""
}

function strict_table() {
    print "## Strict: the direct sum only\n"
    print "Times as fast as oneDNN's direct convolutions, each row; shares of the peak on one thread.\n"
    row_by_row("strict", "share", "peak")
}

# Each pass of a table beside oneDNN on one thread: its mean, and the rows that are behind.
function beside_onednn(table, p, i, name, value, list) {
    print "| pass | geometric mean over oneDNN | rows at 0.97 or above | those below |\n| --- | ---: | ---: | --- |"
    for (p = 1; p <= 3; p++) {
        list = ""
        for (i = 1; i <= layers[table]; i++) {
            name = layer[table, i]; value = get(table, name, passes[p], 1, "times_onednn")
            if (known(value) && value < 0.97) list = list (list ? ", " : "") name " " sprintf("%.2f", value)
        }
        count(table, passes[p], 1, "times_onednn", 0.97)
        printf "| %s | %s | %s | %s |\n", passes[p], show(mean(table, passes[p], 1, "times_onednn"), "%.2f"),
               counted ? (counted - below) " of " counted : "-", list ? list : "none"
    }
    print ""
}

function more_table() {
    print "## Other networks' layers\n"
    print "The layers above are a sample; [`bench/more.tsv`](../bench/more.tsv) has " layers["more"] " others of the same and of other kinds. One thread, beside oneDNN.\n"
    beside_onednn("more")
}

function far_table() {
    print "## Batches that no cache holds\n"
    print "What memory bounds ([`bench/far.tsv`](../bench/far.tsv)): the bytes of x, w and y, each once, in GB/s on one thread, and times as fast as oneDNN.\n"
    row_by_row("far", "gigabytes_per_second", "GB/s")
}

function avx2_table() {
    print "## Without AVX-512\n"
    print "The layers above with AVX2 kernels, beside oneDNN held to AVX2 (`ONEDNN_MAX_CPU_ISA`), one thread; the bits are those of AVX-512.\n"
    beside_onednn("avx2")
}

function dense_table(i, name) {
    print "## Bound by reading weights\n"
    print "Dense layers for one image read every weight once: the bandwidth that is reached, in GB/s.\n"
    print "| layer | 1 thread: GB/s | over oneDNN | 2 threads: GB/s | over oneDNN |\n| --- | ---: | ---: | ---: | ---: |"
    for (i = 1; i <= layers["dense"]; i++) {
        name = layer["dense", i]
        printf "| %s | %s | %s | %s | %s |\n", name, show(get("dense", name, "forward", 1, "gigabytes_per_second"), "%.1f"),
               show(get("dense", name, "forward", 1, "times_onednn"), "%.2f"), show(get("dense", name, "forward", 2, "gigabytes_per_second"), "%.1f"),
               show(get("dense", name, "forward", 2, "times_onednn"), "%.2f")
    }
    print ""
}

function net_table(i, key) {
    print "## Networks\n"
    print "A step of training is forward, loss and backward, on random images; memory is all that Twill needs for it.\n"
    print "| network | | batch | threads | ms | images/s | memory, MB | over PyTorch |\n| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    for (i = 1; i <= rows["net"]; i++) {
        key = row["net", i]
        printf "| %s | %s | %s | %s | %.3f | %.0f | %.1f | %s |\n", cell[key, "net"], cell[key, "mode"], cell[key, "batch"], cell[key, "threads"],
               cell[key, "median_ms"], cell[key, "images_per_second"], cell[key, "peak_bytes"] / 1e6,
               (key, "times_torch") in cell ? show(cell[key, "times_torch"], "%.2f") : "-"
    }
    print ""
}

function ops_table(i, name, p, t, line) {
    print "## Operators that only move numbers\n"
    print "Bytes a second as a share of those that copying as many bytes moves, in the same run. Each tensor is counted once, with the places"
    print "of a maximum; but a line that caches may hold is read before it is stored, which copying avoids, and batch norm must read its input twice."
    print "Sigmoid, tanh and softmax compute.\n"
    print "| operator | forward: 1 thread | 2 threads | backward: 1 thread | 2 threads |\n| --- | ---: | ---: | ---: | ---: |"
    for (i = 1; i <= layers["ops"]; i++) {
        name = layer["ops", i]
        line = "| " name
        for (p = 1; p <= 2; p++)
            for (t = 1; t <= 2; t++) line = line " | " percent(get("ops", name, p == 1 ? "forward" : "backward", t, "share"))
        print line " |"
    }
    print ""
}

function values_table(i, k, most, whose, value, part, kind, kinds) {
    print "## Numbers that are slow elsewhere\n"
    print "How many times as long as with random numbers a pass takes whose inputs are all of this kind: the slowest of all layers and passes.\n"
    print "| kind | times as long | where |\n| --- | ---: | --- |"
    kinds = split("zero denormal inf nan", kind, " ")
    for (k = 1; k <= kinds; k++) {
        most = 0
        for (i = 1; i <= rows["values"]; i++) {
            split(row["values", i], part, SUBSEP)
            value = cell[row["values", i], "slowdown"]
            if (part[5] == kind[k] && value + 0 > most) { most = value + 0; whose = part[2] ", " part[3] }
        }
        if (most) printf "| %s | %.2f | %s |\n", kind[k], most, whose
    }
    print ""
}

function planning(i, n, value, sum, packed, whose, part) {
    for (i = 1; i <= rows["conv"]; i++) {
        value = cell[row["conv", i], "plan_us"]
        if (!known(value)) continue
        n++; sum += value
        if (cell[row["conv", i], "pack_ms"] + 0 > packed) { packed = cell[row["conv", i], "pack_ms"] + 0; split(row["conv", i], part, SUBSEP); whose = part[2] ", " part[3] }
    }
    if (!n) return
    print "## Planning and packing\n"
    printf "Making a plan (all three passes) takes %.0f us on average and at most %.0f us over the rows above; nothing is timed for it. ", sum / n, largest("conv", "plan_us")
    printf "Packing weights, which a caller does once, takes at most %.3f ms (%s).\n\n", packed, whose
}

function same_bits(own, theirs, share) {
    print "## What the same bits cost\n"
    print "Results do not depend on threads, batch, place in the batch or instruction set. There is no switch that gives this up, so its price"
    print "cannot be read off two runs; but it is bounded. The promise forbids three things: sums split among threads as they"
    print "happen to be many, sums as wide as the vectors of the machine, and a choice of algorithm by batch or threads. All that they could"
    print "bring is what is missing to the peak, and to libraries that promise none of this:\n"
    own = mean("direct", "forward", 1, "share")
    if (known(own)) printf "- the direct sum, with the same bits, reaches %s of the multiply-add peak in the geometric mean of the resnet50 and vgg rows forward, %s for the weights' gradient, where the batch is summed;\n", percent(own), percent(mean("direct", "backward-weights", 1, "share"))
    own = mean("strict", "forward", 1, "times_onednn")
    if (known(own)) printf "- `strict` is %.2f, %.2f and %.2f times as fast as oneDNN (forward, backward data, backward weights; geometric means, 1 thread), which promises no such thing;\n", own, mean("strict", "backward-data", 1, "times_onednn"), mean("strict", "backward-weights", 1, "times_onednn")
    printf "- two threads are %.2f, %.2f and %.2f times as fast as one, in the geometric mean of the rows of at least half the peak.\n\n", speedup("forward"), speedup("backward-data"), speedup("backward-weights")
    print "To measure it again: `twill bench conv --accuracy strict --peer onednn --threads 1,2`.\n"
}

function speedup(pass, i, name, one, two, sum, n) {
    for (i = 1; i <= layers["conv"]; i++) {
        name = layer["conv", i]
        one = get("conv", name, pass, 1, "min_ms"); two = get("conv", name, pass, 2, "min_ms")
        if (known(one) && known(two) && get("conv", name, pass, 1, "share") >= 0.5) { sum += log(one / two); n++ }
    }
    return n ? exp(sum / n) : 0
}

function head(name, peers, p1, p2) {
    print "# Benchmarks\n"
    print "Written by `make bench` from what the command printed; not by hand. Ratios say how many times as long as Twill another library"
    print "takes: above 1 Twill is faster. They are medians over rounds in which all take turns; *recorded* compares with the best of four"
    print "libraries' shares of the peak recorded elsewhere ([`bench/peers.tsv`](../bench/peers.tsv)), scaled by the peak of this run. *Peak* is the share of"
    print "the machine's multiply-add peak by 2 x the taps inside the image over the least time, whatever the algorithm multiplies: Winograd exceeds it."
    print "How it is measured: [command.md](command.md#timing-what-is-measured).\n"
    print "## The machine\n"
    print "- " machine
    p1 = largest("conv", "peak_gflops")
    for (name in version) peers = peers (peers ? ", " : "") version[name]
    print "- beside it: " (peers ? peers : "no other library was installed")
    p1 = get("conv", layer["conv", 1], "forward", 1, "peak_gflops"); p2 = get("conv", layer["conv", 1], "forward", 2, "peak_gflops")
    print "- multiply-add peak: " show(p1, "%.1f") " GFLOP/s on one thread, " show(p2, "%.1f") " on two, measured in this run"
    if (copy_rate[1]) printf "- copying large tensors moves %.1f GB/s on one thread, %.1f on two; what a cache holds is copied faster\n", copy_rate[1], copy_rate[2]
    print "- measured on " date ", each convolution for " seconds " s in 7 rounds\n"
}

function repeat() {
    print "## How to repeat it\n"
    print "    apt-get install libdnnl-dev python3-torch    # the peers, each optional: without it its columns are empty"
    print "    make bench                                   # a quarter of an hour; on a machine that does nothing else\n"
    print "Parts: `scripts/bench conv strict`; a short try: `make bench BENCH_QUICK=1`; LeNet-5 on MNIST instead of strokes: `make bench MNIST=DIR`. Single rows:"
    print "`twill bench conv --layers bench/layers.tsv --only 'vgg*' --pass forward --threads 1 --peer onednn,torch --explain`."
}

END {
    passes[1] = "forward"; passes[2] = "backward-data"; passes[3] = "backward-weights"
    title[1] = "Forward"; title[2] = "Backward data"; title[3] = "Backward weights"
    words[1] = "1 thread"; words[2] = "2 threads"
    best = "onednn" in version && "torch" in version ? "times_best" : "onednn" in version ? "times_onednn" : "times_torch"
    for (i = 1; i <= rows["ops"]; i++) {
        t = cell[row["ops", i], "threads"]
        if (cell[row["ops", i], "copy_gigabytes_per_second"] + 0 > copy_rate[t]) copy_rate[t] = cell[row["ops", i], "copy_gigabytes_per_second"] + 0
    }
    head()
    targets()
    print "## Layers\n"
    for (p = 1; p <= 3; p++) pass_table(p)
    behind()
    if (have["strict"]) strict_table()
    if (have["more"]) more_table()
    if (have["far"]) far_table()
    if (have["avx2"]) avx2_table()
    if (have["dense"]) dense_table()
    if (have["net"]) net_table()
    if (have["ops"]) ops_table()
    if (have["values"]) values_table()
    planning()
    same_bits()
    repeat()
}
