#!/bin/bash
# The same work in EmbeddedBackprop and in what one would take instead, in turn, on one core: see README.md.
set -u
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=${PEERS_BUILD:-$root/artifacts/peers}
project=$root/bench/EmbeddedBackprop.Benchmarks
mkdir -p "$build"

echo "building the engine's side" >&2
(cd "$root" && dotnet build -c Release "$project" -v q --nologo -o "$build/engine" >"$build/engine.log" 2>&1) || { tail -20 "$build/engine.log" >&2; exit 1; }

# The peers in C get what helps them: this processor's instructions, 512-bit vectors, reordered sums, a vectorised exp.
flags="-O3 -march=native -ffast-math -Wall -Wextra"
gcc -mprefer-vector-width=512 -E - </dev/null >/dev/null 2>&1 && flags="$flags -mprefer-vector-width=512"
compile() {
    local name=$1 package=$2
    shift 2
    rm -f "$build/$name" "$build/$name.missing"
    if ! command -v gcc >/dev/null; then echo "package gcc is missing" >"$build/$name.missing"
    elif ! gcc $flags "$@" -lm -o "$build/$name" 2>"$build/$name.log"; then
        echo "does not compile: is the package $package installed?" >"$build/$name.missing"
        [ "$package" != gcc ] || cat "$build/$name.log" >&2
    fi
}
blas_include=$(pkg-config --cflags openblas 2>/dev/null || true)
compile openblas libopenblas-dev $blas_include -I/usr/include/"$(gcc -print-multiarch 2>/dev/null)" "$here/peer_openblas.c" -lopenblas
compile recurrent libopenblas-dev $blas_include -I/usr/include/"$(gcc -print-multiarch 2>/dev/null)" "$here/peer_recurrent.c" -lopenblas
compile convolution gcc "$here/peer_convolution.c"
compile convnets gcc "$here/peer_convnets.c"
compile fann libfann-dev "$here/peer_fann.c" -lfloatfann
compile loops gcc "$here/peer_loops.c"
compile loops2 gcc -DPARTS=2 "$here/peer_loops.c"

python=/usr/bin/python3
[ -x "$python" ] || { echo "the driver needs /usr/bin/python3 (package python3)" >&2; exit 1; }

# Nothing of the caller's environment reaches a peer: OPENBLAS_CORETYPE or OPENBLAS_L2_SIZE, set on some machines, hold OpenBLAS, NumPy and PyTorch at
# AVX2, DOTNET_... and EBP_TILE change the engine's vectors. One thread each.
clean() {
    env -i PATH="$PATH" HOME="${HOME:-/}" LANG=C.UTF-8 ${DOTNET_ROOT:+DOTNET_ROOT="$DOTNET_ROOT"} PYTHONDONTWRITEBYTECODE=1 DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 \
        OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 "$@"
}
# Where others measure on the same machine: PEERS_LOCK names the file that all of them lock for as long as they measure.
clean "$python" "$here/peers.py" --build "$build" ${PEERS_LOCK:+--lock "$PEERS_LOCK"} --command "bench/peers/run.sh${*:+ $*}" "$@" || exit

# All targets with what was measured last, here and by the benchmark program's own experiments.
case " $* " in *" --quick "* | *" --help "* | *" -h "*) ;; *) clean dotnet "$build/engine/EmbeddedBackprop.Benchmarks.dll" targets ;; esac
