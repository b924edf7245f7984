#!/usr/bin/env bash
# Writes deploy/k8s/base from the chart's defaults: render.sh [FILE]. Needs helm. Labels that say "made by Helm" are left out.
set -euo pipefail
out=${1:-$(dirname "$0")/base/nereid.yaml}
command -v helm >/dev/null || { echo "helm is missing: tests/cluster/cluster extras builds it" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# helm says on stderr that it follows the links in files/, which is no news
helm template nereid "$(dirname "$0")/../helm/nereid" --kube-version 1.33.0 --skip-tests >"$work/all" 2>"$work/log" || { cat "$work/log" >&2; exit 1; }
{
	echo "# The chart's defaults as plain manifests: written by deploy/k8s/render.sh, never by hand."
	grep -v -e '^# Source:' -e 'helm.sh/chart:' -e 'app.kubernetes.io/managed-by:' "$work/all"
} >"$work/out"
cp "$work/out" "$out"
