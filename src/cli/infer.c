/* `nereid infer`: runs a model on files and says what came out.
 *
 * Inputs are .npy files, or IDX images, which become FP32 in 0..1 in the model's own shape.
 * Outputs are summarised, the classes of the first rows printed, and written as .npy where a
 * folder is given. Everything is read and checked before the model runs.
 */
#include "base/file.h"
#include "base/mem.h"
#include "base/pool.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "codec/idx.h"
#include "codec/npy.h"
#include "engine/engine.h"

#include <stdio.h>
#include <string.h>

enum { ROWS_SHOWN = 10 };

struct infer {
	struct args args;
	struct model *model;
	struct exec *exec;
	struct file_map file[MODEL_IO_MAX];
	struct tensor in[MODEL_IO_MAX], out[MODEL_IO_MAX];
	void *owned[MODEL_IO_MAX];
	uint32_t n_in, n_out;
};

static void infer_release(struct infer *f)
{
	for (uint32_t i = 0; i < MODEL_IO_MAX; i++) {
		file_unmap(&f->file[i]);
		mem_free(f->owned[i]);
		mem_free(f->out[i].data);
	}
	exec_free(f->exec);
	model_free(f->model);
}

/* Images as FP32 in 0..1, in the input's shape with the number of images as batch. */
static struct status from_idx(struct infer *f, const struct model_io *io, uint32_t i, const char *path)
{
	struct idx x;
	uint64_t most = UINT32_MAX;
	int64_t each = 1, per = 1;
	TRY_MSG(idx_read(f->file[i].bytes, &x), "%s", path);
	if (f->args.value[OPT_INFER_BATCH])
		TRY(args_u64(&f->args, OPT_INFER_BATCH, 1, UINT32_MAX, &most));
	struct tensor *t = &f->in[i];
	*t = (struct tensor){.dtype = DTYPE_FP32, .rank = io->rank};
	uint32_t count = x.dims[0] < most ? x.dims[0] : (uint32_t)most;
	for (uint32_t k = 1; k < x.rank; k++)
		per *= x.dims[k];
	for (uint32_t k = 0; k < io->rank; k++) {
		t->dims[k] = k == 0 ? count : io->dims[k];
		each *= k ? t->dims[k] : 1;
	}
	if (io->dtype != DTYPE_FP32 || each != per)
		return FAIL(INVALID_ARG, "%s: %lld bytes an image do not fit input '%.*s'", path, (long long)per,
		            STR_ARG(io->name));
	t->bytes = (size_t)count * (size_t)per * sizeof(float);
	float *p = f->owned[i] = mem_alloc(t->bytes);
	if (!p)
		return FAIL(NO_MEMORY, "no memory for %s", path);
	for (size_t k = 0; k < t->bytes / sizeof *p; k++)
		p[k] = (float)x.data[k] * (1 / 255.0f);
	t->data = p;
	return STATUS_GOOD;
}

static struct status load(struct infer *f, const struct model_io *io, uint32_t i, const char *path)
{
	if (f->file[i].base)
		return FAIL(INVALID_ARG, "input '%.*s' is given twice", STR_ARG(io->name));
	TRY(file_map(path, &f->file[i]));
	if (f->file[i].bytes.n && f->file[i].bytes.p[0] == 0)
		return from_idx(f, io, i, path);
	TRY_MSG(npy_read(f->file[i].bytes, &f->in[i]), "%s", path);
	return STATUS_GOOD;
}

static struct status load_all(struct infer *f)
{
	const struct model_io *io = model_inputs(f->model, &f->n_in);
	for (uint32_t k = 0; k < f->args.n_given; k++) {
		const char *text = f->args.given[k].value, *eq = strchr(text, '=');
		uint32_t i = 0;
		if (f->args.given[k].option != OPT_INFER_INPUT)
			continue;
		struct str name = {text, eq ? (size_t)(eq - text) : 0};
		while (eq && i < f->n_in && !str_eq(io[i].name, name))
			i++;
		if (i == f->n_in || (!eq && f->n_in != 1))
			return FAIL(INVALID_ARG, "--input %s: name one of the model's inputs, as NAME=FILE; `nereid inspect` "
			            "lists them", text);
		TRY(load(f, &io[i], i, eq ? eq + 1 : text));
	}
	for (uint32_t i = 0; i < f->n_in; i++)
		if (!f->in[i].data && !io[i].optional)
			return FAIL(INVALID_ARG, "input '%.*s' is missing: give --input %.*s=FILE", STR_ARG(io[i].name),
			            STR_ARG(io[i].name));
	return STATUS_GOOD;
}

