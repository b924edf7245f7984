/* The metrics port: one page.
 *
 * Any other path is an empty answer and any other method than GET is refused, as in Triton. The
 * page is made when it is asked for, from the counters themselves; the machine's figures are read
 * at the same moment. One loop's thread.
 */
#include "base/panic.h"
#include "front/rest.h"

#define PAGE_BYTES_MAX ((size_t)256 << 20)

void metrics_init(struct metrics_front *f, struct repo *repo, bool machine)
{
	*f = (struct metrics_front){.repo = repo, .machine = machine};
	buf_init(&f->scratch, PAGE_BYTES_MAX);
}

void metrics_release(struct metrics_front *f)
{
	buf_release(&f->scratch);
}

void metrics_handle(void *ctx, struct http_exchange *x)
{
	static const char kind[] = "text/plain; charset=utf-8";
	struct metrics_front *f = ctx;
	struct machine_sample machine = {0};
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
	if (f->machine && machine_read(&machine, f->last).code)
		machine.known = false;
	buf_reset(&f->scratch);
	metrics_page(f->repo, &machine, &f->scratch);
	struct str copy = f->scratch.bad ? STR_NONE : arena_str(x->arena, buf_text(&f->scratch));
	part = (struct span){(const uint8_t *)copy.p, copy.n};
	http_reply(x, copy.p ? 200 : 503, kind, STR_NONE, &part, copy.p != 0);
}
