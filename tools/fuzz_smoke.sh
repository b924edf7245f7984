#!/usr/bin/env bash
# Runs fuzz targets two at a time: fuzz_smoke.sh DIR SECONDS NAME... The last line is 'N passed, N failed'.
set -uo pipefail
dir=$1 seconds=$2
shift 2
one() { # NAME: its corpus is copied, so what it finds on the way stays out of the tree
	local work=$dir/corpus/$1 rc
	rm -rf "$work"
	mkdir -p "$work"
	[ ! -d "tests/fuzz/corpus/$1" ] || cp -r "tests/fuzz/corpus/$1/." "$work/"
	"$dir/$1" -max_total_time="$seconds" -seed="${FUZZ_SEED:-1}" -rss_limit_mb=2048 -timeout=10 -max_len=65536 -artifact_prefix="$dir/$1-" \
		"$work" >"$dir/$1.log" 2>&1
	rc=$?
	if [ "$1" = canary ]; then rc=$((rc == 0)); fi
	echo $rc >"$dir/$1.rc"
}
for name in "$@"; do
	while [ "$(jobs -rp | wc -l)" -ge 2 ]; do wait -n; done
	one "$name" &
done
wait
passed=0 failed=0
for name in "$@"; do
	if [ "$(cat "$dir/$name.rc")" = 0 ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED fuzz target $name; the end of $dir/$name.log:"
		tail -n 25 "$dir/$name.log"
	fi
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
