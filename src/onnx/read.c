/* Reading an ONNX file into a graph.
 *
 * The file is decoded into messages in a scratch arena (codec/pb_wire.c), and these are walked
 * once: initialisers, inputs, nodes in order, outputs. Names stay in the input; so does the data
 * of aligned tensors. The file is hostile until proven otherwise: every count, size, name and
 * offset is checked here or in read_*.c, and the sentence says which. On failure the caller gets
 * nothing and nothing stays open. Owned by the calling thread. Not here: shapes and types, which
 * ir_infer finds.
 */
#include "onnx/onnx_priv.h"

#include "base/panic.h"

enum { OPSET_MIN = 7, OPSET_MAX = 23, IR_VERSION_MIN = 3 };

static struct status version(struct onnx_reader *r, const struct ox_model *m)
{
	if (m->ir_version < IR_VERSION_MIN)
		return FAIL(CORRUPT, "%s: this is not an ONNX model (its format version is %lld)", r->where,
		            (long long)m->ir_version);
	for (uint32_t i = 0; i < m->opset_import.n; i++) {
		const struct ox_opset *o = &m->opset_import.p[i];
		if (!o->domain.n || str_is(o->domain, "ai.onnx"))
			r->opset = o->version;
	}
	if (!r->opset)
		return FAIL(CORRUPT, "%s: the model does not say which opset it uses", r->where);
	if (r->opset < OPSET_MIN || r->opset > OPSET_MAX)
		return FAIL(UNSUPPORTED, "%s: the model uses opset %lld; %d to %d are supported: convert it with "
		            "onnx.version_converter or export it again", r->where, (long long)r->opset,
		            OPSET_MIN, OPSET_MAX);
	if (m->functions.n)
		return FAIL(UNSUPPORTED, "%s: the model has %u functions of its own (the first is '%.*s'); inline "
		            "them with onnx.inliner.inline_local_functions", r->where, m->functions.n,
		            STR_ARG(m->functions.p[0].name));
	if (!m->graph)
		return FAIL(CORRUPT, "%s: the model holds no graph", r->where);
	return STATUS_GOOD;
}

static struct status graph(struct onnx_reader *r, const struct ox_graph *x)
{
	struct ir_value *v;
	if (x->sparse_initializer.n)
		return FAIL(UNSUPPORTED, "%s: sparse initialisers are not supported", r->where);
	if (x->node.n > LIMIT_ONNX_NODES)
		return FAIL(LIMIT, "%s: %u nodes; at most %d are accepted", r->where, x->node.n,
		            LIMIT_ONNX_NODES);
	r->g->name = arena_str(r->arena, x->name);
	for (uint32_t i = 0; i < x->initializer.n; i++) {
		const struct ox_tensor *t = &x->initializer.p[i];
		if (!t->name.n)
			return FAIL(CORRUPT, "%s: initialiser %u has no name", r->where, i);
		TRY(onnx__tensor(r, t, t->name, &v));
		TRY(onnx__define(r, t->name, v));
	}
	TRY(onnx__graph_inputs(r, x));
	for (uint32_t i = 0; i < x->node.n; i++) {
		r->node_index = i;
		TRY(onnx__node(r, &x->node.p[i]));
	}
	return onnx__graph_outputs(r, x);
}

/* Messages in memory are larger than in the file, but not without bound. */
static size_t scratch_limit(size_t n)
{
	size_t most = (size_t)1 << 30, factor = n < most / 64 ? 64 * n + (1 << 20) : most;
	return factor < most ? factor : most + 2 * n;
}

struct status onnx_read(struct span bytes, const char *where, const char *dir, struct arena *a,
                        struct onnx_model *out)
{
	struct onnx_reader r = {.where = where, .dir = dir, .arena = a, .out = out};
	struct ox_model m;
	struct status st;
	CHECK(where && a);
	memset(out, 0, sizeof *out);
	arena_init(&r.scratch, scratch_limit(bytes.n));
	map_init(&r.values, &r.scratch);
	if (!bytes.n)
		GO(FAIL(CORRUPT, "%s: the file is empty", where));
	GO_MSG(pb_decode(&ox_model_pb, bytes, where, &r.scratch, &m), "reading an ONNX model");
	GO(version(&r, &m));
	r.g = out->graph = ir_graph_new(a);
	if (!r.g)
		GO(READER_FULL(&r));
	GO(graph(&r, m.graph));
	out->ir_version = m.ir_version;
	out->opset = r.opset;
	out->producer = arena_str(a, m.producer_name);
	out->producer_version = arena_str(a, m.producer_version);
out:
	arena_release(&r.scratch);
	if (st.code)
		onnx_release(out);
	return st;
}

struct status onnx_open(const char *path, struct arena *a, struct onnx_model *out)
{
	struct file_map file = {0};
	struct status st = STATUS_GOOD;
	const char *name = path, *slash;
	memset(out, 0, sizeof *out);
	if (file_is_dir(path))
		name = arena_printf(a, "%s/model.onnx", path);
	slash = name ? strrchr(name, '/') : 0;
	const char *dir = slash ? arena_printf(a, "%.*s", (int)(slash - name) + (slash == name), name) : ".";
	if (!name || !dir)
		return FAIL(NO_MEMORY, "%s: out of memory", path);
	TRY(file_map(name, &file));
	GO(onnx_read(file.bytes, name, dir, a, out));
	out->file = file;
	file = (struct file_map){0};
out:
	file_unmap(&file);
	return st;
}

void onnx_release(struct onnx_model *m)
{
	for (uint32_t i = 0; i < m->n_external; i++)
		file_unmap(&m->external[i]);
	file_unmap(&m->file);
	memset(m, 0, sizeof *m);
}
