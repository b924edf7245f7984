#!/usr/bin/env bash
# Proves the platform on a real one-node Kubernetes (tests/cluster): images, the tutorial's overlay, monitoring with an alert that reaches a
# webhook, the chart, rollouts and kills under load, the Prometheus Operator. Under 15 minutes once the cluster's programs are built. Needs
# root and Go (tests/cluster/cluster says for what); reaches nothing outside the cluster's network namespace once everything is built.
#   deploy/e2e.sh [--keep] [STEP...]      all steps, or those named, in order; --keep leaves the cluster up
# Grafana's image cannot be built here: its Deployment is scaled to 0, and its dashboards' queries are put to Prometheus instead.
# The last line is 'N passed, N failed'.
set -uo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
keep='' models=${MODELS:-build/e2e/models} version=$(sed -n 's/^#define NRD_VERSION "\(.*\)"/\1/p' include/nereid/nereid.h)
python=$PWD/build/venv/bin/python e2e=$PWD/deploy/e2e home=${CLUSTER_HOME:-$HOME/.cache/one-node-cluster}
passed=0 failed=0
cluster() { tests/cluster/cluster "$@"; }
k() { cluster kubectl "$@"; }
inside() { cluster in "$@"; }
say() { printf '    %s\n' "$*"; }
finish() {
	local job
	for job in $(jobs -p); do pkill -P "$job" 2>/dev/null; kill "$job" 2>/dev/null; done
	[ -n "$keep" ] || cluster down >/dev/null 2>&1
	rm -rf "$work"
}
trap finish EXIT
until_true() { # SECONDS COMMAND...: tries it once a second
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || { say "in vain until the time was up: $*"; return 1; }
		sleep 1
	done
}
json() { "$python" -c "import json,sys; d=json.load(sys.stdin); print($1)"; }
status() { inside curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$1"; }
is_200() { [ "$(status "$1")" = 200 ]; }

static_image() { # NAME:TAG FILE...: an image of static programs, the first of which is run
	local c tag=$1
	shift
	c=$(buildah from scratch) && buildah copy -q "$c" "$@" /bin/ >/dev/null &&
		buildah config --entrypoint "[\"/bin/$(basename "$1")\"]" --user 65532:65532 "$c" &&
		buildah commit -q "$c" "$tag" >/dev/null && buildah rm "$c" >/dev/null &&
		rm -f "$work/image.tar" && buildah push -q "$tag" "docker-archive:$work/image.tar:docker.io/${tag/#nereid-e2e/library/nereid-e2e}" && cluster load "$work/image.tar"
}

step_images() { # both images: size, user, no shell, list of parts
	local base='' root user
	[ -d "$models/models" ] || build/nereid prepare "$models" >"$work/prepare.log" 2>&1 || { tail -5 "$work/prepare.log"; return 1; }
	command -v docker >/dev/null && docker info >/dev/null 2>&1 || tests/cluster/base.sh || return 1
	deploy/docker/build.sh --models "$models" --save "$work/images" $base >"$work/sizes" || return 1
	while read -r root; do say "$root"; done <"$work/sizes"
	[ "$(awk '$1 ~ /^nereid:/ {print $2 < 30}' "$work/sizes")" = 1 ] || { say "over 30 MB"; return 1; }
	root=$(mktemp -d "$work/root.XXXX")
	tar -xf "$work/images/nereid.tar" -C "$root" && for layer in "$root"/*.tar; do [ -L "$layer" ] || tar -tf "$layer"; done >"$root/list"
	! grep -E '(^|/)(sh|bash|dash|busybox|apt|dpkg)$' "$root/list" || { say "there is a shell in it"; return 1; }
	grep -q 'usr/share/sbom/nereid.spdx.json' "$root/list" && grep -q 'usr/local/bin/tritonserver' "$root/list" && grep -q 'usr/local/bin/trtexec' "$root/list" || return 1
	user=$(buildah inspect --type image "nereid:$version" | json 'd["OCIv1"]["config"]["User"]')
	[ "$user" = 65532:65532 ] && say "no shell, user $user, a list of its parts in SPDX"
}

step_cluster() {
	cluster extras >"$work/extras.log" 2>&1 || { tail -5 "$work/extras.log"; return 1; }
	cluster up >"$work/up.log" 2>&1 || { tail -5 "$work/up.log"; return 1; }
	cluster load "$work"/images/*.tar || return 1
	k get nodes --no-headers
}

step_tutorial() { # the overlay: waits for its GPU, is admitted under the restricted standard, is ready
	k apply -k deploy/k8s/overlays/tutorial >/dev/null || return 1
	until_true 20 sh -c "tests/cluster/cluster kubectl -n nereid get events | grep -q 'Insufficient nvidia.com/gpu'" || return 1
	say "pending: the node has no nvidia.com/gpu"
	k patch node onenode --subresource=status --type=merge -p '{"status":{"capacity":{"nvidia.com/gpu":"2"},"allocatable":{"nvidia.com/gpu":"2"}}}' >/dev/null
	k -n nereid rollout status deployment/nereid --timeout=60s || return 1
	until_true 10 is_200 30080/v2/health/ready || return 1
	! k -n nereid run shell --image="nereid-models:$version" --privileged --restart=Never >"$work/refused" 2>&1 || { say "a privileged pod was let in"; return 1; }
	grep -q 'violates PodSecurity "restricted' "$work/refused" || { cat "$work/refused"; return 1; }
	say "scheduled with the GPU; a privileged pod is refused by Pod Security"
}

step_ready_time() { # from the start of the process in the container to readiness; what the process may do
	local pid
	pid=$(pgrep -f '^tritonserver --model-repository=/models' | head -n 1) || return 1
	k -n nereid logs deployment/nereid >"$work/log"
	"$python" - "$pid" "$work/log" <<-'PY'
		import os, re, sys, time
		pid, log = sys.argv[1:]
		ticks = int(open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[19])
		start = time.time() - float(open("/proc/uptime").read().split()[0]) + ticks / os.sysconf("SC_CLK_TCK")
		line = [x for x in open(log) if "Started Metrics Service" in x or "Started HTTPService" in x][-1]
		clock = re.match(r"I\d{4} (\d+):(\d+):(\d+)\.(\d+)", line).groups()
		day = time.gmtime(start)
		ready = start - (day.tm_hour * 3600 + day.tm_min * 60 + day.tm_sec + start % 1) + int(clock[0]) * 3600 + int(clock[1]) * 60 + int(clock[2]) + float("0." + clock[3])
		status = dict(x.split(":\t", 1) for x in open(f"/proc/{pid}/status") if ":\t" in x)
		print(f"    ready {1e3 * (ready - start):.0f} ms after its process started; resident {int(status['VmRSS'].split()[0]) / 1024:.0f} MB; user {status['Uid'].split()[0]}, capabilities {status['CapEff'].strip()}, no new privileges {status['NoNewPrivs'].strip()}")
		assert -0.02 < ready - start < 0.3 and status["Uid"].split()[0] == "65532" and int(status["CapEff"], 16) == 0 and status["NoNewPrivs"].strip() == "1"
		assert [x for x in open(f"/proc/{pid}/mounts") if x.split()[1] == "/"][0].split()[3].startswith("ro"), "its root can be written"
	PY
}

step_inference() { # both models over both protocols through the NodePorts; the tutorial's checks with curl
	inside "$python" "$e2e/client.py" infer 127.0.0.1 30080 30081 | sed 's/^/    /' || return 1
	local path
	for path in /v2/health/ready /v2/models/mnist_mlp /v2/models/resnet50; do
		is_200 "30080$path" || { say "$path is not answered"; return 1; }
	done
	inside curl -sf http://127.0.0.1:30080/v2/models/resnet50 | json 'd["name"], d["platform"], d["inputs"][0]["shape"]' | sed 's/^/    /'
	is_200 30082/metrics
}

step_trtexec() { # the tutorial's command lines in the image
	k apply -f "$e2e/trtexec.yaml" >/dev/null || return 1
	until_true 90 sh -c "[ \"\$(tests/cluster/cluster kubectl -n nereid get pod trtexec -o jsonpath='{.status.phase}')\" = Succeeded ]" || { k -n nereid logs trtexec --all-containers --tail=5; return 1; }
	local c
	for c in mnist resnet50; do
		k -n nereid logs trtexec -c $c | grep -q '&&&& PASSED' || return 1
		say "trtexec $c: $(k -n nereid logs trtexec -c $c | grep -o 'Throughput: .*' | head -n 1)"
	done
	k -n nereid delete pod trtexec --now >/dev/null
}

step_monitoring() { # a real Prometheus, Alertmanager; every query of every dashboard
	gcc -static -O2 -D_GNU_SOURCE -o "$work/webhook" "$e2e/webhook.c" || return 1
	static_image nereid-e2e-webhook:1 "$work/webhook" || return 1
	static_image "$(grep -ho 'prom/prometheus:.*' deploy/monitoring/prometheus.yaml)" "$home/bin/prometheus" "$home/bin/promtool" || return 1
	static_image "$(grep -ho 'prom/alertmanager:.*' deploy/monitoring/alertmanager.yaml)" "$home/bin/alertmanager" || return 1
	k create namespace monitoring --dry-run=client -o yaml | k apply --server-side -f - >/dev/null
	k -n monitoring create secret generic alertmanager-receivers --from-literal=webhook-url=http://webhook.monitoring.svc:8080/ >/dev/null
	k apply --server-side -k deploy/k8s/overlays/monitoring >/dev/null && k apply -f "$e2e/webhook.yaml" >/dev/null || return 1
	k -n monitoring scale deployment/grafana --replicas=0 >/dev/null
	local d
	for d in prometheus alertmanager webhook; do k -n monitoring rollout status "deployment/$d" --timeout=90s >/dev/null || { k -n monitoring describe pods | tail -20; return 1; }; done
	until_true 60 sh -c "tests/cluster/cluster in curl -sf 'http://127.0.0.1:30090/api/v1/query?query=up%7Bjob=%22nereid%22%7D' | grep -q '\"1\"\\]'" || return 1
	say "Prometheus sees the target up"
	inside "$python" "$e2e/client.py" load 127.0.0.1 30080 30081 mnist_mlp 2 >"$work/light" &
	local light=$!
	sleep 75
	inside "$python" tests/deploy/run_queries.py http://127.0.0.1:30090 >"$work/queries"
	local rc=$?
	pkill -TERM -P $light
	wait $light
	sed 's/^/    /' "$work/queries"
	return $rc
}

webhook_has() { k -n monitoring logs deployment/webhook | grep '"alertname":"HighLatency"' | grep -q "\"status\":\"$1\""; }
step_alert() { # load until HighLatency fires and reaches the webhook; and its end
	inside "$python" "$e2e/client.py" load 127.0.0.1 30080 30081 resnet50 6 --batch 4 >"$work/heavy" &
	local heavy=$! rc=0 start=$SECONDS
	until_true 330 webhook_has firing || rc=1
	[ $rc = 0 ] && say "HighLatency reached the webhook $((SECONDS - start)) s after the load began"
	pkill -TERM -P $heavy
	wait $heavy
	sed 's/^/    /' "$work/heavy"
	[ $rc = 0 ] || { inside curl -s http://127.0.0.1:30090/api/v1/alerts | head -c 2000; return 1; }
	start=$SECONDS
	until_true 330 webhook_has resolved || return 1
	say "resolved $((SECONDS - start)) s after the load ended"
}

under_load() { # COMMAND...: runs it while clients ask; no request may fail
	inside "$python" "$e2e/client.py" load 127.0.0.1 30080 30081 mnist_mlp 4 >"$work/load" &
	local load=$! rc=0
	sleep 3
	"$@" || rc=1
	sleep 2
	pkill -TERM -P $load
	wait $load || rc=1
	sed 's/^/    /' "$work/load"
	return $rc
}
rolled() { k -n nereid rollout status deployment/nereid --timeout=150s >/dev/null; }
gone() { until_true 90 sh -c "[ \$(tests/cluster/cluster kubectl -n nereid get pods --no-headers -l app.kubernetes.io/name=nereid | wc -l) = $1 ]"; }
step_chart() { # the chart in place of the overlay, with helm; its own test of values
	k delete -k deploy/k8s/overlays/tutorial --wait=true >/dev/null 2>&1
	k create namespace nereid >/dev/null
	k label namespace nereid pod-security.kubernetes.io/enforce=restricted >/dev/null
	inside "$home/bin/helm" --kubeconfig "$home/run/kubeconfig" install nereid deploy/helm/nereid -n nereid -f deploy/helm/nereid/ci/nodeport-values.yaml \
		--set replicaCount=2,server.image.pullPolicy=Never,resources.requests.cpu=100m --wait --timeout 90s 2>"$work/helm" >/dev/null || { cat "$work/helm"; return 1; }
	until_true 10 is_200 30080/v2/health/ready && inside "$python" "$e2e/client.py" infer 127.0.0.1 30080 30081 >/dev/null && say "installed by helm, two replicas, both models answer"
}
restart() { k -n nereid rollout restart deployment/nereid >/dev/null && rolled && gone 2; }
step_rollout() { under_load restart; }
kill_one() {
	k -n nereid delete "$(k -n nereid get pods -o name -l app.kubernetes.io/name=nereid | head -n 1)" >/dev/null && rolled && gone 2
}
step_kill() { under_load kill_one; }
scale() { k -n nereid scale deployment/nereid --replicas=3 >/dev/null && rolled && gone 3 && k -n nereid scale deployment/nereid --replicas=2 >/dev/null && gone 2; }
step_scale() { under_load scale; }

step_operator() { # the operator takes our PodMonitor and PrometheusRule by the release label
	static_image nereid-e2e-operator:1 "$home/bin/operator" && static_image nereid-e2e-reloader:1 "$home/bin/prometheus-config-reloader" || return 1
	local f
	for f in "$home"/crds/monitoring.coreos.com_*.yaml; do k apply --server-side -f "$f" >/dev/null || return 1; done
	k create namespace monitoring --dry-run=client -o yaml | k apply --server-side -f - >/dev/null 2>&1
	k apply -f "$e2e/operator.yaml" >/dev/null || return 1
	k -n monitoring rollout status deployment/operator --timeout=60s >/dev/null || { k -n monitoring logs deployment/operator | tail -5; return 1; }
	inside "$home/bin/helm" --kubeconfig "$home/run/kubeconfig" upgrade nereid deploy/helm/nereid -n nereid --reuse-values -f deploy/helm/nereid/ci/stack-values.yaml \
		--set autoscaling.kind=none --wait --timeout 90s 2>"$work/helm" >/dev/null || { cat "$work/helm"; return 1; }
	until_true 120 sh -c "tests/cluster/cluster in curl -sf http://127.0.0.1:30091/api/v1/targets | grep -q '\"job\":\"nereid\".*\"health\":\"up\"'" ||
		{ k -n monitoring get pods; k -n monitoring logs prometheus-stack-0 --tail=5; k -n monitoring logs deployment/operator | tail -5; return 1; }
	until_true 60 sh -c "tests/cluster/cluster in curl -sf http://127.0.0.1:30091/api/v1/rules | grep -q '\"name\":\"HighLatency\"'" || return 1
	inside curl -sf http://127.0.0.1:30091/api/v1/rules | json '"%d rules in %d groups, %d not healthy" % (sum(len(g["rules"]) for g in d["data"]["groups"]), len(d["data"]["groups"]), sum(r["health"] == "err" for g in d["data"]["groups"] for r in g["rules"]))' | sed 's/^/    /'
	inside curl -sf http://127.0.0.1:30091/api/v1/targets | json '"targets: " + ", ".join(t["labels"]["job"] + " " + t["health"] for t in d["data"]["activeTargets"])' | sed 's/^/    /'
}

step_admission() { # everything, as the real API server would take it
	local f d
	for f in "$home"/crds/*.yaml; do k apply --server-side -f "$f" >/dev/null 2>&1; done
	sleep 3
	for d in tutorial cpu gpu monitoring; do
		k apply --server-side --force-conflicts --dry-run=server -k "deploy/k8s/overlays/$d" >/dev/null || { say "overlay $d"; return 1; }
	done
	k apply --server-side --dry-run=server -f deploy/kserve/ >/dev/null || return 1
	for f in deploy/helm/nereid/ci/*.yaml; do
		"$home/bin/helm" template dry deploy/helm/nereid --kube-version 1.33.0 -n nereid --skip-tests -f "$f" --set gateway.enabled=false,service.type=ClusterIP 2>/dev/null |
			k -n nereid apply --server-side --force-conflicts --dry-run=server -f - >/dev/null || { say "$f"; return 1; }
	done
	say "overlays, KServe's runtime and the chart with each file of ci/ are taken (Gateway API's definitions are not in the cluster)"
}

steps=(images cluster tutorial ready_time inference trtexec monitoring alert chart rollout kill scale operator admission)
wanted=()
for a in "$@"; do
	case $a in
	--keep) keep=1 ;;
	-h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit ;;
	*) [[ " ${steps[*]} " == *" $a "* ]] || { echo "no step $a; there are: ${steps[*]}" >&2; exit 2; }; wanted+=("$a") ;;
	esac
done
[ ${#wanted[@]} -gt 0 ] || wanted=("${steps[@]}")
for s in "${wanted[@]}"; do
	begin=$SECONDS
	echo "== $s"
	if "step_$s"; then passed=$((passed + 1)) verdict=passed; else failed=$((failed + 1)) verdict=FAILED; fi
	echo "   $verdict, $((SECONDS - begin)) s"
	if [ "$s" = cluster ] && [ $verdict = FAILED ]; then break; fi # nothing after it can be
done
echo "$passed passed, $failed failed, $SECONDS s"
[ $failed -eq 0 ]
