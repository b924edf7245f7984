/* Any bytes as the body of a request to infer, with or without binary tensors, or to generate,
 * against a model with an input of each kind. Inputs that were read are walked over. */
#include "../../src/front/rest_generate.c"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static struct served_io ios[] = {
	{.name = {"FLOAT", 5}, .dtype = DTYPE_FP32, .rank = 2, .dims = {-1, 2}},
	{.name = {"TEXT", 4}, .dtype = DTYPE_BYTES, .rank = 1, .dims = {-1}},
	{.name = {"LONG", 4}, .dtype = DTYPE_INT64, .rank = 1, .dims = {3}},
	{.name = {"FLAG", 4}, .dtype = DTYPE_BOOL, .rank = 1, .dims = {-1}},
	{.name = {"HALF", 4}, .dtype = DTYPE_FP16, .rank = 1, .dims = {-1}},
};
enum { N = sizeof ios / sizeof *ios };

static void look(const struct infer_request *r)
{
	volatile uint8_t sum = 0;
	CHECK(r->n_inputs <= LIMIT_INFER_INPUTS && r->n_parameters <= LIMIT_INFER_PARAMETERS);
	for (uint32_t i = 0; i < r->n_inputs; i++)
		for (size_t k = 0; k < r->inputs[i].bytes; k++)
			sum += ((const uint8_t *)r->inputs[i].data)[k];
	for (uint32_t i = 0; i < r->n_parameters; i++)
		for (size_t k = 0; k < r->parameters[i].text.n; k++)
			sum += (uint8_t)r->parameters[i].text.p[k];
}

/* The first byte: what is asked for, and what the body is packed with. The second: the length of
 * the JSON, where the body says so. */
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static struct rest rest;
	static struct served served = {.name = "m", .inputs = ios, .n_inputs = N, .outputs = ios,
	                               .n_outputs = N};
	static struct served_version version = {.owner = &served};
	static const char *const codings[] = {"identity", "gzip", "deflate", "br"};
	struct arena a;
	char length[16];
	bool want[2 * N] = {false};
	uint32_t classes[N] = {0};
	if (n < 2)
		return 0;
	if (!rest.max_json_bytes)
		rest_init(&rest, 0, "fuzz");
	rest.max_json_bytes = 1 << 20;
	served.max_batch = p[0] & 1 ? 8 : 0;
	snprintf(length, sizeof length, "%u", p[1] * 2u);
	struct http1_request request = {.n_headers = p[0] & 2 ? 2 : 1};
	request.headers[0] = (struct http1_header){STR("Content-Encoding"),
	                                           str_from(codings[p[0] >> 2 & 3])};
	request.headers[1] = (struct http1_header){STR(REST_LENGTH_HEADER), str_from(length)};
	arena_init(&a, 64 << 20);
	struct http_exchange x = {.request = &request, .arena = &a, .body = {p + 2, n - 2}};
	struct rest_infer q = {.call = {.rest = &rest, .x = &x}};
	q.infer.version = &version;
	q.infer.job.arena = &a;
	q.infer.want = want;
	q.infer.classes = classes;
	struct span body = x.body;
	struct status st = p[0] & 16 ? parse(&q) : rest__decode(&q.call, &body);
	if (!st.code && !(p[0] & 16))
		st = rest__parse_infer(&q, body);
	if (!st.code)
		look(&q.infer);
	arena_release(&a);
	return 0;
}
