#!/bin/sh
# Makes every icon from its SVG source. Needs rsvg-convert (librsvg2-bin) and convert (imagemagick).
set -eu
cd "$(dirname "$0")"

app() { rsvg-convert -w "$1" -h "$1" wattle.svg -o "$2"; }
app 32 32x32.png
app 128 128x128.png
app 256 128x128@2x.png
app 256 256x256.png
app 512 icon.png

# Windows wants several sizes in one file.
sizes=$(mktemp -d)
trap 'rm -rf "$sizes"' EXIT
for size in 16 24 32 48 64 256; do app "$size" "$sizes/$size.png"; done
convert "$sizes/16.png" "$sizes/24.png" "$sizes/32.png" "$sizes/48.png" "$sizes/64.png" "$sizes/256.png" icon.ico

# The tray: in colour, and as the black template that macOS tints itself.
for name in tray-running tray-stopped tray-running-template tray-stopped-template; do
  rsvg-convert -w 64 -h 64 "$name.svg" -o "$name.png"
done

cp wattle.svg ../ui/public/icon.svg
