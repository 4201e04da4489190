#!/usr/bin/env bash
# Fails if an image lacks what was mended since: `bash tools/image-audit.sh IMAGE BASE`.
set -euo pipefail
image=$1 base=$2
late=0

# Only what has a newer version in Debian's own archive: the rest cannot be helped by a release.
packages=$(docker run --rm --entrypoint sh "$image" -c '
  apt-get update -qq >&2 && apt-get --simulate -qq upgrade' | sed -n 's/^Inst //p')
if [ -n "$packages" ]; then
  echo '::error title=Audit::Debian has newer packages than the released image; release anew'
  echo "$packages"
  late=1
fi

version() { docker run --rm --entrypoint python3 "$1" --version; }
is=$(version "$image") newest=$(version "$base")
if [ "$is" != "$newest" ]; then
  echo "::error title=Audit::the released image has $is, and $base has $newest; release anew"
  late=1
fi
[ "$late" = 1 ] || echo "$image: $is, no newer packages"
exit "$late"
