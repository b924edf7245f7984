/* The metrics port: one page.
 *
 * Any other path is an empty answer and any other method than GET is refused, as in Triton. The
 * page is made when it is asked for, from the counters themselves and from small files of /proc;
 * what may take long, the driver of GPUs, is asked by the sampler's thread. One loop's thread that
 * serves nothing else.
 */
#include "front/metrics.h"

#include "base/clock.h"
#include "base/panic.h"

#define PAGE_BYTES_MAX ((size_t)256 << 20)

void metrics_init(struct metrics_front *f, const struct repo *repo)
{
	*f = (struct metrics_front){.repo = repo, .version = "", .strict_ready = true};
	metrics_config_init(&f->config);
	buf_init(&f->scratch, PAGE_BYTES_MAX);
}

void metrics_release(struct metrics_front *f)
{
	buf_release(&f->scratch);
}

/* Open connections by the name of their service. */
static uint32_t connections(const struct net *n, struct metrics_connections *out)
{
	uint32_t services = n ? net_services(n) : 0;
	CHECK(services <= METRICS_PROTOCOLS_MAX);
	for (uint32_t i = 0; i < services; i++)
		out[i] = (struct metrics_connections){
			str_eq_nocase(str_from(net_service_name(n, i)), STR("grpc")) ? "grpc" : "http",
			net_service_open(n, i),
		};
	return services;
}

static void make_page(struct metrics_front *f)
{
	struct sampler_sample sample = {0};
	struct process_sample process;
	struct process_limits limits;
	struct metrics_connections open[METRICS_PROTOCOLS_MAX];
	struct metrics_view v = {
		.repo = f->repo, .version = f->version, .strict_ready = f->strict_ready,
		.config = &f->config, .unix_ms = clock_unix_ns() / 1000000, .connections = open,
	};
	v.n_connections = connections(f->net, open);
	v.busy_polled_ns = f->net ? net_busy_polled(f->net) : 0;
	/* where /proc cannot be read the page is without these families */
	if (!process_read("", &process).code)
		v.process = &process;
	if (!process_limits("", &limits).code)
		v.limits = &limits;
	if (f->sampler) {
		sampler_look(f->sampler, &sample);
		v.machine = &sample.machine;
		v.gpus = sample.gpus;
		v.n_gpus = sample.n_gpus;
	}
	buf_reset(&f->scratch);
	metrics_page(&v, &f->scratch);
}

void metrics_handle(void *ctx, struct http_exchange *x)
{
	static const char kind[] = "text/plain; charset=utf-8";
	struct metrics_front *f = ctx;
	struct span part = {0};
	CHECK(f->repo);
	if (!str_is(x->request->method, "GET")) {
		static const char text[] = "{\"error\":\"Method Not Allowed\"}";
		part = (struct span){(const uint8_t *)text, sizeof text - 1};
		http_reply(x, 405, "application/json", STR_NONE, &part, 1);
		return;
	}
	if (!str_is(x->request->target, "/metrics")) {
		http_reply(x, 200, kind, STR_NONE, 0, 0);
		return;
	}
	make_page(f);
	struct str copy = f->scratch.bad ? STR_NONE : arena_str(x->arena, buf_text(&f->scratch));
	part = (struct span){(const uint8_t *)copy.p, copy.n};
	http_reply(x, copy.p ? 200 : 503, kind, STR_NONE, &part, copy.p != 0);
}
