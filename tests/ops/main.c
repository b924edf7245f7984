/* nereid-ops: what to do with the case list besides testing it.
 *
 *   nereid-ops dump DIR [PATTERN]    inputs and outputs of each case as raw files, and cases.json
 *   nereid-ops run CASE-TEXT         one case written on the command line; prints the outputs
 *   nereid-ops support               the table of docs/OPS.md: op, and types by backend
 *   nereid-ops bench [PATTERN]       the shortest time of each case, backend and tactic
 *
 * Options: --backend NAME (of dump and run; ref), --file FILE (dump: the cases are FILE's lines),
 * --threads N (bench; 1). PATTERN is part of a case's name or text. A test program for ort.py and
 * onnx_backend.py: it prints, and it ends where something is wrong.
 */
#include "ops/cases.h"

#include "base/file.h"
#include "base/panic.h"

#include <stdio.h>
#include <stdlib.h>

enum { ARENA_BYTES = 1 << 30, FILE_BYTES_MAX = 1 << 28, REPEAT = 15 };

static void need(struct status st, const char *what)
{
	if (!st.code)
		return;
	fprintf(stderr, "nereid-ops: %s: %s (%s)\n", what, st.msg, status_name(st.code));
	exit(1);
}

static bool matches(const struct ops_line *l, const char *pattern)
{
	char name[64];
	return !pattern || strstr(l->text, pattern) ||
	       strstr(ops_line_name(l, name, sizeof name), pattern);
}

static void write_raw(const char *dir, const char *file, const struct tensor *t)
{
	char path[512];
	snprintf(path, sizeof path, "%s/%s", dir, file);
	need(file_write(path, (struct span){t->data, t->bytes}), path);
}

/* {"dtype": "FP32", "shape": [2,3], "file": "..."} */
static void tensor_json(FILE *f, const char *dir, const char *file, const struct tensor *t)
{
	char shape[128];
	write_raw(dir, file, t);
	fprintf(f, "{\"dtype\": \"%s\", \"shape\": %s, \"file\": \"%s\"", dtype_wire(t->dtype),
	        tensor_shape_text(t->dims, t->rank, shape, sizeof shape), file);
}

static void attr_json(FILE *f, const char *dir, uint32_t id, const struct ir_attr *attr)
{
	char file[64];

	fprintf(f, "\"%s\": ", attr_text(attr->id));
	switch (attr_kind(attr->id)) {
	case ATTR_INT: fprintf(f, "%lld", (long long)attr->i); break;
	case ATTR_FLOAT: fprintf(f, "%.9e", attr->f); break;
	case ATTR_STRING: fprintf(f, "\"%.*s\"", STR_ARG(attr->s)); break;
	case ATTR_INTS:
		fputc('[', f);
		for (uint32_t i = 0; i < attr->ints.n; i++)
			fprintf(f, "%s%lld", i ? ", " : "", (long long)attr->ints.p[i]);
		fputc(']', f);
		break;
	case ATTR_TENSOR: {
		struct tensor t = {.dtype = attr->t->dtype, .rank = (uint32_t)attr->t->rank,
		                   .data = (void *)(uintptr_t)attr->t->data,
		                   .bytes = attr->t->data_bytes};
		for (uint32_t d = 0; d < t.rank; d++)
			t.dims[d] = attr->t->dims[d].k;
		snprintf(file, sizeof file, "%u.value", id);
		tensor_json(f, dir, file, &t);
		fputc('}', f);
		break;
	}
	case ATTR_FLOATS: UNREACHABLE();
	}
}

static void dump_case(FILE *f, const char *dir, uint32_t id, const struct ops_case *c)
{
	char file[64];

	fprintf(f, "\"op\": \"%s\", \"noort\": \"%.*s\", \"tol\": %g, \"attrs\": {",
	        op_info(c->node->op)->text, STR_ARG(c->no_ort), c->tol);
	for (uint32_t i = 0; i < c->node->n_attrs; i++) {
		fputs(i ? ", " : "", f);
		attr_json(f, dir, id, &c->node->attrs[i]);
	}
	fputs("}, \"inputs\": [", f);
	for (uint32_t i = 0; i < c->node->n_in; i++) {
		fputs(i ? ", " : "", f);
		if (!c->node->in[i]) {
			fputs("null", f);
			continue;
		}
		snprintf(file, sizeof file, "%u.in%u", id, i);
		tensor_json(f, dir, file, &c->in[i]);
		fprintf(f, ", \"constant\": %s}", c->constant[i] ? "true" : "false");
	}
	fputs("], \"outputs\": [", f);
	for (uint32_t i = 0; i < c->node->n_out; i++) {
		fputs(i ? ", " : "", f);
		snprintf(file, sizeof file, "%u.out%u", id, i);
		tensor_json(f, dir, file, &c->out[i]);
		fputc('}', f);
	}
	fputc(']', f);
}

