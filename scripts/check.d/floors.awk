# Reads src/FLOORS ("floor: the floors it rests on"), then the includes of all sources.
function floor_of(path, parts) {
    if (path ~ /^src\//) {
        split(path, parts, "/")
        return parts[2]
    }
    split(path, parts, "/")
    return parts[1] # examples, test
}

FILENAME == ARGV[1] {
    if ($0 ~ /^#/ || $0 ~ /^ *$/) next
    split($0, halves, ":")
    floor = halves[1]
    order[floor] = ++count
    n = split(halves[2], below, " ")
    for (i = 1; i <= n; i++) {
        if (!(below[i] in order) || below[i] == floor)
            printf "%s:%d: %s rests on %s, which does not stand below it\n", FILENAME, FNR, floor, below[i]
        may[floor, below[i]] = 1
    }
    next
}

FNR == 1 {
    floor = floor_of(FILENAME)
    if (FILENAME ~ /^src\// && !(floor in order))
        printf "%s:1: the folder src/%s stands on no line of src/FLOORS\n", FILENAME, floor
}

/^ *# *include +"/ {
    split($0, quoted, "\"")
    target = quoted[2]
    if (target ~ /^twill\//) {
        printf "%s:%d: write <%s>\n", FILENAME, FNR, target
    } else if (target ~ /\//) {
        split(target, path, "/")
        if (FILENAME !~ /^src\// || floor == "cli")
            printf "%s:%d: %s sees include/twill only, not %s\n", FILENAME, FNR, floor, target
        else if (path[1] != floor && !((floor, path[1]) in may))
            printf "%s:%d: %s may not include %s (src/FLOORS)\n", FILENAME, FNR, floor, target
    } else if (FILENAME ~ /^src\// && floor != "cli" && FILENAME !~ /^src\/kernel\//) {
        printf "%s:%d: write \"%s/%s\"\n", FILENAME, FNR, floor, target
    }
}
