/* The words of graphs: operators and attributes, from ops.def and attrs.def.
 *
 * Each table is projected once into an array; lookups by text walk it, which happens only when
 * a model is read. The functions ir_infer_* are declared by family, so a family that is named in
 * ops.def without a file in infer/ does not link. Constant, shared by all.
 */
#include "ir/ir.h"

#include "base/panic.h"

static const struct op_info ops[OP_COUNT] = {
#define X(name, text, family, in_min, in_max, out_min, out_max, flags) \
	{text, #family, in_min, in_max, out_min, out_max, flags},
#include "ir/ops.def"
#undef X
};

struct attr_row { const char *text; enum attr_kind kind; };
static const struct attr_row attrs[ATTR_COUNT] = {
#define X(name, text, kind) {text, ATTR_##kind},
#include "ir/attrs.def"
#undef X
};

const struct op_info *op_info(enum op op)
{
	CHECK((unsigned)op < OP_COUNT);
	return &ops[op];
}

bool op_from_text(struct str text, enum op *out)
{
	for (int i = 0; i < OP_COUNT; i++)
		if (str_is(text, ops[i].text)) {
			*out = (enum op)i;
			return true;
		}
	return false;
}

const char *attr_text(enum attr id)
{
	CHECK((unsigned)id < ATTR_COUNT);
	return attrs[id].text;
}

enum attr_kind attr_kind(enum attr id)
{
	CHECK((unsigned)id < ATTR_COUNT);
	return attrs[id].kind;
}

bool attr_from_text(struct str text, enum attr *out)
{
	for (int i = 0; i < ATTR_COUNT; i++)
		if (str_is(text, attrs[i].text)) {
			*out = (enum attr)i;
			return true;
		}
	return false;
}
