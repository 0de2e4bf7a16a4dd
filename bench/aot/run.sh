#!/usr/bin/env bash
# Ahead-of-time against just-in-time compiled code: publishes tools/AotProbe for four instruction sets and times it in turn with the JIT.
# Usage: bench/aot/run.sh [rounds]     needs clang and zlib1g-dev; prints a Markdown page of medians (kept as bench/results/CPU/aot.md).
# AOT_WITH is put before each timed program, for instance AOT_WITH="taskset -c 1".
set -euo pipefail
cd "$(dirname "$0")/../.."
rounds=${1:-7}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for set in baseline avx2 x86-x64-v3 x86-x64-v4; do
    isa=$set; [ "$set" = baseline ] && isa=
    dotnet publish tools/AotProbe -c Release -o "$work/$set" -p:IlcInstructionSet="$isa" -p:IntermediateOutputPath="$work/obj-$set/" \
        -v quiet -nodeReuse:false >/dev/null
done
# The same program under the JIT, on the newest runtime there is, without the slow first tier (docs/aot.md, "Start-up").
dotnet build tools/AotProbe -c Release -o "$work/jit" -p:IntermediateOutputPath="$work/obj-jit/" -v quiet -nodeReuse:false >/dev/null

jit=(dotnet exec --roll-forward LatestMajor "$work/jit/AotProbe.dll" speed)
export DOTNET_TieredCompilation=0
for ((round = 0; round < rounds; round++)); do
    ${AOT_WITH:-} "${jit[@]}" | sed 's/^/jit /' >>"$work/times"
    for set in x86-x64-v4 x86-x64-v3 avx2 baseline; do
        ${AOT_WITH:-} "$work/$set/AotProbe" speed | sed "s/^/$set /" >>"$work/times"
    done
    for bits in 256 128; do
        EBP_TILE=$bits ${AOT_WITH:-} "${jit[@]}" | sed "s/^/jit-$bits /" >>"$work/times"
    done
done

value() { grep "^$1 $2 " "$work/times" | awk '{ print $3 }' | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
first() { grep -m 1 "^$1 $2 " "$work/times" | cut -d ' ' -f 3; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'; }
changes=$(git status --porcelain -- src tools/AotProbe Directory.Build.props 2>/dev/null || true)
cat <<PAGE
# Ahead of time against just in time

| measured with | |
| --- | --- |
| CPU | $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1), family $(sed -n 's/^cpu family[^:]*: //p' /proc/cpuinfo | head -1) |
| SDK, runtimes | $(dotnet --version); JIT .NET $(first jit framework), AOT .NET $(first x86-x64-v4 framework) |
| system | $(sed -n 's/^PRETTY_NAME="\(.*\)"/\1/p' /etc/os-release) |
| commit | $(git rev-parse --short=10 HEAD 2>/dev/null || echo unknown)${changes:+ with changes} |
| command | \`bench/aot/run.sh $rounds\` |

Nielsen's net [784,30,10], batch 10; median of $rounds runs in turn; microseconds. JIT: .NET $(first jit framework); AOT: .NET $(first x86-x64-v4 framework).

| build | step, fused | share of the JIT's speed | share of the JIT at the same width | step, separate | the same share | prediction, fused | bytes |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
PAGE
for set in jit x86-x64-v4 jit-256 x86-x64-v3 avx2 jit-128 baseline; do
    case $set in *v4) same=jit ;; *v3 | avx2) same=jit-256 ;; baseline) same=jit-128 ;; *) same=$set ;; esac
    size=$([ -f "$work/$set/AotProbe" ] && [ "$set" != jit ] && stat -c %s "$work/$set/AotProbe" || true)
    step=$(value "$set" step_us_fused)
    separate=$(value "$set" step_us_separate)
    echo "| ${set/jit-/jit, EBP_TILE=} | $step | $(ratio "$(value jit step_us_fused)" "$step") | $(ratio "$(value $same step_us_fused)" "$step") | $separate |" \
        "$(ratio "$(value $same step_us_separate)" "$separate") | $(value "$set" prediction_us_fused) | $size |"
done
cat <<'PAGE'

"x86-x64-v4" runs the 512-bit tiles, "x86-x64-v3" and "avx2" the 256-bit ones; each is compared with the JIT at its width. The baseline build (the default) may
use neither AVX nor a fused multiply-add: `fused` arithmetic is computed in double and checked, and computed again where a rounding is in doubt.
PAGE
