# Lengths, in clang-format's style: a function's head begins in column 1 and ends in "{" on a line that holds a
# ")", and its body ends with "}" in column 1. Arrays, structs and enums hold no ")" before their "{" and count as
# data; test tables in the body of a test count.
function file_ends() {
    if (lines > 500) printf "%s:%d: %d lines; a file has at most 500\n", file, lines, lines
}

FNR == 1 {
    if (file) file_ends()
    file = FILENAME
    body = 0
}

{ lines = FNR }

length($0) > 120 && !/https?:/ { printf "%s:%d: %d characters; a line has at most 120\n", FILENAME, FNR, length($0) }

/^[a-zA-Z_].*\) *\{$/ || /^ .*\) *\{$/ && head { if (!body) body = FNR }
{ head = /^[a-zA-Z_].*[,(]$/ || head && /^ / && !/[;{]$/ }

/^}/ {
    if (body && FNR - body - 1 > 60)
        printf "%s:%d: %d lines; a function has at most 60\n", FILENAME, body, FNR - body - 1
    body = 0
}

END { if (file) file_ends() }
