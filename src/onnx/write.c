/* Writing a graph as an ONNX file.
 *
 * Nodes, inputs and outputs are small and are encoded into a buffer; weights are streamed
 * behind them, one after the other, so no buffer ever holds the file. Lengths in front of what is
 * streamed are computed by a first walk, and always take five bytes, so that positions are known;
 * each weight starts on 64 bytes of the file (a documentation field fills the gap), so that
 * reading it back copies nothing. The file appears under its name when it is complete. Owned by
 * the calling thread. Not here: external data (a file holds 2 GiB).
 */
#include "onnx/write_priv.h"

#include "base/mem.h"
#include "base/panic.h"

enum { HEAD_MAX = 256 << 20, FILE_MAX = INT32_MAX, LENGTH_BYTES = 5 };

/* A field of bytes whose content follows: tag, and the length in five bytes. */
static void put_length(struct buf *b, uint32_t number, uint64_t n)
{
	CHECK(number < 16 && n >> 35 == 0);
	buf_byte(b, (uint8_t)(number << 3 | 2));
	for (int i = 0; i < LENGTH_BYTES; i++)
		buf_byte(b, (uint8_t)((n >> 7 * i & 127) | (i + 1 < LENGTH_BYTES ? 128 : 0)));
}

static struct status put_message(struct buf *b, uint32_t number, const struct pb_msg *m, const void *x)
{
	size_t at = b->n;
	struct buf one;
	struct status st;
	buf_init(&one, HEAD_MAX);
	GO(pb_encode(m, x, &one));
	put_length(b, number, one.n);
	buf_add(b, one.p, one.n);
	GO(buf_status(b));
	CHECK(b->n == at + 1 + LENGTH_BYTES + one.n);
out:
	buf_release(&one);
	return st;
}

/* ---- names ---- */

static struct status name_values(struct onnx_writer *w)
{
	struct map seen;
	map_init(&seen, &w->scratch);
	w->names = ARENA_ARRAY(&w->scratch, w->g->n_values + 1, struct str);
	w->needed = ARENA_ARRAY(&w->scratch, w->g->n_values + 1, bool);
	if (!w->names || !w->needed)
		return FAIL(LIMIT, "%s: too many values to be written as ONNX", w->path);
	for (uint32_t i = 0; i < w->g->n_values; i++) {
		struct ir_value *v = w->g->values[i];
		struct str name = v->name;
		for (uint32_t k = 0; !name.n || map_get(&seen, name); k++) {
			const char *made = arena_printf(&w->scratch, "%.*s_%u_%u", STR_ARG(v->name), i, k);
			name = str_from(made);
			if (!made)
				return FAIL(LIMIT, "%s: too many values to be written as ONNX", w->path);
		}
		if (!map_put(&seen, name, v))
			return FAIL(LIMIT, "%s: too many values to be written as ONNX", w->path);
		w->names[i] = name;
	}
	return STATUS_GOOD;
}

/* ---- everything but weights ---- */

static struct status put_value(struct onnx_writer *w, struct buf *b, uint32_t number,
                               const struct ir_value *v)
{
	struct ox_dim dims[IR_RANK_MAX] = {0};
	struct ox_shape shape = {.dim = {dims, (uint32_t)v->rank, IR_RANK_MAX}};
	struct ox_tensor_type tensor = {.elem_type = dtype_onnx(v->dtype), .shape = &shape};
	struct ox_type type = {.tensor_type = &tensor};
	struct ox_value_info info = {.name = w->names[v->id], .type = &type};
	CHECK(v->rank >= 0 && v->dtype != DTYPE_INVALID);
	for (int32_t i = 0; i < v->rank; i++) {
		struct dim d = v->dims[i];
		if (dim_known(d))
			PB_SET(&dims[i], ox_dim, dim_value, d.k);
		else if (d.k == 1 && w->g->symbols[d.sym].name.n)
			PB_SET(&dims[i], ox_dim, dim_param, w->g->symbols[d.sym].name);
	}
	return put_message(b, number, &ox_value_info_pb, &info);
}

static struct status put_graph_head(struct onnx_writer *w, struct buf *b)
{
	const struct ir_graph *g = w->g;
	put_length(b, 2, g->name.n ? g->name.n : 5);
	buf_str(b, g->name.n ? g->name : STR("graph"));
	for (uint32_t i = 0; i < g->n_nodes; i++) {
		struct ox_node x = {0};
		if (g->nodes[i]->dead)
			continue;
		TRY(onnx__node_message(w, g->nodes[i], &x));
		TRY(put_message(b, 1, &ox_node_pb, &x));
	}
	for (uint32_t i = 0; i < g->n_inputs; i++) {
		w->needed[g->inputs[i]->id] = g->inputs[i]->data != 0;
		TRY(put_value(w, b, 11, g->inputs[i]));
	}
	for (uint32_t i = 0; i < g->n_outputs; i++) {
		w->needed[g->outputs[i]->id] |= g->outputs[i]->data != 0;
		TRY(put_value(w, b, 12, g->outputs[i]));
	}
	return buf_status(b);
}

/* ---- weights ---- */

static size_t varint_bytes(uint64_t v)
{
	size_t n = 1;
	for (; v > 127; v >>= 7)
		n++;
	return n;
}

