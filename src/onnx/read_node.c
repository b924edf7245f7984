/* Nodes of an ONNX graph: lookup, inputs, attributes, outputs.
 *
 * The table onnx_ops.def says which attributes an operator has; older forms are brought to the
 * newest by onnx__convert_* (convert.c) after the node is made, so the rest of the program knows
 * one form of each operator. Three operators have no node of their own kind: Constant becomes a
 * constant, Upsample becomes Resize, and Softmax before opset 13 may become several nodes.
 * Whatever is not understood is refused with the node's name and number; nothing is skipped in
 * silence. Owned by the reader's thread.
 */
#include "onnx/onnx_priv.h"

#include "base/panic.h"

struct op_form {
	uint32_t inputs_max;
	onnx_convert_fn *convert;
	const char *kept, *older;
};

static const struct op_form forms[OP_COUNT] = {
#define X(op, inputs_max, convert, kept, older) \
	[OP_##op] = {inputs_max, onnx__convert_##convert, kept, older},
#include "onnx/onnx_ops.def"
#undef X
};

struct status onnx__attribute(struct onnx_reader *r, const char *name, enum ox_attr_type type,
                              const struct ox_attribute **out)
{
	*out = 0;
	for (uint32_t i = 0; i < r->node->attribute.n; i++) {
		const struct ox_attribute *a = &r->node->attribute.p[i];
		if (!str_is(a->name, name))
			continue;
		if (*out)
			return NODE_FAIL(r, CORRUPT, "attribute '%s' is given twice", name);
		if (a->ref_attr_name.n)
			return NODE_FAIL(r, CORRUPT, "attribute '%s' refers to a function's argument", name);
		if (a->type != (int32_t)type && a->type != OX_UNDEFINED)
			return NODE_FAIL(r, CORRUPT, "attribute '%s' is of type %s, not %s", name,
			                 pb_enum_text(&ox_attr_type_pb, a->type) ? : "?",
			                 pb_enum_text(&ox_attr_type_pb, (int32_t)type));
		*out = a;
	}
	return STATUS_GOOD;
}

struct status onnx__use(struct onnx_reader *r, struct str name, struct ir_value **out)
{
	*out = 0;
	if (!name.n)
		return STATUS_GOOD;
	struct ir_value *v = map_get(&r->values, name);
	if (!v)
		return NODE_FAIL(r, CORRUPT, "its input '%.*s' is made by no input, initialiser or earlier node "
		                 "(nodes must be in order, without cycles)", STR_ARG(name));
	if (v == &r->lost)
		return NODE_FAIL(r, UNSUPPORTED, "its input '%.*s' is one that only training computes; export "
		                 "the model for inference", STR_ARG(name));
	*out = v;
	return STATUS_GOOD;
}

struct status onnx__output(struct onnx_reader *r, struct ir_node *n, uint32_t i, struct str name)
{
	struct ir_value *v = ir_value_new(r->g, name);
	if (!v)
		return READER_FULL(r);
	ir_node_output(n, i, v);
	return name.n ? onnx__define(r, name, v) : STATUS_GOOD;
}

static bool listed(const char *list, struct str word)
{
	for (const char *p = list; *p;) {
		size_t n = strcspn(p, " ");
		if (n == word.n && memcmp(p, word.p, n) == 0)
			return true;
		p += n + (p[n] == ' ');
	}
	return false;
}

static struct status set_attribute(struct onnx_reader *r, struct ir_node *n, const struct ox_attribute *a,
                                   enum attr id)
{
	static const enum ox_attr_type types[] = {
		[ATTR_INT] = OX_INT, [ATTR_FLOAT] = OX_FLOAT, [ATTR_INTS] = OX_INTS, [ATTR_FLOATS] = OX_FLOATS,
		[ATTR_STRING] = OX_STRING, [ATTR_TENSOR] = OX_TENSOR};
	const struct ox_attribute *checked;
	struct ir_value *t;
	bool good = false;
	TRY(onnx__attribute(r, attr_text(id), types[attr_kind(id)], &checked));
	switch (attr_kind(id)) {
	case ATTR_INT: good = ir_set_int(r->g, n, id, a->i); break;
	case ATTR_FLOAT: good = ir_set_float(r->g, n, id, a->f); break;
	case ATTR_INTS: good = ir_set_ints(r->g, n, id, a->ints.p, a->ints.n); break;
	case ATTR_STRING:
		good = ir_set_str(r->g, n, id, (struct str){(const char *)a->s.p, a->s.n});
		break;
	case ATTR_TENSOR:
		if (!a->t)
			return NODE_FAIL(r, CORRUPT, "attribute '%s' holds no tensor", attr_text(id));
		TRY(onnx__tensor(r, a->t, STR_NONE, &t));
		good = ir_set_tensor(r->g, n, id, t);
		break;
	case ATTR_FLOATS: UNREACHABLE();
	}
	return good ? STATUS_GOOD : READER_FULL(r);
}

static struct status attributes(struct onnx_reader *r, struct ir_node *n, const struct op_form *form)
{
	for (uint32_t i = 0; i < r->node->attribute.n; i++) {
		const struct ox_attribute *a = &r->node->attribute.p[i];
		enum attr id;
		if (listed(form->older, a->name))
			continue;
		if (listed(form->kept, a->name)) {
			CHECK(attr_from_text(a->name, &id));
			TRY(set_attribute(r, n, a, id));
			continue;
		}
		return NODE_FAIL(r, UNSUPPORTED, "attribute '%.*s' is not known for this operator at opset %lld",
		                 STR_ARG(a->name), (long long)r->opset);
	}
	return STATUS_GOOD;
}

static struct status make_outputs(struct onnx_reader *r, struct ir_node *n, uint32_t count)
{
	const struct ox_node *x = r->node;
	for (uint32_t i = 0; i < x->output.n; i++) {
		struct str name = x->output.p[i];
		if (i >= count && name.n)   /* running mean and such: fine until somebody wants them */
			TRY(onnx__define(r, name, &r->lost));
		else if (name.n || i == 0)
			TRY(onnx__output(r, n, i, name));
	}
	return STATUS_GOOD;
}

static struct status known_op(struct onnx_reader *r, enum op op, const struct op_form *form)
{
	const struct ox_node *x = r->node;
	const struct op_info *info = op_info(op);
	uint32_t n_in = x->input.n, n_out = x->output.n;
	while (n_in && !x->input.p[n_in - 1].n)
		n_in--;
	while (n_out > 1 && !x->output.p[n_out - 1].n)
		n_out--;
	if (n_in > LIMIT_ONNX_NODE_IO || n_out > LIMIT_ONNX_NODE_IO)
		return NODE_FAIL(r, LIMIT, "more than %d inputs or outputs", LIMIT_ONNX_NODE_IO);
	if (n_in > form->inputs_max && form->inputs_max != 255)
		return NODE_FAIL(r, CORRUPT, "%u inputs, where at most %u belong", n_in, form->inputs_max);
	if (!n_out)
		return NODE_FAIL(r, CORRUPT, "it has no outputs");
	uint32_t kept = info->out_max != 255 && n_out > info->out_max ? info->out_max : n_out;
	struct ir_node *n = ir_node_new(r->g, op, x->name, n_in > 8 ? n_in : 8, kept);
	if (!n)
		return READER_FULL(r);
	for (uint32_t i = 0; i < n_in; i++)
		TRY(onnx__use(r, x->input.p[i], &n->in[i]));
	TRY(attributes(r, n, form));
	TRY(form->convert(r, n));
	while (n->n_in && !n->in[n->n_in - 1])
		n->n_in--;
	for (uint32_t i = 0; i < info->in_min; i++)
		if (i >= n->n_in || !n->in[i])
			return NODE_FAIL(r, CORRUPT, "its input %u is missing", i);
	TRY(make_outputs(r, n, kept));
	return onnx__hint_node(r, n) ? STATUS_GOOD : READER_FULL(r);
}

/* ---- Constant ---- */

static struct status constant_tensor(struct onnx_reader *r, const struct ox_attribute *a, struct str name,
                                     struct ir_value **v)
{
	const void *data = 0;
	size_t n = 0;
	int64_t dims[1];
	bool list = a->type == OX_INTS || a->type == OX_FLOATS || a->type == OX_STRINGS;
	enum dtype dtype = DTYPE_INT64;
	if (a->type == OX_INT || a->type == OX_INTS) {
		dims[0] = list ? a->ints.n : 1;
		n = (size_t)dims[0] * 8;
		data = list ? (const void *)a->ints.p : &a->i;
	} else if (a->type == OX_FLOAT || a->type == OX_FLOATS) {
		dtype = DTYPE_FP32;
		dims[0] = list ? a->floats.n : 1;
		n = (size_t)dims[0] * 4;
		data = list ? (const void *)a->floats.p : &a->f;
	} else {
		dtype = DTYPE_BYTES;
		dims[0] = list ? a->strings.n : 1;
		TRY(onnx__strings(r, list ? a->strings.p : &a->s, (uint32_t)dims[0], &data, &n));
	}
	if (dtype != DTYPE_BYTES) {   /* out of the messages' memory */
		void *copy = arena_alloc(r->arena, n ? n : 1, 16);
		if (!copy)
			return READER_FULL(r);
		data = n ? memcpy(copy, data, n) : copy;
	}
	*v = ir_const(r->g, name, dtype, list, dims, data, n);
	if (!*v || !onnx__hint_set(r, *v, (struct onnx_hint){list, (uint8_t)dtype}))
		return READER_FULL(r);
	return STATUS_GOOD;
}

static struct status constant(struct onnx_reader *r)
{
	static const struct { const char *name; enum ox_attr_type type; } ways[] = {
		{"value", OX_TENSOR}, {"value_float", OX_FLOAT}, {"value_floats", OX_FLOATS},
		{"value_int", OX_INT}, {"value_ints", OX_INTS}, {"value_string", OX_STRING},
		{"value_strings", OX_STRINGS}};
	const struct ox_node *x = r->node;
	struct ir_value *v = 0;
	if (x->output.n != 1 || !x->output.p[0].n || x->attribute.n != 1)
		return NODE_FAIL(r, CORRUPT, "it needs one output and one attribute");
	struct ox_attribute a = x->attribute.p[0];
	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
		const struct ox_attribute *checked;
		if (!str_is(a.name, ways[i].name))
			continue;
		TRY(onnx__attribute(r, ways[i].name, ways[i].type, &checked));
		a.type = (int32_t)ways[i].type;
		if (ways[i].type == OX_TENSOR && !a.t)
			return NODE_FAIL(r, CORRUPT, "attribute 'value' holds no tensor");
		TRY(ways[i].type == OX_TENSOR ? onnx__tensor(r, a.t, x->output.p[0], &v) :
		    constant_tensor(r, &a, x->output.p[0], &v));
		return onnx__define(r, x->output.p[0], v);
	}
	return NODE_FAIL(r, UNSUPPORTED, "attribute '%.*s' is not supported", STR_ARG(a.name));
}

