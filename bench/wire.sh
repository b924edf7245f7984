#!/usr/bin/env bash
# Requests a second over loopback: MNIST inference of this server against another server of the same protocol, one generator, in turns.
#   bench/wire.sh OURS_HOST:PORT [PEER_HOST:PORT PEER_MODEL] [ROUNDS] [SECONDS]
# OURS serves mnist_mlp (as `nereid prepare` lays it out); the peer any model with an FP32 input INPUT0 that takes [1,784] and an output OUTPUT0. Needs wrk.
set -euo pipefail
ours=$1; peer=${2:-}; model=${3:-}; rounds=${4:-3}; seconds=${5:-3}
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
script() { # FILE MODEL INPUT SHAPE OUTPUT: a wrk script that posts one binary request
	cat > "$1" <<LUA
local head = '{"inputs":[{"name":"$3","shape":$4,"datatype":"FP32","parameters":{"binary_data_size":3136}}],"outputs":[{"name":"$5","parameters":{"binary_data":true}}]}'
wrk.method = "POST"
wrk.path = "/v2/models/$2/infer"
wrk.body = head .. string.rep("\0\0\0\63", 784)
wrk.headers["Inference-Header-Content-Length"] = tostring(#head)
wrk.headers["Content-Type"] = "application/octet-stream"
function done(s, l, r)
  io.write(string.format("RESULT %d %d %d %d\n", s.requests / (s.duration / 1e6), l:percentile(50), l:percentile(99), s.errors.status + s.errors.read + s.errors.write + s.errors.timeout))
end
LUA
}
script "$dir/ours.lua" mnist_mlp input '[1,1,28,28]' output
[ -z "$peer" ] || script "$dir/peer.lua" "$model" INPUT0 '[1,784]' OUTPUT0
run() { wrk -t1 -c"$1" -d"${seconds}s" -s "$2" "http://$3" | awk -v n="$4" -v c="$1" '/^RESULT/ {printf "%-6s c=%-3d %8d requests/s  median %6d us  p99 %6d us  errors %d\n", n, c, $2, $3, $4, $5}'; }
for c in 1 16; do
	for ((i = 0; i < rounds; i++)); do
		run "$c" "$dir/ours.lua" "$ours" ours
		[ -z "$peer" ] || run "$c" "$dir/peer.lua" "$peer" peer
	done
done
