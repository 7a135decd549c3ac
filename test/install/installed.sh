#!/usr/bin/env bash
# Installs a build into an empty folder and builds the examples against it there, as a user would: through
# find_package(twill), and through pkg-config. Runs
# them. Arguments: source folder, build folder, compiler.
set -euo pipefail
source=$1 build=$2 compiler=$3
export CFLAGS= LDFLAGS=
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix
cmake --install "$build" --prefix "$prefix" >"$work/log"

# only what is meant to be there
for file in include/twill/twill.h bin/twill share/doc/twill/LICENSE; do
    [ -e "$prefix/$file" ] || { echo "not installed: $file"; exit 1; }
done
(cd "$prefix/include" && find . -type f | grep -v '^\./twill/[a-z]*\.h$') && { echo "unexpected headers"; exit 1; }

expected=$("$prefix/bin/twill" --version | head -1)
pc=$(find "$prefix" -name twill.pc)
export PKG_CONFIG_PATH=${pc%/*}
[[ $expected = *"$(pkg-config --modversion twill)"* ]] || { echo "versions differ: $expected"; exit 1; }

# the tree may be moved: nothing in it names the place where it was built
mv "$prefix" "$work/moved"
prefix=$work/moved
pc=$(find "$prefix" -name twill.pc)
export PKG_CONFIG_PATH=${pc%/*}
library=$(find "$prefix" -name 'libtwill.*' | head -1)
export LD_LIBRARY_PATH=${library%/*}
if grep -rlI "$source\|$build\|$work" "$prefix"; then echo "these name a folder of the build"; exit 1; fi

cmake -S "$source/examples" -B "$work/by-cmake" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_COMPILER="$compiler" >>"$work/log" 2>&1 &&
    cmake --build "$work/by-cmake" >>"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
mkdir "$work/by-pkg-config"
for name in convolution train; do
    "$compiler" -std=c11 -Wall -Wextra -Werror "$source/examples/$name.c" -o "$work/by-pkg-config/$name" \
        $(pkg-config --cflags --libs twill)
done
cd "$work"
for folder in by-cmake by-pkg-config; do
    for name in convolution train; do "$folder/$name" || { echo "$folder/$name failed"; exit 1; }; done
done
[ -s digits.safetensors ] || { echo "train left no model"; exit 1; }