/* Runs one case, in the layout that the backend wants, and writes it as a JSON object. The arena is
 * reset. */
static void dump_line(FILE *f, const char *dir, const struct ops_how *how, const char *name,
                      uint32_t id, struct str text, struct arena *a)
{
	struct ops_how last = *how;
	struct ops_case c;

	last.channels_last = true;
	struct status st = ops_run(a, text, &last, &c, 0);
	if (st.code == STATUS_UNSUPPORTED)
		st = ops_run(a, text, how, &c, 0);
	fprintf(f, "%s{\"id\": %u, \"name\": \"%s\", ", ftell(f) > 2 ? ",\n" : "", id, name);
	if (text.n < 400)
		fprintf(f, "\"text\": \"%.*s\", ", STR_ARG(text));
	if (st.code)
		fprintf(f, "\"error\": \"%s\"", st.msg);
	else
		dump_case(f, dir, id, &c);
	fputc('}', f);
	arena_reset(a);
}

static void dump_file(FILE *f, const char *dir, const struct ops_how *how, const char *path,
                      struct arena *a)
{
	struct buf all;
	char name[32];
	uint32_t id = 0;

	need(file_read(path, FILE_BYTES_MAX, &all), path);
	for (const char *p = (const char *)all.p, *end = p + all.n; p < end; id++) {
		const char *stop = memchr(p, '\n', (size_t)(end - p));
		struct str text = {p, (size_t)((stop ? stop : end) - p)};
		snprintf(name, sizeof name, "line:%u", id);
		dump_line(f, dir, how, name, id, text, a);
		p += text.n + 1;
	}
	buf_release(&all);
}

static void dump(const char *dir, const struct backend *b, const char *file, const char *pattern)
{
	struct ops_how how = {.backend = b, .threads = 1};
	char path[512], name[64];
	struct arena a;

	need(file_mkdirs(dir), dir);
	snprintf(path, sizeof path, "%s/cases.json", dir);
	FILE *f = fopen(path, "w");
	if (!f)
		need(FAIL(IO, "cannot be written"), path);
	fputs("[\n", f);
	arena_init(&a, ARENA_BYTES);
	if (file)
		dump_file(f, dir, &how, file, &a);
	for (uint32_t i = 0; !file && i < ops_lines_n; i++)
		if (matches(&ops_lines[i], pattern))
			dump_line(f, dir, &how, ops_line_name(&ops_lines[i], name, sizeof name), i,
			          str_from(ops_lines[i].text), &a);
	fputs("\n]\n", f);
	if (fclose(f))
		need(FAIL(IO, "cannot be written"), path);
	arena_release(&a);
}

static void run(const char *text, const struct backend *b)
{
	struct ops_how how = {.backend = b, .threads = 1};
	struct ops_case c;
	struct arena a;
	char shape[128];
	int64_t n;

	arena_init(&a, ARENA_BYTES);
	need(ops_run(&a, str_from(text), &how, &c, 0), text);
	for (uint32_t i = 0; i < c.node->n_out; i++) {
		printf("%s%s", dtype_wire(c.out[i].dtype),
		       tensor_shape_text(c.out[i].dims, c.out[i].rank, shape, sizeof shape));
		CHECK(tensor_elements(&c.out[i], &n));
		for (int64_t k = 0; k < n; k++)
			printf("%c%.9g", k ? ',' : '=', ops_get(&c.out[i], k));
		putchar('\n');
	}
	arena_release(&a);
}

