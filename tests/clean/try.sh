#!/bin/sh
# Try the first steps of a new user on a machine with nothing but python3: a Debian tree made by debootstrap.
#
#   sudo tests/clean/try.sh bookworm|trixie [test]
#
# With `test` the whole of ./dev test runs there too (as root, half an hour). Trees are kept in $OFFHOOK_CLEAN
# (/var/tmp/offhook-clean) and made once; each try works on a copy. $OFFHOOK_CLEAN_PREPARE may name a program that is
# called with the copy's path, to tell it what this machine's network needs (a proxy, a certificate).
set -eu
suite=${1:?bookworm or trixie}
whole=${2:-}
here=$(cd "$(dirname "$0")/../.." && pwd)
trees=${OFFHOOK_CLEAN:-/var/tmp/offhook-clean}
tree=$trees/$suite
try=$trees/$suite-try

if [ -z "${OFFHOOK_CLEAN_INSIDE:-}" ]; then  # mounts of our own, which end with us
    exec env OFFHOOK_CLEAN_INSIDE=1 unshare --mount --propagation private sh "$0" "$@"
fi

say() { printf '\n== %s: %s\n' "$suite" "$*"; }
inside() { chroot "$try" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME="$home" LANG=C.UTF-8 "$@"; }
user() { home=/home/somebody inside setpriv --reuid=1000 --regid=1000 --clear-groups "$@"; }
root() { home=/root inside "$@"; }

mkdir -p "$trees"
if [ ! -e "$tree/etc/debian_version" ]; then
    say "making the tree"
    debootstrap --variant=minbase --include=python3 "$suite" "$tree" ${DEBOOTSTRAP_MIRROR:+"$DEBOOTSTRAP_MIRROR"} >"$tree.log"
fi
rm -rf "$try"
cp -a "$tree" "$try"
cp /etc/resolv.conf /etc/hosts "$try/etc/"
printf '#!/bin/sh\nexit 101\n' >"$try/usr/sbin/policy-rc.d" # no service starts in a chroot
chmod +x "$try/usr/sbin/policy-rc.d"
[ -z "${OFFHOOK_CLEAN_PREPARE:-}" ] || "$OFFHOOK_CLEAN_PREPARE" "$try"
mount -t proc proc "$try/proc"
mount --rbind /sys "$try/sys"
mount --rbind /dev "$try/dev"

git clone --quiet --no-hardlinks "$here" "$try/root/offhook"
chroot "$try" useradd -m -u 1000 somebody 2>/dev/null || chroot "$try" sh -c \
    'echo somebody:x:1000:1000::/home/somebody:/bin/sh >>/etc/passwd && mkdir -p /home/somebody'
cp -a "$try/root/offhook" "$try/home/somebody/offhook"
chown -R 1000:1000 "$try/home/somebody"

say "a user without root is told what is missing"
if user sh -c 'cd ~/offhook && ./dev sim --help' 2>"$trees/$suite-told"; then
    echo "FAILED: this tree has python3-venv already"; exit 1
fi
cat "$trees/$suite-told"
grep -q "sudo apt-get install python3-venv" "$trees/$suite-told"

say "root gets it installed"
root sh -c 'cd ~/offhook && ./dev sim --help'

say "now the user can, with no compiler"
user sh -c 'cd ~/offhook && ! command -v gcc && ./dev sim --help >/dev/null'

say "the second start needs no network"
root unshare --net sh -c 'cd ~/offhook && ./dev sim --help >/dev/null'

say "sim starts, and ends on SIGTERM"
user sh -c 'cd ~/offhook && OFFHOOK_CLEAN=1 python3 tests/clean/start_sim.py'

say "./dev check"
root sh -c 'cd ~/offhook && ./dev check'
if [ "$whole" = test ]; then
    say "./dev test"
    root sh -c 'cd ~/offhook && CI=true ./dev test'
fi
say "fine"
