/* A small ONNX model in parts, which a test may spoil before it is read. */
#ifndef NEREID_TEST_ONNX_PARTS_H
#define NEREID_TEST_ONNX_PARTS_H

#include "unit/test.h"

#include "onnx/onnx.h"
#include "onnx/onnx_priv.h"

#include <stdio.h>
#include <stdlib.h>

static struct arena arena __attribute__((unused));
static struct onnx_model model __attribute__((unused));

/* A model of the node x -> op -> y at the opset, which `edit` may spoil. */
struct parts {
	struct ox_model m; struct ox_graph g; struct ox_node n; struct ox_opset o; struct ox_value_info x, y;
	struct ox_type t; struct ox_tensor_type tt; struct ox_shape s; struct ox_dim d[2];
	struct str in[3], out[1]; struct ox_attribute a[2]; struct ox_tensor w; int64_t dims[2];
};

static inline void make(struct parts *p, const char *op, int64_t opset)
{
	memset(p, 0, sizeof *p);
	p->o.version = opset;
	p->m.ir_version = 8;
	p->m.graph = &p->g;
	p->m.opset_import.p = &p->o;
	p->m.opset_import.n = 1;
	p->g.node.p = &p->n;
	p->g.input.p = &p->x;
	p->g.output.p = &p->y;
	p->g.node.n = p->g.input.n = p->g.output.n = 1;
	p->x.name = p->in[0] = STR("x");
	p->y.name = p->out[0] = STR("y");
	p->x.type = &p->t;
	p->t.tensor_type = &p->tt;
	p->tt.elem_type = 1;
	p->tt.shape = &p->s;
	p->s.dim.p = p->d;
	p->s.dim.n = 2;
	PB_SET(&p->d[0], ox_dim, dim_param, STR("N"));
	PB_SET(&p->d[1], ox_dim, dim_value, 4);
	p->n.op_type = str_from(op);
	p->n.name = STR("node");
	p->n.input.p = p->in;
	p->n.output.p = p->out;
	p->n.input.n = p->n.output.n = 1;
	p->n.attribute.p = p->a;
	p->g.initializer.p = &p->w;
	p->w.name = STR("w");
	p->w.dims.p = p->dims;
	p->w.data_type = 1;
}

static inline struct status read_parts(const struct parts *p)
{
	struct buf b;
	buf_init(&b, 1 << 16);
	assert_int_equal(pb_encode(&ox_model_pb, &p->m, &b).code, 0);
	arena_release(&arena);
	arena_init(&arena, 1 << 20);
	struct status st = onnx_read(buf_span(&b), "f", 0, &arena, &model);
	if (!st.code) {
		assert_int_equal(ir_infer(model.graph).code, 0);
		assert_int_equal(ir_compact(model.graph).code, 0);
		assert_int_equal(ir_verify(model.graph).code, 0);
	}
	buf_release(&b);
	return st;
}

#endif
