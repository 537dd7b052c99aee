# What both image layers do before genimage: sourced by their preimage hooks, which set $root (the finished root) and
# $boot (the texts of boot/SCHEME).

# The boot files of a slot, taken out of /boot/firmware, where raspi-firmware's kernel hook put them. They stay in the
# root: an update writes a root, and copies them from there to the slot's FAT partition or folder.
stage_slot_files() {
   local firmware="$root/boot/firmware" slot="$root/usr/lib/offhook-boot" file
   rm -rf "$slot"
   install -d -m 0755 "$slot"
   for file in kernel8.img initramfs8 overlays; do
      [ -e "$firmware/$file" ] || { echo "offhook: $file is not in /boot/firmware" >&2; exit 1; }
      cp -R "$firmware/$file" "$slot/"
   done
   # The firmware takes overlays from a slot's folder only where this file is beside them.
   [ -f "$slot/overlays/README" ] || { echo "offhook: overlays/README is not in /boot/firmware" >&2; exit 1; }
   for file in "$@"; do
      compgen -G "$firmware/$file" > /dev/null || { echo "offhook: no $file in /boot/firmware" >&2; exit 1; }
      cp "$firmware/"$file "$slot/"
   done
   install -m 0644 "$boot/cmdline.txt" "$slot/cmdline.txt"
}

# A slot's copy of them in folder $2, its command line naming slot $1.
copy_slot() {
   install -d -m 0755 "$2"
   cp -R "$root/usr/lib/offhook-boot/." "$2/"
   sed -i "s/root_a/root_$1/; s/offhook\.slot=a/offhook.slot=$1/" "$2/cmdline.txt"
}

# A file that chooses a slot, $1, filled up with newlines to the length that the phone gives it: it is changed in place.
place_slot_file() {
   local to
   to="$root/boot/firmware/$(basename "$1")"
   { cat "$1"; yes '' | head -c 480; } | head -c 480 > "$to"
   chmod 0644 "$to"
}

# What a person begins with: the example beside which offhook.yaml is to be written.
place_example() {
   install -m 0644 "$root/usr/share/offhook/card-example.yaml" "$root/boot/firmware/offhook-example.yaml"
}

# What an update asks of a root, as prepare_root of imagebuild/bundle.py writes it: kind of machine (of scheme $1),
# version, and whose bundles it takes.
prepare_updates() {
   local version=${IGconf_offhook_version:-} conf="$root/etc/rauc/system.conf" release="$root/usr/lib/os-release"
   if [ -z "$version" ]; then
      version=$(basename "$IGconf_offhook_deb")
      version=${version#offhook_}
      version=${version%%~deb*}
   fi
   grep -q '^compatible=' "$conf" || { echo "offhook: no line compatible= in $conf" >&2; exit 1; }
   sed -i "s/^compatible=.*/compatible=offhook-rpi-$1/" "$conf"
   install -m 0644 "$IGconf_offhook_keyring" "$root/etc/rauc/keyring.pem"
   sed -i '/^IMAGE_/d' "$release"
   printf 'IMAGE_ID=offhook\nIMAGE_VERSION=%s\n' "$version" >> "$release"
}

# The writable partition is empty: at each start offhook-data.service makes the folders that are bound from it.
stage_data() {
   install -d -m 0755 "$root/data"
}

# genimage's configuration, its sizes and names filled in.
write_genimage() {
   sed -e "s|<IMAGE_NAME>|$IGconf_image_name|g" \
      -e "s|<IMAGE_SUFFIX>|$IGconf_image_suffix|g" \
      -e "s|<BOOTCFG_SIZE>|$IGconf_image_bootcfg_part_size|g" \
      -e "s|<BOOT_SIZE>|${IGconf_image_boot_part_size:-}|g" \
      -e "s|<ROOT_SIZE>|$IGconf_image_root_part_size|g" \
      -e "s|<DATA_SIZE>|$IGconf_image_data_part_size|g" \
      "$LAYER_DIR/genimage.cfg.in" > "$1/genimage.cfg"
}