/* A row an op: the types of first inputs (Constant: of the output) of the cases that each takes. */
static void support(void)
{
	uint32_t n;
	const struct backend *const *list = backend_list(&n);
	struct arena a;

	arena_init(&a, ARENA_BYTES);
	printf("# Operators\n\nElement types by operator and backend, as far as a case in "
	       "tests/ops/cases shows it: of the first input, or of\nthe output where there is none. "
	       "A node goes to the first backend, from the left, that takes it. `make ops-table`\n"
	       "writes this page.\n\n| op |");
	for (uint32_t b = 0; b < n; b++)
		printf(" %s |", list[b]->name);
	printf("\n|---|");
	for (uint32_t b = 0; b < n; b++)
		printf("---|");
	for (int op = 0; op < OP_COUNT; op++) {
		printf("\n| %s |", op_info((enum op)op)->text);
		for (uint32_t b = 0; b < n; b++) {
			bool types[DTYPE_COUNT] = {0};
			for (uint32_t i = 0; i < ops_lines_n; i++) {
				struct ops_how how = {.backend = list[b], .threads = 1};
				struct ops_case c;
				struct str text = str_from(ops_lines[i].text);
				const char *name = op_info((enum op)op)->text;
				if (!str_starts(text, str_from(name)) || text.p[strlen(name)] != ' ')
					continue;
				if (!ops_case_make(&a, text, &c).code && how.backend->supports(c.graph, c.node))
					types[c.node->n_in ? c.in[0].dtype : c.out[0].dtype] = true;
				arena_reset(&a);
			}
			for (int t = 0; t < DTYPE_COUNT; t++)
				if (types[t])
					printf(" %s", dtype_wire((enum dtype)t));
			printf(" |");
		}
	}
	putchar('\n');
	arena_release(&a);
}

static void bench(uint32_t threads, const char *pattern)
{
	uint32_t n;
	const struct backend *const *list = backend_list(&n);
	struct arena a;
	char name[64];

	arena_init(&a, ARENA_BYTES);
	printf("%-14s %-8s %-24s %12s %10s  case\n", "name", "backend", "tactic", "us", "GFLOP/s");
	for (uint32_t i = 0; i < ops_lines_n; i++)
	for (uint32_t b = 0; matches(&ops_lines[i], pattern) && b < n; b++)
	for (uint32_t how_n = 0; how_n < 2 * BACKEND_TACTICS_MAX; how_n++) {
		struct ops_how how = {list[b], how_n / 2, how_n % 2, threads, REPEAT};
		uint32_t ids[BACKEND_TACTICS_MAX] = {0};
		struct ops_case c;
		uint64_t ns;

		if (!ops_run(&a, str_from(ops_lines[i].text), &how, &c, &ns).code) {
			if (list[b]->tactics)
				(void)list[b]->tactics(c.graph, c.node, ids);
			const char *tactic = list[b]->tactic_name(c.node->op, ids[how.tactic]);
			printf("%-14s %-8s %-18s%-6s %12.2f %10.2f  %s\n",
			       ops_line_name(&ops_lines[i], name, sizeof name), list[b]->name, tactic,
			       how.channels_last ? " nhwc" : "", (double)ns / 1e3,
			       ir_node_flops(c.node, c.batch) / (double)ns, ops_lines[i].text);
		}
		arena_reset(&a);
	}
	arena_release(&a);
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "", *backend = "ref", *file = 0, *rest[2] = {0};
	uint32_t threads = 1, n = 0;

	for (int i = 2; i < argc; i++) {
		if (!strcmp(argv[i], "--backend") && i + 1 < argc)
			backend = argv[++i];
		else if (!strcmp(argv[i], "--file") && i + 1 < argc)
			file = argv[++i];
		else if (!strcmp(argv[i], "--threads") && i + 1 < argc)
			threads = (uint32_t)strtoul(argv[++i], 0, 10);
		else if (n < 2)
			rest[n++] = argv[i];
	}
	const struct backend *b = backend_find(str_from(backend));
	if (!b)
		need(FAIL(NOT_FOUND, "no such backend"), backend);
	if (!strcmp(word, "dump") && n >= 1)
		dump(rest[0], b, file, rest[1]);
	else if (!strcmp(word, "run") && n == 1)
		run(rest[0], b);
	else if (!strcmp(word, "support") && n == 0)
		support();
	else if (!strcmp(word, "bench") && n <= 1)
		bench(threads, rest[0]);
	else
		need(FAIL(INVALID_ARG, "usage: nereid-ops dump DIR | run CASE | support | bench"), word);
	return 0;
}
