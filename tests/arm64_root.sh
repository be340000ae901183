#!/bin/sh
# usage: arm64_root.sh ROOT    an arm64 Debian with Python 3.11, to be run under qemu-aarch64-static
# Its packages are only unpacked: no script of theirs runs, so nothing needs binfmt.
set -eu
root=$1

debootstrap --foreign --arch=arm64 --variant=minbase \
    --include=python3,libstdc++6,libgomp1,libgcc-s1 bookworm "$root"
for package in "$root"/var/cache/apt/archives/*.deb; do
    dpkg-deb -x "$package" "$root"
done
cp "$(command -v qemu-aarch64-static)" "$root/usr/bin/"

# Without these the runtime takes the processor for an unknown one, and leaves XNNPACK out.
mkdir -p "$root/proc" "$root/sys/devices/system/cpu"
echo 0-3 >"$root/sys/devices/system/cpu/possible"
echo 0-3 >"$root/sys/devices/system/cpu/present"
for number in 0 1 2 3; do
    cat <<EOF
processor	: $number
Features	: fp asimd evtstrm crc32 cpuid
CPU implementer	: 0x41
CPU architecture: 8
CPU variant	: 0x0
CPU part	: 0xd08
CPU revision	: 3

EOF
done >"$root/proc/cpuinfo"
