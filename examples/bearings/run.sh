#!/usr/bin/env bash
# From recordings of a bearing to firmware in an emulator: README.md. Usage: run.sh [FOLDER] - the results go there, or to a folder that is deleted.
# EBP_COMMAND: the tool (default: this repository's). EBP_EPOCHS: passes over the training data (default: 15, of simulated recordings 3).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
read -r -a ebp <<< "${EBP_COMMAND:-dotnet run -c Release --project $root/tools/Ebp --}"
if [ $# -gt 0 ]; then
    mkdir -p "$1"
    out=$(cd "$1" && pwd)
else
    out=$(mktemp -d)
    trap 'rm -rf "$out"' EXIT
fi

if [ -n "${EBP_DATA:-}" ] && [ -f "$EBP_DATA/cwru/or021_3.wav" ]; then
    data=$EBP_DATA/cwru
    epochs=${EBP_EPOCHS:-15}
else
    echo "simulated bearings; for real ones put cwru/b007_0.wav ... (WAV, 12 kHz, listed in recordings.csv) into \$EBP_DATA: Case Western Reserve University" \
        "Bearing Data Center, no licence is stated"
    data=$out/recordings
    epochs=${EBP_EPOCHS:-3}
    dotnet run "$here/simulate.cs" -- "$data"
fi

# Trains on faults of 7 and 14 mil, tests on those of 21 mil. A model for each arithmetic: a Cortex-M0 or M3 has no fused multiply-add.
net="$(tr '\n' ' ' < "$here/net.txt"); dense 4"
for arithmetic in fused separate; do
    "${ebp[@]}" train --data "wav:$data" --files "$here/recordings.csv" --label fault --group width --test-group 21,late --window 7765 --hop 1024 \
        --net "$net" --freeze layernorm1 --optimizer adamw --lr 0.01 --weight-decay 0.3 --batch 64 --epochs "$epochs" --threads 1 \
        --arithmetic $arithmetic --out "$out/$arithmetic.safetensors" --force > "$out/$arithmetic.log"
    grep -E '^(split by|[0-9,]+ windows|test accuracy)' "$out/$arithmetic.log"
done
"${ebp[@]}" eval "$out/fused.safetensors" | tee "$out/eval.log"

# Integers for the layers with weights; the features stay floats. --float names what is no signal op in front of them.
features=concat1,reshape1
for band in 1 2 3 4; do features+=,multiply$band,envelope$band; done
for arithmetic in fused separate; do
    "${ebp[@]}" quantize "$out/$arithmetic.safetensors" --float $features --max-loss 100 --out "$out/$arithmetic-int8.safetensors" --force \
        > "$out/$arithmetic-int8.log"
done
if "${ebp[@]}" export c "$out/fused-int8.safetensors" --stream 480 --out "$out/refused" --force > "$out/refused.log" 2>&1; then
    echo "a stream in integers is no longer refused: use it here"
    exit 1
fi
tail -n 1 "$out/refused.log"

# One window of a recording that was not trained on, as the sensor gives it: 16-bit samples after the 44 bytes of the header.
{
    echo "static const int16_t samples[] = {"
    od -A n -t d2 -v -j $((44 + 2 * 4096)) -N $((2 * 7765)) "$data/or021_3.wav" | sed -E 's/ +(-?[0-9]+)/\1,/g'
    echo "};"
} > "$out/samples.h"

# Builds and runs: name, model, options of the export, target, options of the compiler, machine of the emulator.
device() {
    local folder=$out/$1
    "${ebp[@]}" export c "$out/$2.safetensors" $3 --target "$4" --name bearing --out "$folder" --force > "$folder.log"
    arm-none-eabi-gcc -std=c99 -O2 -Wall -Wextra -ffunction-sections -fdata-sections -Wl,--gc-sections $5 \
        --specs=picolibc.specs --oslib=semihost --crt0=hosted \
        -Wl,--defsym=__flash=0 -Wl,--defsym=__flash_size=0x400000 -Wl,--defsym=__ram=0x20000000 -Wl,--defsym=__ram_size=0x400000 \
        -Wl,--defsym=__stack_size=0x2000 -I"$root/bench/device" -I"$out" -I"$folder" \
        "$here/main.c" "$folder/bearing.c" "$folder/bearing_weights.c" "$root/bench/device/device.c" -o "$folder/program.elf"
    printf '%-30s ' "$1"
    timeout 300 qemu-system-arm -icount shift=0 -M "$6" -nographic -monitor none -serial none -semihosting-config enable=on,target=native \
        -kernel "$folder/program.elf" 2>&1 | tr -d '\n'
    arm-none-eabi-size -A "$folder/program.elf" | awk '
        $1 == ".init" || $1 == ".text" || $1 ~ /^\.rodata/ || $1 == ".data" { flash += $2 }
        END { printf ", flash %d bytes (window of samples included)\n", flash }'
}
m4f="-mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16"
device m4f-float fused "" cortex-m4f "$m4f" mps2-an386
device m4f-stream fused "--stream 480" cortex-m4f "$m4f" mps2-an386
device m4f-int8 fused-int8 "" cortex-m4f "$m4f" mps2-an386
device m3-float separate "" cortex-m3 "-mcpu=cortex-m3 -mthumb" mps2-an385
device m3-stream separate "--stream 480" cortex-m3 "-mcpu=cortex-m3 -mthumb" mps2-an385
device m3-int8 separate-int8 "" cortex-m3 "-mcpu=cortex-m3 -mthumb" mps2-an385
device m0plus-stream separate "--stream 480" cortex-m0plus "-mcpu=cortex-m0plus -mthumb" mps2-an385
device m0plus-int8 separate-int8 "" cortex-m0plus "-mcpu=cortex-m0plus -mthumb" mps2-an385
