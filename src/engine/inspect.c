/* What a model is, as text: inputs, outputs, layers with sizes and operations; as tables, JSON or
 * a dot graph.
 *
 * An ONNX file is shown as written, after inference; a plan is shown as it will run on this
 * host, with backends and tactics. Sizes are those of batch 1. Reads only.
 */
#include "engine/engine_priv.h"

#include "base/panic.h"
#include "codec/json.h"

#include <inttypes.h>

static const struct ir_graph *graph_of(const struct model *m)
{
	for (const struct variant *v = m->variants; v; v = v->next)
		if (!v->key_bytes)
			return v->graph;
	return m->portable;
}

static void put_values(struct buf *b, const struct ir_graph *g, const char *title, struct ir_value *const *list, uint32_t n)
{
	char text[256];
	for (uint32_t i = 0; i < n; i++)
		buf_printf(b, "%-8s %s\n", title, ir_value_text(g, list[i], text, sizeof text));
}

static uint64_t weights_of(const struct ir_node *n)
{
	uint64_t bytes = 0;
	for (uint32_t i = 0; i < n->n_in; i++)
		bytes += n->in[i] ? n->in[i]->data_bytes : 0;
	return bytes;
}

static void put_tables(struct buf *b, const struct model *m, const struct ir_graph *g)
{
	double flops = 0;
	char text[256];
	buf_printf(b, "%s: %u nodes, %.1f MB of weights, runs on %s\n", m->path, g->n_nodes,
	           (double)m->weights_bytes / 1e6, m->backend_text);
	put_values(b, g, "input", g->inputs, g->n_inputs);
	put_values(b, g, "output", g->outputs, g->n_outputs);
	buf_printf(b, "%-32s %-22s %-5s %12s %12s  %s\n", "layer", "op", "by", "weights B", "MFLOP", "output");
	for (uint32_t i = 0; i < g->n_nodes; i++) {
		const struct ir_node *n = g->nodes[i];
		double f = ir_node_flops(n, 1);
		flops += f;
		buf_printf(b, "%-32.*s %-22s %-5.*s %12" PRIu64 " %12.3f  %s\n", STR_ARG(n->name), op_info(n->op)->text,
		           STR_ARG(ir_attr_str(n, ATTR_ID_BACKEND, STR("-"))), weights_of(n), f / 1e6,
		           n->out[0] ? ir_value_text(g, n->out[0], text, sizeof text) : "-");
	}
	buf_printf(b, "total %.1f MFLOP at batch 1\n", flops / 1e6);
}

static void put_dot(struct buf *b, const struct ir_graph *g)
{
	buf_z(b, "digraph model {\n  node [shape=box];\n");
	for (uint32_t i = 0; i < g->n_nodes; i++) {
		const struct ir_node *n = g->nodes[i];
		buf_printf(b, "  n%u [label=\"%s\\n%.*s\"];\n", i, op_info(n->op)->text, STR_ARG(n->name));
		for (uint32_t k = 0; k < n->n_in; k++)
			if (n->in[k] && n->in[k]->producer)
				buf_printf(b, "  n%u -> n%u;\n", n->in[k]->producer->id, i);
	}
	buf_z(b, "}\n");
}

static void put_json_values(struct buf *b, const struct ir_graph *g, struct ir_value *const *list, uint32_t n)
{
	buf_byte(b, '[');
	for (uint32_t i = 0; i < n; i++) {
		buf_printf(b, "%s{\"name\":", i ? "," : "");
		json_put_str(b, list[i]->name);
		buf_printf(b, ",\"datatype\":\"%s\",\"shape\":[", dtype_wire(list[i]->dtype));
		for (int32_t k = 0; k < list[i]->rank; k++)
			buf_printf(b, "%s%" PRId64, k ? "," : "", dim_known(list[i]->dims[k]) ? list[i]->dims[k].k : -1);
		buf_z(b, "]}");
	}
	buf_byte(b, ']');
	CHECK_MAGIC(g, IR_GRAPH_MAGIC);
}

static void put_json(struct buf *b, const struct model *m, const struct ir_graph *g)
{
	buf_z(b, "{\"path\":");
	json_put_str(b, str_from(m->path));
	buf_printf(b, ",\"weights_bytes\":%" PRIu64 ",\"inputs\":", m->weights_bytes);
	put_json_values(b, g, g->inputs, g->n_inputs);
	buf_z(b, ",\"outputs\":");
	put_json_values(b, g, g->outputs, g->n_outputs);
	buf_z(b, ",\"layers\":[");
	for (uint32_t i = 0; i < g->n_nodes; i++) {
		const struct ir_node *n = g->nodes[i];
		buf_printf(b, "%s{\"name\":", i ? "," : "");
		json_put_str(b, n->name);
		buf_printf(b, ",\"op\":\"%s\",\"backend\":", op_info(n->op)->text);
		json_put_str(b, ir_attr_str(n, ATTR_ID_BACKEND, STR("")));
		buf_printf(b, ",\"weights_bytes\":%" PRIu64 ",\"flops\":%.0f}", weights_of(n), ir_node_flops(n, 1));
	}
	buf_z(b, "]}\n");
}

struct status engine_inspect(const char *path, bool dot, bool json, struct buf *out)
{
	struct model *m;
	struct model_options o = {0};
	TRY(model_open(path, &o, &m));
	const struct ir_graph *g = graph_of(m);
	if (dot)
		put_dot(out, g);
	else if (json)
		put_json(out, m, g);
	else
		put_tables(out, m, g);
	model_free(m);
	return buf_status(out);
}
