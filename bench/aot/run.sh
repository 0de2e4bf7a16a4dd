#!/usr/bin/env bash
# Ahead-of-time against just-in-time compiled code: publishes tools/AotProbe for three instruction sets and times it in turn with the JIT.
# Usage: bench/aot/run.sh [rounds]     needs clang and zlib1g-dev; prints a Markdown table of medians.
set -euo pipefail
cd "$(dirname "$0")/../.."
rounds=${1:-7}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for set in baseline x86-x64-v3 x86-x64-v4; do
    isa=$set; [ "$set" = baseline ] && isa=
    dotnet publish tools/AotProbe -c Release -o "$work/$set" -p:IlcInstructionSet="$isa" -p:IntermediateOutputPath="$work/obj-$set/" \
        -v quiet -nodeReuse:false >/dev/null
done
# The same program under the JIT, on the newest runtime there is, without the slow first tier (README, "Start-up").
dotnet build tools/AotProbe -c Release -o "$work/jit" -p:IntermediateOutputPath="$work/obj-jit/" -v quiet -nodeReuse:false >/dev/null

for ((round = 0; round < rounds; round++)); do
    DOTNET_TieredCompilation=0 dotnet exec --roll-forward LatestMajor "$work/jit/AotProbe.dll" speed | sed 's/^/jit /' >>"$work/times"
    for set in x86-x64-v4 x86-x64-v3 baseline; do
        "$work/$set/AotProbe" speed | sed "s/^/$set /" >>"$work/times"
    done
done

value() { grep "^$1 $2 " "$work/times" | awk '{ print $3 }' | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
first() { grep -m 1 "^$1 $2 " "$work/times" | cut -d ' ' -f 3; }
echo "Nielsen's net [784,30,10], batch 10; median of $rounds runs in turn; microseconds. JIT: .NET $(first jit framework); AOT: .NET $(first x86-x64-v4 framework)."
echo
echo "| build | step, fused | share of the JIT's speed | step, separate | prediction, fused | bytes |"
echo "| --- | ---: | ---: | ---: | ---: | ---: |"
for set in jit x86-x64-v4 x86-x64-v3 baseline; do
    size=$([ "$set" = jit ] && echo '' || stat -c %s "$work/$set/AotProbe")
    step=$(value "$set" step_us_fused)
    echo "| $set | $step | $(awk -v a="$(value jit step_us_fused)" -v b="$step" 'BEGIN { printf "%.2f", a / b }') | $(value "$set" step_us_separate) | $(value "$set" prediction_us_fused) | $size |"
done
