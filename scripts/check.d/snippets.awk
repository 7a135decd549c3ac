# The C in the documentation is compiled and run by the tests: every ```c block must stand, line for line, in one of
# the examples. Their files come first, then the Markdown; how far a line is indented does not count.
function bare(line) {
    gsub(/^[ \t]+|[ \t]+$/, "", line)
    return line
}

FNR == 1 { block = 0 }

FILENAME ~ /\.c$/ {
    example[FILENAME] = example[FILENAME] "\n" bare($0)
    next
}

/^ *```c$/ {
    block = FNR
    text = ""
    next
}

/^ *```/ && block {
    found = 0
    for (file in example)
        if (index(example[file] "\n", text "\n")) found = 1
    if (!found) printf "%s:%d: these lines stand in no file of examples/\n", FILENAME, block
    block = 0
    next
}

block { text = text "\n" bare($0) }
