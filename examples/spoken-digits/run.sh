#!/usr/bin/env bash
# From recordings to firmware in an emulator: bash examples/spoken-digits/run.sh [FOLDER] (default: artifacts/spoken-digits).
# Without $EBP_DATA/spoken-digits/recordings.zip generated tones take its place. EPOCHS=N trains shorter.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
out=${1:-$root/artifacts/spoken-digits}
mkdir -p "$out"
. "$root/examples/firmware.sh"

# 1. Data: the names of the recordings tell word and speaker. No training hears the test speaker.
zip=${EBP_DATA:-}/spoken-digits/recordings.zip
if [ -f "$zip" ]; then
    data=$out/recordings classes=10 validation=george test=theo word=7_theo_0 epochs=${EPOCHS:-20} batch=64
    [ -d "$data" ] || python3 -m zipfile -e "$zip" "$data"
else
    echo "No recordings: put recordings.zip of the Free Spoken Digit Dataset (CC BY-SA 4.0) into \$EBP_DATA/spoken-digits." \
        "Tones take its place."
    data=$out/tones classes=4 validation=bob test=dan word=rise_dan_0 epochs=${EPOCHS:-20} batch=16
    dotnet run "$here/tones.cs" -- "$data"
fi
recording=$(find "$data" -name "$word.wav")

# 2. Train: features are a part of the net, so that the device computes the same ones.
net="$(tr -d "\n" < "$here/net.txt"); dense $classes"
ebp train --data "wav:$data" --files "{label}_{speaker}_*.wav" --group speaker --test-group $test --validation-group $validation \
    --window 8000 --net "$net" --optimizer adamw --lr 0.01 --weight-decay 0.0001 --schedule cosine --batch $batch \
    --label-smoothing 0.1 --epochs "$epochs" \
    --augment speed=0.12,shift=800,gain=20,mask=800 --out "$out/words.safetensors" | grep -E '^(split|test accuracy)'
ebp eval "$out/words.safetensors" | grep -E 'accuracy'
ebp features "$out/words.safetensors" "$recording" --out "$out/features.svg" --force
ebp predict "$out/words.safetensors" "$recording"
ebp quantize "$out/words.safetensors" --out "$out/integers.safetensors" --max-loss 5 | grep -E '^(accuracy|float ops)'

# 3. C, a program, the emulator. A Cortex-M3 and M0+ have no fused multiply-add: their C adds in two roundings (--arithmetic separate).
{
    echo '#include <stdint.h>'
    echo 'static const int16_t recording[] = {'
    od -An -v -t d2 -w16 -j 44 "$recording" | sed 's/ \+/ /g; s/\([0-9]\) /\1, /g; s/$/,/'
    echo '};'
} > "$out/recording.h"

show() { # FOLDER, and what follows NET of firmware
    local name=$1
    shift
    firmware "$name" words "$@"
    echo "$name:"
    cat "$out/$name/output.txt"
    echo "    flash of the net, code and tables: $flash bytes"
}

show m4f-float-stream stream.c mps2-an386 "$m4f" "$out/words.safetensors" --target cortex-m4f --stream
show m4f-float-window window.c mps2-an386 "$m4f" "$out/words.safetensors" --target cortex-m4f
show m4f-integers-stream stream.c mps2-an386 "$m4f" "$out/integers.safetensors" --stream
show m4f-integers-window window.c mps2-an386 "$m4f" "$out/integers.safetensors"
show m3-float-stream stream.c mps2-an385 -mcpu=cortex-m3 "$out/words.safetensors" --target cortex-m3 --stream --arithmetic separate
show m0plus-float-stream stream.c mps2-an385 -mcpu=cortex-m0plus "$out/words.safetensors" --target cortex-m0plus --stream --arithmetic separate
show m0plus-integers-stream stream.c mps2-an385 -mcpu=cortex-m0plus "$out/integers.safetensors" --stream
show m0plus-integers-window window.c mps2-an385 -mcpu=cortex-m0plus "$out/integers.safetensors"