/* ---- dispatch ---- */

static struct status unknown_op(struct onnx_reader *r)
{
	const struct ox_node *x = r->node;
	for (uint32_t i = 0; i < x->attribute.n; i++)
		if (PB_IS_SET(&x->attribute.p[i], ox_attribute, g) || x->attribute.p[i].graphs.n)
			return NODE_FAIL(r, UNSUPPORTED, "it holds a graph of its own (control flow), which is not "
			                 "supported; export the model with the condition or loop resolved");
	return NODE_FAIL(r, UNSUPPORTED, "the operator '%.*s' of opset %lld is not supported; export the model "
	                 "without it, or serve it with another backend", STR_ARG(x->op_type),
	                 (long long)r->opset);
}

struct status onnx__node(struct onnx_reader *r, const struct ox_node *n)
{
	enum op op;
	r->node = n;
	TRY(onnx__name_check(r, n->name, "a node"));
	TRY(onnx__name_check(r, n->op_type, "an operator"));
	if (n->domain.n && !str_is(n->domain, "ai.onnx"))
		return NODE_FAIL(r, UNSUPPORTED, "the operator is of the domain '%.*s', and only ONNX's own are "
		                 "supported; export the model without custom or fused operators",
		                 STR_ARG(n->domain));
	if (str_is(n->op_type, "Constant"))
		return constant(r);
	if (str_is(n->op_type, "Upsample")) {
		static const struct op_form upsample = {2, onnx__convert_upsample, "mode", "scales"};
		return known_op(r, OP_RESIZE, &upsample);
	}
	if (!op_from_text(n->op_type, &op) || !forms[op].convert)
		return unknown_op(r);
	if ((op == OP_SOFTMAX || op == OP_LOG_SOFTMAX) && r->opset < 13)
		return onnx__softmax_flat(r, op);
	return known_op(r, op, &forms[op]);
}
