# Of the tables of docs/bad-input.md (argument 1): every name between backquotes in a row's last column must stand below
# test/, whose files follow as further arguments; and a row names a test or says why not.
FNR == 1 { document = FILENAME == ARGV[1] }
document && /^\| / && !/^\| (row|---)/ {
    columns = split($0, column, "|")
    last = column[columns - 1]
    if (columns != 6 || last !~ /[^ ]/) print FILENAME ":" FNR ": a row of four columns, the last a test or a reason"
    while (match(last, /`[^`]+`/)) {
        name = substr(last, RSTART + 1, RLENGTH - 2)
        last = substr(last, RSTART + RLENGTH)
        wanted[++names] = name
        place[names] = FILENAME ":" FNR
    }
}
!document {
    for (i = 1; i <= names; i++)
        if (!(i in found) && index($0, wanted[i])) found[i] = 1
}
END {
    for (i = 1; i <= names; i++)
        if (!(i in found)) print place[i] ": no test holds `" wanted[i] "`"
}