/* The strings of a BYTES constant, one field each. */
static struct status put_strings(struct onnx_writer *w, const struct ir_value *v, struct buf *b)
{
	const uint8_t *p = v->data, *end = p + v->data_bytes;
	while (p < end) {
		uint32_t n;
		if (end - p < 4)
			return FAIL(CORRUPT, "%s: the strings of '%.*s' are cut off", w->path, STR_ARG(v->name));
		memcpy(&n, p, 4);
		p += 4;
		if (n > (size_t)(end - p))
			return FAIL(CORRUPT, "%s: the strings of '%.*s' are cut off", w->path, STR_ARG(v->name));
		put_length(b, 6, n);
		buf_add(b, p, n);
		p += n;
	}
	return buf_status(b);
}

/* What stands in front of the constant's bytes when its field in the graph begins at file position
 * `at`. *total: the field's size with the bytes. */
static struct status tensor_head(struct onnx_writer *w, const struct ir_value *v, uint64_t at, struct buf *b,
                                 uint64_t *total)
{
	struct ox_tensor t = {.data_type = dtype_onnx(v->dtype), .name = w->names[v->id]};
	int64_t dims[IR_RANK_MAX] = {0};
	struct buf body;
	struct status st;
	bool raw = v->dtype != DTYPE_BYTES;
	buf_init(&body, FILE_MAX);
	CHECK(v->data && v->rank >= 0);
	for (int32_t i = 0; i < v->rank; i++)
		dims[i] = v->dims[i].k;
	t.dims.p = dims;
	t.dims.n = (uint32_t)v->rank;
	GO(pb_encode(&ox_tensor_pb, &t, &body));
	if (raw) {   /* doc_string: its tag and length, then blanks; then raw_data's tag and length */
		uint64_t data_at = at + 1 + LENGTH_BYTES + body.n + 2 + 1 + LENGTH_BYTES;
		uint32_t fill = (uint32_t)(-data_at & 63);
		CHECK(varint_bytes(fill) == 1);
		buf_byte(&body, 12 << 3 | 2);
		buf_byte(&body, (uint8_t)fill);
		for (uint32_t i = 0; i < fill; i++)
			buf_byte(&body, ' ');
		put_length(&body, 9, v->data_bytes);
	} else {
		GO(put_strings(w, v, &body));
	}
	GO(buf_status(&body));
	put_length(b, 5, body.n + (raw ? v->data_bytes : 0));
	buf_add(b, body.p, body.n);
	GO(buf_status(b));
	*total = 1 + LENGTH_BYTES + body.n + (raw ? v->data_bytes : 0);
out:
	buf_release(&body);
	return st;
}

/* All constants from file position `at`; counted only where f is NULL. */
static struct status put_tensors(struct onnx_writer *w, uint64_t at, struct file_writer *f, uint64_t *end)
{
	struct status st = STATUS_GOOD;
	struct buf b;
	uint64_t total;
	buf_init(&b, FILE_MAX);
	for (uint32_t i = 0; i < w->g->n_values; i++) {
		const struct ir_value *v = w->g->values[i];
		if (!w->needed[i])
			continue;
		if (v->data_bytes > FILE_MAX)
			GO(FAIL(LIMIT, "%s: the weight '%.*s' has over 2 GiB", w->path, STR_ARG(v->name)));
		buf_reset(&b);
		GO(tensor_head(w, v, at, &b, &total));
		at += total;
		if (at > FILE_MAX)
			GO(FAIL(LIMIT, "%s: an ONNX file holds at most 2 GiB, and the weights are more", w->path));
		if (!f)
			continue;
		GO(file_writer_add(f, b.p, b.n));
		if (v->dtype != DTYPE_BYTES)
			GO(file_writer_add(f, v->data, v->data_bytes));
		CHECK(f->offset == at);
	}
	*end = at;
out:
	buf_release(&b);
	return st;
}

static struct status put_model_head(struct onnx_writer *w, const char *producer, struct buf *b)
{
	struct ox_opset opset = {.version = w->opset};
	struct ox_model m = {.ir_version = w->opset > 17 ? 9 : 8, .producer_name = str_from(producer)};
	m.opset_import.p = &opset;
	m.opset_import.n = 1;
	return pb_encode(&ox_model_pb, &m, b);
}

struct status onnx_write(const struct ir_graph *g, const char *producer, const char *path)
{
	struct onnx_writer w = {.path = path};
	struct file_writer f = {.fd = -1};
	struct buf head, body;
	struct status st;
	int64_t keep[IR_SYMBOLS_MAX];
	uint64_t at, end;
	CHECK_MAGIC(g, IR_GRAPH_MAGIC);
	memset(keep, 0xff, sizeof keep);   /* -1: symbols stay */
	arena_init(&w.scratch, HEAD_MAX);
	buf_init(&head, HEAD_MAX);
	buf_init(&body, HEAD_MAX);
	GO(ir_bind(g, keep, &w.scratch, &w.g));
	GO_MSG(ir_infer(w.g), "%s", path);
	w.opset = onnx__opset_needed(w.g);
	GO(name_values(&w));
	GO(put_model_head(&w, producer, &head));
	GO(put_graph_head(&w, &body));
	at = head.n + 1 + LENGTH_BYTES + body.n;
	GO(put_tensors(&w, at, 0, &end));
	put_length(&head, 7, end - (head.n + 1 + LENGTH_BYTES));
	GO(buf_status(&head));
	GO(file_writer_open(&f, path));
	GO(file_writer_add(&f, head.p, head.n));
	GO(file_writer_add(&f, body.p, body.n));
	GO(put_tensors(&w, at, &f, &end));
	GO(file_writer_commit(&f));
out:
	file_writer_release(&f);
	buf_release(&head);
	buf_release(&body);
	arena_release(&w.scratch);
	return st;
}
