/* onnx_copy IN OUT: reads an ONNX file, infers, writes it again. For tests/e2e/test_onnx.py. */
#include "onnx/onnx.h"

#include <stdio.h>

int main(int argc, char **argv)
{
	struct arena a;
	struct onnx_model m;
	arena_init(&a, 1 << 28);
	struct status st = argc == 3 ? onnx_open(argv[1], &a, &m) : FAIL(INVALID_ARG, "onnx_copy IN OUT");
	if (!st.code) {
		st = ir_infer(m.graph);
		if (!st.code)
			st = onnx_write(m.graph, "nereid", argv[2]);
		onnx_release(&m);
	}
	arena_release(&a);
	if (st.code)
		printf("%s\n", st.msg);
	return st.code != STATUS_OK;
}
