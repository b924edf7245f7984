#!/usr/bin/env bash
# Builds both images with docker, podman or buildah, whichever is there, and prints their sizes.
#   deploy/docker/build.sh [--models DIR] [--tool docker|podman|buildah] [--base IMAGE] [--save DIR] [--version V]
# --models DIR: a folder that `nereid prepare` made; without it only the program's image is built.
# --base: an image of Debian 12 to build in (default debian:12). --save DIR: leaves nereid.tar and nereid-models.tar there,
# archives for `docker load`, `ctr images import` or `minikube image load`.
set -euo pipefail
cd "$(dirname "$0")/../.."
models='' tool='' base=debian:12 save='' version=$(sed -n 's/^#define NRD_VERSION "\(.*\)"/\1/p' include/nereid/nereid.h)
while [ $# -gt 0 ]; do
	case $1 in
	--models | --tool | --base | --save | --version) [ $# -ge 2 ] || { echo "$1 needs a value" >&2; exit 2; } ;;
	esac
	case $1 in
	--models) models=$2; shift ;;
	--tool) tool=$2; shift ;;
	--base) base=$2; shift ;;
	--save) save=$2; shift ;;
	--version) version=$2; shift ;;
	-h | --help) sed -n '2,6s/^# \{0,1\}//p' "$0"; exit ;;
	*) echo "unknown option $1; see --help" >&2; exit 2 ;;
	esac
	shift
done
if [ -n "$models" ] && [ ! -d "$models/models" ]; then
	echo "there is no $models/models: make it with 'build/nereid prepare $models'" >&2
	exit 1
fi
for t in docker podman buildah; do # a docker whose daemon does not answer is no docker
	[ -n "$tool" ] || ! command -v $t >/dev/null || ! $t info >/dev/null 2>&1 || tool=$t
done
[ -n "$tool" ] || { echo "none of docker, podman and buildah works here; on Debian and Ubuntu: apt-get install buildah" >&2; exit 1; }
build() { # DOCKERFILE TAG CONTEXT ARG...
	local file=$1 tag=$2 context=$3 a args=()
	shift 3
	for a in "$@"; do args+=(--build-arg "$a"); done
	case $tool in
	buildah) buildah bud --isolation "${BUILDAH_ISOLATION:-chroot}" --format docker -q -f "$file" -t "$tag" "${args[@]}" "$context" ;;
	*) "$tool" build -q -f "$file" -t "$tag" "${args[@]}" "$context" ;;
	esac
}
archive() { # TAG FILE
	case $tool in
	docker) docker save -o "$2" "$1" ;;
	podman) podman save -q --format docker-archive -o "$2" "$1" ;;
	buildah) rm -f "$2"; buildah push -q "$1" "docker-archive:$2:docker.io/library/$1" ;;
	esac
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "${save:=$work}"
size() { # TAG FILE
	printf '%-22s %6.1f MB compressed\n' "$1" "$(gzip -c "$2" | wc -c | awk '{print $1 / 1e6}')"
}
build deploy/docker/Dockerfile "nereid:$version" . "BASE=$base" "VERSION=$version" "REVISION=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)" >/dev/null
archive "nereid:$version" "$save/nereid.tar"
size "nereid:$version" "$save/nereid.tar"
if [ -n "$models" ]; then
	build deploy/docker/Dockerfile.models "nereid-models:$version" "$models" "IMAGE=nereid:$version" >/dev/null
	archive "nereid-models:$version" "$save/nereid-models.tar"
	size "nereid-models:$version" "$save/nereid-models.tar"
fi
