#!/usr/bin/env bash
# From recordings of bearings to firmware in an emulator: bash examples/bearings/run.sh [FOLDER] (default: artifacts/bearings).
# Without $EBP_DATA/cwru simulated bearings take their place. EPOCHS=N trains shorter, TEST=7 or 14 tests another width.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
out=${1:-$root/artifacts/bearings} test=${TEST:-21}
mkdir -p "$out"
. "$root/examples/firmware.sh"

# 1. Data: recordings.csv says fault, width and load of each file. No training sees the width of the test.
data=${EBP_DATA:-}/cwru
if [ -f "$data/normal_0.wav" ]; then
    epochs=${EPOCHS:-15}
else
    echo "No recordings: put the WAV files of recordings.csv (Case Western Reserve University Bearing Data Center, no licence stated) into" \
        "\$EBP_DATA/cwru. Simulated bearings take their place."
    data=$out/simulated epochs=${EPOCHS:-5}
    dotnet run "$here/simulate.cs" -- "$data"
fi

# 2. Train and judge. The features are a part of the net. layernorm1 takes the mean off, and has nothing to learn.
net="$(tr '\n' ' ' < "$here/net.txt"); dense 4"
ebp train --data "wav:$data" --files "$here/recordings.csv" --label fault --group width --test-group "$test,late" --window 7765 --hop 1024 \
    --net "$net" --freeze layernorm1 --optimizer adamw --lr 0.01 --weight-decay 0.3 --batch 64 --epochs "$epochs" --threads 1 \
    --out "$out/float.safetensors" --force | grep -E '^(split|[0-9,]+ windows|test accuracy)'
ebp eval "$out/float.safetensors"

ebp quantize "$out/float.safetensors" --judge test --max-loss 100 --out "$out/int8.safetensors" --force > "$out/int8.log"
grep -E '^accuracy' "$out/int8.log"

# 3. C, a program, the emulator: a window of an outer and of an inner race, 16-bit samples as a sensor gives them.
window() {
    echo "static const int16_t $1[] = {"
    od -A n -t d2 -v -j $((44 + 2 * 4096)) -N $((2 * 7765)) "$data/$2" | sed -E 's/ +(-?[0-9]+)/\1,/g'
    echo "};"
}
{
    echo "#include <stdint.h>"
    window outer_race "or0${test/#7/07}_3.wav"
    window inner_race "ir0${test/#7/07}_3.wav"
} > "$out/samples.h"

show() { # FOLDER, and what follows NET and PROGRAM of firmware
    local name=$1
    shift
    firmware "$name" bearing main.c "$@"
    printf '%-16s %s, flash %s\n' "$name" "$(tr -d '\n' < "$out/$name/output.txt")" "$flash"
}

# A Cortex-M3 and M0+ have no fused multiply-add: their C adds in two roundings. An M3 runs the code of an M0+ as it is.
show m4f-window mps2-an386 "$m4f" "$out/float.safetensors" --target cortex-m4f
show m4f-stream mps2-an386 "$m4f" "$out/float.safetensors" --target cortex-m4f --stream 480
show m4f-integers mps2-an386 "$m4f" "$out/int8.safetensors" --target cortex-m4f
show m3-window mps2-an385 -mcpu=cortex-m3 "$out/float.safetensors" --target cortex-m3 --arithmetic separate
show m3-stream mps2-an385 -mcpu=cortex-m3 "$out/float.safetensors" --target cortex-m3 --arithmetic separate --stream 480
show m3-integers mps2-an385 -mcpu=cortex-m3 "$out/int8.safetensors" --target cortex-m3 --arithmetic separate
show m0plus-window mps2-an385 -mcpu=cortex-m0plus "$out/float.safetensors" --target cortex-m0plus --arithmetic separate
show m0plus-stream mps2-an385 -mcpu=cortex-m0plus "$out/float.safetensors" --target cortex-m0plus --arithmetic separate --stream 480
show m0plus-integers mps2-an385 -mcpu=cortex-m0plus "$out/int8.safetensors" --target cortex-m0plus --arithmetic separate
