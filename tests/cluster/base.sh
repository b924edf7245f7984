#!/usr/bin/env bash
# Makes debian:12 for buildah where no registry can be reached: with debootstrap, from the packages that this machine installs from.
# Needs root, buildah and debootstrap. Does nothing where the image is there already.
set -euo pipefail
image=docker.io/library/debian:12
! buildah inspect --type image "$image" >/dev/null 2>&1 || exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
debootstrap --variant=minbase bookworm "$work/root" >"$work/log" 2>&1 || { tail -5 "$work/log" >&2; exit 1; }
c=$(buildah from scratch)
buildah add -q "$c" "$work/root" / >/dev/null
buildah config --cmd bash "$c"
buildah commit -q "$c" "$image" >/dev/null
buildah rm "$c" >/dev/null
echo "made $image"
