#!/bin/sh
# Runs on the clean root file system: the packages in, each program started, the packages out.
set -eu
export DEBIAN_FRONTEND=noninteractive
say() { echo "-- $*"; }
fail() { echo "FAILED: $*" >&2; exit 1; }

say "Installing without anything that the packages do not ask for themselves"
apt-get update -qq
apt-get install -y -qq --no-install-recommends /tmp/packages/*.deb >/tmp/install.log 2>&1 || {
    cat /tmp/install.log
    fail "the packages do not install"
}
for program in wattle wattle-app wattle-exchange; do
    if ldd "/usr/bin/$program" | grep 'not found'; then fail "$program lacks a library"; fi
    "/usr/bin/$program" --version
done
wattle meter profiles --json | grep -q '"eastron-sdm630"' || fail "no meter is known"

say "A market, made and served by its own user"
market=/var/lib/wattle-exchange
# Words, not a function: what runs in the background must be the program itself, so that a signal reaches it.
as_market="setpriv --reuid=wattle-exchange --regid=wattle-exchange --clear-groups"
[ "$(stat -c '%U %a' $market)" = "wattle-exchange 700" ] || fail "the market's folder is open to others"
$as_market wattle-exchange init --data $market --market lindenweg >/tmp/init.log
$as_market wattle-exchange serve --data $market --listen 127.0.0.1:8400 >/tmp/serve.log 2>&1 &
serving=$!
trap 'kill $serving 2>/dev/null || true' EXIT
for _ in $(seq 100); do grep -q listens /tmp/serve.log && break; sleep 0.1; done
grep -q listens /tmp/serve.log || { cat /tmp/serve.log; fail "the market does not listen"; }
invitation=$($as_market wattle-exchange invite --data $market --member anna --metering-point DE001 \
    --address http://127.0.0.1:8400)

say "A household without a window joins it"
useradd --create-home owner
as_owner="setpriv --reuid=owner --regid=owner --clear-groups env HOME=/home/owner"
$as_owner sh -c 'umask 077; mkdir -p ~/.local/share/wattle/home; echo "a passphrase of a test" >~/passphrase'
# A meter that does not answer: the household lives with it.
$as_owner sh -c 'cat >~/.local/share/wattle/home/home.toml' <<'HOME'
name = "Clean root 1"
zone = "Europe/Berlin"
currency = "EUR"
fuse_w = 17250

[[contract]]
valid_from = "2026-01-01"
retail = "0.320 EUR/kWh"
feed_in = "0.081 EUR/kWh"

[[meter]]
id = "grid"
role = "grid"
profile = "eastron-sdm630"
tcp = "127.0.0.1:5020"
unit = 1
HOME
$as_owner wattle join "$invitation" --agree 1 || fail "joining"
$as_owner wattle run --passphrase-file /home/owner/passphrase >/tmp/run.log 2>&1 &
running=$!
sleep 3
kill -0 $running || { cat /tmp/run.log; fail "the household does not run on"; }
kill -TERM $running
wait $running || { cat /tmp/run.log; fail "the household does not end in order"; }

say "The window opens"
apt-get install -y -qq --no-install-recommends xvfb xauth x11-utils dbus >/tmp/x.log 2>&1
Xvfb :7 -screen 0 1280x900x24 >/dev/null 2>&1 &
screen=$!
$as_owner env DISPLAY=:7 dbus-run-session -- wattle-app --data /home/owner/other \
    --passphrase-file /home/owner/passphrase >/tmp/app.log 2>&1 &
app=$!
trap 'kill $app $screen 2>/dev/null || true; kill $serving 2>/dev/null || true' EXIT
seen=no
for _ in $(seq 150); do
    if DISPLAY=:7 xwininfo -root -tree 2>/dev/null | grep -q '"Wattle"'; then seen=yes; break; fi
    sleep 0.2
done
[ $seen = yes ] || { cat /tmp/app.log; fail "no window named Wattle"; }
kill $app $screen 2>/dev/null || true
wait $app || true

say "Removing"
kill -TERM $serving
wait $serving || fail "the market does not end in order"
apt-get purge -y -qq wattle wattle-exchange >/dev/null 2>&1 || fail "the packages do not go"
for left in /usr/bin/wattle /usr/bin/wattle-app /usr/bin/wattle-exchange /usr/share/doc/wattle \
    /usr/share/applications/energy.wattle.app.desktop; do
    [ ! -e $left ] || fail "$left is left behind"
done
[ -e $market/market.toml ] || fail "the books went with the package"
[ -d /home/owner/.local/share ] || fail "the owner's data went with the package"
say "The packages install, start, and go"