static void top_classes(const float *row, int64_t n, uint64_t top)
{
	float below = __builtin_inff();
	for (uint64_t k = 0; k < top && (int64_t)k < n; k++) {
		int64_t best = -1;
		for (int64_t i = 0; i < n; i++)
			if (row[i] < below && (best < 0 || row[i] > row[best]))
				best = i;
		if (best < 0)
			break;
		printf("  %lld:%.4f", (long long)best, (double)row[best]);
		below = row[best];
	}
	printf("\n");
}

static struct status show(struct infer *f, const struct model_io *io, const struct tensor *t)
{
	char text[128];
	uint64_t top;
	TRY(args_u64(&f->args, OPT_INFER_TOP, 0, 1000, &top));
	printf("%.*s %s %s\n", STR_ARG(io->name), dtype_wire(t->dtype),
	       tensor_shape_text(t->dims, t->rank, text, sizeof text));
	if (t->dtype != DTYPE_FP32 || t->rank != 2)
		return STATUS_GOOD;
	for (int64_t r = 0; r < t->dims[0] && r < ROWS_SHOWN; r++) {
		printf("  row %lld", (long long)r);
		top_classes((const float *)t->data + r * t->dims[1], t->dims[1], top);
	}
	return STATUS_GOOD;
}

static struct status save(struct infer *f, const struct model_io *io, const struct tensor *t)
{
	struct status st = STATUS_GOOD;
	const char *dir = f->args.value[OPT_INFER_OUTPUT_DIR];
	char path[4096], name[256];
	struct buf head;

	buf_init(&head, 65536 + t->bytes);
	if (!dir)
		goto out;
	snprintf(name, sizeof name, "%.*s", STR_ARG(io->name));
	for (char *c = name; *c; c++)
		*c = *c == '/' ? '_' : *c;
	snprintf(path, sizeof path, "%s/%s.npy", dir, name);
	GO(file_mkdirs(dir));
	GO(npy_header(t, &head));
	buf_add(&head, t->data, t->bytes);
	GO(buf_status(&head));
	GO(file_write(path, buf_span(&head)));
out:
	buf_release(&head);
	return st;
}

static struct status run(struct infer *f)
{
	const struct model_io *io = model_outputs(f->model, &f->n_out);
	TRY(exec_shapes(f->exec, f->in, f->out));
	for (uint32_t i = 0; i < f->n_out; i++) {
		f->out[i].data = mem_alloc(f->out[i].bytes);
		if (!f->out[i].data)
			return FAIL(NO_MEMORY, "no memory for output '%.*s'", STR_ARG(io[i].name));
	}
	TRY(exec_run(f->exec, f->in, f->out));
	for (uint32_t i = 0; i < f->n_out; i++) {
		TRY(show(f, &io[i], &f->out[i]));
		TRY(save(f, &io[i], &f->out[i]));
	}
	return STATUS_GOOD;
}

static struct status infer(int argc, char **argv)
{
	struct status st = STATUS_GOOD;
	struct infer *f = mem_zero(sizeof *f);
	const char *path;
	uint64_t threads;

	if (!f)
		return FAIL(NO_MEMORY, "no memory to begin");
	GO(args_parse(WORD_INFER, argc, argv, &f->args));
	GO(args_one(&f->args, WORD_INFER, &path));
	GO(args_u64(&f->args, OPT_INFER_THREADS, 0, POOL_THREADS_MAX, &threads));
	struct model_options o = {.backend = f->args.value[OPT_INFER_BACKEND]};
	GO(model_open(path, &o, &f->model));
	GO(load_all(f));
	GO(exec_new(f->model, threads ? (uint32_t)threads : pool_usable_cpus(), &f->exec));
	GO(run(f));
out:
	infer_release(f);
	mem_free(f);
	return st;
}

int cli_infer(int argc, char **argv)
{
	return args_report(WORD_INFER, infer(argc, argv));
}
