#!/usr/bin/env bash
# Requests a second over loopback, in turns, with one generator: MNIST inference of this server, a peer of the same protocol
# (Triton with an echo model), and nginx answering the same POST with a constant, which is what the kernel and the generator leave.
#   bench/wire.sh MODELS [PEER_HOST HTTP_PORT GRPC_PORT PEER_MODEL PEER_IMAGE_MODEL] [ROUNDS] [SECONDS]
# MODELS holds mnist_mlp, as `nereid prepare` lays it out. The peer's models have INPUT0 and OUTPUT0 of FP32, with any shape.
# Needs wrk, h2load, nginx, python3. The images go to a model of ours that is made here, an Identity of [batch,3,224,224].
set -euo pipefail
models=$1; peer=${2:-}; peer_http=${3:-}; peer_grpc=${4:-}; peer_model=${5:-}; peer_image=${6:-}; rounds=${7:-3}; seconds=${8:-3}
nereid=${NEREID:-build/nereid}
dir=$(mktemp -d); pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; rm -rf "$dir"' EXIT
mkdir "$dir/models"; cp -r "$models/mnist_mlp" "$dir/models/"
python3 - "$dir" "$peer_model" <<'PY'
import os, struct, sys
d, peer = sys.argv[1:3]
def varint(v):
    out = b""
    while v >= 128:
        out, v = out + bytes([v & 127 | 128]), v >> 7
    return out + bytes([v])
def field(n, x):
    return varint(n << 3 | 2) + varint(len(x)) + x
def onnx_identity():
    dims = field(1, field(2, b"batch")) + b"".join(field(1, b"\x08" + varint(v)) for v in (3, 224, 224))
    io = lambda n: field(1, n) + field(2, field(1, b"\x08\x01" + field(2, dims)))
    graph = field(1, field(1, b"INPUT0") + field(2, b"OUTPUT0") + field(4, b"Identity")) + field(2, b"g") + field(11, io(b"INPUT0")) + field(12, io(b"OUTPUT0"))
    return b"\x08\x08" + field(8, b"\x10\x11") + field(7, graph)
os.makedirs(d + "/models/image/1")
open(d + "/models/image/1/model.onnx", "wb").write(onnx_identity())
open(d + "/models/image/config.pbtxt", "w").write("max_batch_size: 8\n")
def request(model, name, shape):
    tensor = field(1, name) + field(2, b"FP32") + field(3, b"".join(varint(v) for v in shape))
    body = field(1, model) + field(5, tensor) + field(7, struct.pack("<784f", *[0.5] * 784))
    return b"\0" + struct.pack(">I", len(body)) + body
open(d + "/ours.grpc", "wb").write(request(b"mnist_mlp", b"input", [1, 1, 28, 28]))
open(d + "/peer.grpc", "wb").write(request(peer.encode(), b"INPUT0", [1, 784]))
for who, name, shape, out in ("ours", "input", "[1,1,28,28]", "output"), ("peer", "INPUT0", "[1,784]", "OUTPUT0"):
    head = '{"inputs":[{"name":"%s","shape":%s,"datatype":"FP32","parameters":{"binary_data_size":3136}}],"outputs":[{"name":"%s","parameters":{"binary_data":true}}]}' % (name, shape, out)
    open(f"{d}/{who}.rest", "wb").write(head.encode() + struct.pack("<784f", *[0.5] * 784))
    open(f"{d}/{who}.head", "w").write(str(len(head)))
