# The first file lists what exists; every other one is Markdown whose relative links are followed.
FNR == NR && FILENAME == ARGV[1] {
    exists[$0] = 1
    folder = $0
    while (sub(/\/[^\/]*$/, "", folder)) exists[folder] = 1
    next
}

/^ *```/ { code = !code }
FNR == 1 { code = 0 }

!code {
    rest = $0
    gsub(/`[^`]*`/, "", rest)
    while (match(rest, /\]\([^)]*\)|(src|href)="[^"]*"/)) {
        link = substr(rest, RSTART, RLENGTH)
        rest = substr(rest, RSTART + RLENGTH)
        sub(/^\]\(|^(src|href)="/, "", link)
        sub(/[)"]$/, "", link)
        sub(/#.*/, "", link)
        if (link == "" || link ~ /^[a-z]+:/) continue
        target = FILENAME
        if (!sub(/[^\/]*$/, "", target)) target = ""
        target = target link
        sub(/\/$/, "", target)
        while (sub(/[^\/]+\/\.\.\//, "", target)) continue
        gsub(/\/\.\//, "/", target)
        if (!(target in exists)) printf "%s:%d: no file stands at %s\n", FILENAME, FNR, target
    }
}
