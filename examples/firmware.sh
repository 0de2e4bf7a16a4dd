# What the examples' run.sh share: they set here, root and out, and source this file.

ebp() { dotnet "$root/tools/Ebp/bin/Release/net10.0/ebp.dll" "$@"; }
[ -f "$root/tools/Ebp/bin/Release/net10.0/ebp.dll" ] || dotnet build -c Release "$root/tools/Ebp"

m4f="-mcpu=cortex-m4 -mfloat-abi=hard -mfpu=fpv4-sp-d16"

# Exports a net, builds it with a program and runs that in an emulator: its output is $out/FOLDER/output.txt, $flash the bytes of the net's code
# and tables.
firmware() { # FOLDER NET PROGRAM.c MACHINE 'OPTIONS OF THE PROCESSOR' EXPORT...
    local folder=$out/$1 net=$2 program=$3 machine=$4 options file
    # shellcheck disable=SC2206
    options=(-std=c99 -O2 -Wall -Wextra -mthumb $5 --specs=picolibc.specs -ffunction-sections -fdata-sections
        -I"$folder" -I"$out" -I"$root/bench/device")
    shift 5
    rm -rf "$folder"
    mkdir "$folder"
    ebp export c "$@" --name "$net" --out "$folder" > "$folder/export.log"
    for file in "$folder/$net.c" "$folder/${net}_weights.c" "$root/bench/device/device.c" "$here/$program"; do
        arm-none-eabi-gcc "${options[@]}" -c "$file" -o "$folder/$(basename "$file" .c).o"
    done
    arm-none-eabi-gcc "${options[@]}" --oslib=semihost --crt0=hosted -Wl,--gc-sections \
        -Wl,--defsym=__flash=0x0,--defsym=__flash_size=0x400000,--defsym=__ram=0x20000000,--defsym=__ram_size=0x400000 \
        "$folder"/*.o -o "$folder/program.elf"
    timeout 600 qemu-system-arm -M "$machine" -icount shift=0 -nographic -monitor none -serial none \
        -semihosting-config enable=on,target=native -kernel "$folder/program.elf" > "$folder/output.txt" 2>&1
    flash=$(arm-none-eabi-size "$folder/$net"*.o | awk 'NR > 1 { flash += $1 + $2 } END { print flash }')
}
