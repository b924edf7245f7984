#!/usr/bin/env bash
# Writes deploy/k8s/base from the chart's defaults: render.sh [FILE]. Needs helm. Labels that say "made by Helm" are left out.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-k8s/base/nereid.yaml}
{
	echo "# The chart's defaults as plain manifests: written by deploy/k8s/render.sh, never by hand."
	helm template nereid helm/nereid --kube-version 1.33.0 --skip-tests 2>/dev/null | grep -v -e '^# Source:' -e 'helm.sh/chart:' -e 'app.kubernetes.io/managed-by:'
} >"$out"
