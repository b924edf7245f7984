/* Nodes that are refused, each with its sentence. */
#include "unit/onnx/parts.h"

TEST(refused)
{
	struct parts p;
	make(&p, "Frobnicate", 13);
	ASSERT_FAILS(read_parts(&p), UNSUPPORTED, "f: node 0 'node' (Frobnicate): the operator 'Frobnicate' of opset 13");
	make(&p, "Relu", 13);
	p.n.domain = STR("com.microsoft");
	ASSERT_FAILS(read_parts(&p), UNSUPPORTED, "domain 'com.microsoft'");
	make(&p, "Relu", 13);
	p.in[0] = STR("z");
	ASSERT_FAILS(read_parts(&p), CORRUPT, "its input 'z' is made by no");
	make(&p, "Relu", 13);
	p.in[0] = STR("y");
	ASSERT_FAILS(read_parts(&p), CORRUPT, "without cycles");
	make(&p, "Relu", 13);
	p.n.attribute.n = 1;
	p.a[0].name = STR("alpha");
	ASSERT_FAILS(read_parts(&p), UNSUPPORTED, "attribute 'alpha' is not known for this operator");
	make(&p, "LeakyRelu", 13);
	p.n.attribute.n = 1;
	p.a[0].name = STR("alpha");
	p.a[0].type = OX_INT;
	ASSERT_FAILS(read_parts(&p), CORRUPT, "attribute 'alpha' is of type INT, not FLOAT");
	make(&p, "If", 13);
	p.n.attribute.n = 1;
	PB_SET(&p.a[0], ox_attribute, g, ((struct span){(const uint8_t *)"", 0}));
	ASSERT_FAILS(read_parts(&p), UNSUPPORTED, "a graph of its own");
	arena_release(&arena);
}