PY
lua() { # FILE PATH INPUT SHAPE OUTPUT KIND: a wrk script that posts one request
	cat >"$1" <<LUA
local kind, n = "$6", 784
if kind == "image" then n = 8 * 3 * 224 * 224 end
local data
if kind == "json" then
  local t = {}
  for i = 1, n do t[i] = string.format("%.6f", (i * 37 % 1000) / 1000) end
  data = '"data":[' .. table.concat(t, ",") .. ']'
else data = '"parameters":{"binary_data_size":' .. 4 * n .. '}' end
local head = '{"inputs":[{"name":"$3","shape":$4,"datatype":"FP32",' .. data .. '}],"outputs":[{"name":"$5","parameters":{"binary_data":' .. tostring(kind ~= "json") .. '}}]}'
wrk.method = "POST"
wrk.path = "$2"
wrk.body = head
if kind ~= "json" then
  wrk.body = head .. string.rep("\0\0\0\63", n)
  wrk.headers["Inference-Header-Content-Length"] = tostring(#head)
end
wrk.headers["Content-Type"] = "application/octet-stream"
function done(s, l, r)
  io.write(string.format("RESULT %d %d %d %d\n", s.requests / (s.duration / 1e6), l:percentile(50), l:percentile(99), s.errors.status + s.errors.read + s.errors.write + s.errors.timeout))
end
LUA
}
for kind in binary json; do
	lua "$dir/ours.$kind" /v2/models/mnist_mlp/infer input '[1,1,28,28]' output $kind
	lua "$dir/nginx.$kind" /v2/models/mnist_mlp/infer input '[1,1,28,28]' output $kind
	lua "$dir/peer.$kind" "/v2/models/$peer_model/infer" INPUT0 '[1,784]' OUTPUT0 $kind
done
lua "$dir/ours.image" /v2/models/image/infer INPUT0 '[8,3,224,224]' OUTPUT0 image
lua "$dir/peer.image" "/v2/models/$peer_image/infer" INPUT0 '[8,3,224,224]' OUTPUT0 image
"$nereid" serve --model-repository "$dir/models" --http-address 127.0.0.1 --http-port 28000 --grpc-address 127.0.0.1 --grpc-port 28001 --allow-metrics=false >"$dir/log" 2>&1 & pids+=($!)
cat >"$dir/nginx.conf" <<N
worker_processes 2; daemon off; pid $dir/nginx.pid; error_log $dir/nginx.log;
events { worker_connections 1024; }
http { access_log off; keepalive_requests 100000000; client_body_buffer_size 64k; client_body_temp_path $dir/body;
 server { listen 127.0.0.1:28080 reuseport; location / { proxy_pass http://127.0.0.1:1; }
  location /v2/ { client_max_body_size 0; return 200 "{\"model_name\":\"mnist_mlp\",\"model_version\":\"1\",\"outputs\":[{\"name\":\"output\",\"datatype\":\"FP32\",\"shape\":[1,10]}]}"; } } }
N
if command -v nginx >/dev/null; then nginx -c "$dir/nginx.conf" & pids+=($!); fi
for ((i = 0; i < 100; i++)); do curl -sf -o /dev/null http://127.0.0.1:28000/v2/health/ready && break; sleep 0.1; done
http() { # NAME KIND CONNECTIONS PORT HOST; one thread of the generator is too slow for images
	local threads=1
	[ "$2" != image ] || threads=2
	wrk -t$threads -c"$3" -d"${seconds}s" -s "$dir/$1.$2" "http://$5:$4" | awk -v n="$1" -v k="$2" -v c="$3" '/^RESULT/ {printf "%-6s %-6s c=%-3d %8d requests/s  median %6d us  p99 %6d us  errors %d\n", n, k, c, $2, $3, $4, $5}'
}
grpc() { # NAME HOST PORT
	h2load -D "$seconds" -c1 -m16 -H 'content-type: application/grpc' -H 'te: trailers' -d "$dir/$1.grpc" "http://$2:$3/inference.GRPCInferenceService/ModelInfer" |
		awk -v n="$1" '/^finished in/ {printf "%-6s grpc   m=16  %8d requests/s\n", n, $4} /^status codes/ && $3 + 0 == 0 {print "  no answer was good: " $0}'
}
h1() { # NAME HOST PORT MODEL: as `binary 16`, by the other generator, which takes less of the processors for itself
	local body=$1; [ "$1" != nginx ] || body=ours
	h2load --h1 -D "$seconds" -c16 -m1 -H "Inference-Header-Content-Length: $(cat "$dir/$body.head")" -H 'content-type: application/octet-stream' -d "$dir/$body.rest" "http://$2:$3/v2/models/$4/infer" |
		awk -v n="$1" '/^finished in/ {printf "%-6s h2load c=16  %8d requests/s\n", n, $4} /^status codes/ && $3 + 0 == 0 {print "  no answer was good: " $0}'
}
for setting in "binary 16" "binary 1" "json 16" "image 4"; do
	read -r kind c <<<"$setting"
	for ((i = 0; i < rounds; i++)); do
		http ours $kind $c 28000 127.0.0.1
		[ -z "$peer" ] || { [ $kind = image ] && [ -z "$peer_image" ]; } || http peer $kind $c "$peer_http" "$peer"
		[ $kind = image ] || ! command -v nginx >/dev/null || http nginx $kind $c 28080 127.0.0.1
	done
done
for ((i = 0; i < rounds; i++)); do
	h1 ours 127.0.0.1 28000 mnist_mlp
	[ -z "$peer" ] || h1 peer "$peer" "$peer_http" "$peer_model"
	! command -v nginx >/dev/null || h1 nginx 127.0.0.1 28080 mnist_mlp
done
for ((i = 0; i < rounds; i++)); do
	grpc ours 127.0.0.1 28001
	[ -z "$peer" ] || grpc peer "$peer" "$peer_grpc"
done
