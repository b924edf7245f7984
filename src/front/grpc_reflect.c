/* Server reflection (grpc.reflection.v1 and v1alpha, which are the same but for their name).
 *
 * Each service has a file of its own, made from the tables when a client asks for it, with
 * everything that it needs inside, so no file depends on another. Symbols are looked for by
 * package. Runs on the loops' threads and shares nothing.
 */
#include "front/grpc_priv.h"

#include "codec/descriptor.h"

static const struct rpc {
	const char *package;
	struct descriptor_method method;
} rpcs[] = {
#define X(package, service, method, streams, i, input, o, output, fn, group, model) \
	{package, {service, #method, #i, #o, &input##_pb, &output##_pb, streams}},
#include "front/grpc_rpcs.def"
#undef X
};
enum { RPCS = sizeof rpcs / sizeof *rpcs };

/* Files have the names that their packages' own have. */
static const struct { const char *package, *file; } files[] = {
	{"inference", "grpc_service.proto"},
	{"grpc.health.v1", "grpc/health/v1/health.proto"},
	{"grpc.reflection.v1", "grpc/reflection/v1/reflection.proto"},
	{"grpc.reflection.v1alpha", "grpc/reflection/v1alpha/reflection.proto"},
};
enum { FILES = sizeof files / sizeof *files };

static struct status fail(struct gs_reflected *out, struct arena *a, enum grpc_code code,
                          const char *text)
{
	struct gs_reflect_error *e = ARENA_NEW(a, struct gs_reflect_error);
	if (!e)
		return FAIL(NO_MEMORY, "no memory for the answer");
	e->error_code = (int32_t)code;
	e->error_message = str_from(text);
	PB_SET(out, gs_reflected, error_response, e);
	return STATUS_GOOD;
}

static struct status list(struct gs_reflected *out, struct arena *a)
{
	struct gs_reflect_services *s = ARENA_NEW(a, struct gs_reflect_services);
	struct gs_reflect_service *p = ARENA_ARRAY(a, RPCS, struct gs_reflect_service);
	if (!s || !p)
		return FAIL(NO_MEMORY, "no memory for the answer");
	s->service.p = p;
	for (int i = 0; i < RPCS; i++) {
		char *name = arena_printf(a, "%s.%s", rpcs[i].package, rpcs[i].method.service);
		if (!name)
			return FAIL(NO_MEMORY, "no memory for the answer");
		/* methods of one service stand together */
		if (!s->service.n || !str_is(p[s->service.n - 1].name, name))
			p[s->service.n++].name = str_from(name);
	}
	PB_SET(out, gs_reflected, list_services_response, s);
	return STATUS_GOOD;
}

static struct status file(struct grpc_front *f, struct grpc_message *m, struct gs_reflected *out,
                          int k)
{
	struct descriptor_method methods[RPCS];
	struct gs_reflect_file *x = ARENA_NEW(&m->arena, struct gs_reflect_file);
	struct span *bytes = ARENA_NEW(&m->arena, struct span);
	struct buf *b = grpc__scratch(f, m);
	uint32_t n = 0;
	for (int i = 0; i < RPCS; i++)
		if (!strcmp(rpcs[i].package, files[k].package))
			methods[n++] = rpcs[i].method;
	TRY(descriptor_write(files[k].file, files[k].package, methods[0].service, methods, n, b));
	struct str copy = arena_str(&m->arena, buf_text(b));
	if (!x || !bytes || !copy.p)
		return FAIL(NO_MEMORY, "no memory for the answer");
	*bytes = (struct span){(const uint8_t *)copy.p, copy.n};
	x->file_descriptor_proto.p = bytes;
	x->file_descriptor_proto.n = 1;
	PB_SET(out, gs_reflected, file_descriptor_response, x);
	return STATUS_GOOD;
}

static struct status by_name(struct grpc_front *f, struct grpc_message *m, struct gs_reflected *out,
                             struct str name)
{
	for (int k = 0; k < FILES; k++)
		if (str_is(name, files[k].file))
			return file(f, m, out, k);
	return fail(out, &m->arena, GRPC_NOT_FOUND, "File not found.");
}

static struct status by_symbol(struct grpc_front *f, struct grpc_message *m,
                               struct gs_reflected *out, struct str symbol)
{
	for (int k = 0; k < FILES; k++) {
		size_t n = strlen(files[k].package);
		if (symbol.n > n && !memcmp(symbol.p, files[k].package, n) && symbol.p[n] == '.')
			return file(f, m, out, k);
	}
	return fail(out, &m->arena, GRPC_NOT_FOUND, "Symbol not found.");
}

void grpc__reflect(struct grpc_front *f, struct grpc_message *m)
{
	struct gs_reflect ask;
	struct gs_reflected out = {0};
	struct status st;
	if (!grpc__decode(m, &gs_reflect_pb, &ask))
		return;
	out.valid_host = ask.host;
	PB_SET(&out, gs_reflected, original_request, &ask);
	if (PB_IS_SET(&ask, gs_reflect, list_services))
		st = list(&out, &m->arena);
	else if (PB_IS_SET(&ask, gs_reflect, file_by_filename))
		st = by_name(f, m, &out, ask.file_by_filename);
	else if (PB_IS_SET(&ask, gs_reflect, file_containing_symbol))
		st = by_symbol(f, m, &out, ask.file_containing_symbol);
	else
		st = fail(&out, &m->arena, GRPC_NOT_FOUND, "there are no extensions");
	if (st.code)
		grpc__fail(m, st);
	else
		grpc__answer(f, m, &gs_reflected_pb, &out);
}
