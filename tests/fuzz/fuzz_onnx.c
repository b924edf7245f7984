/* Any bytes as an ONNX file: what is read must infer or fail, and be a valid graph. */
#include "base/panic.h"
#include "onnx/onnx.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct arena a;
	struct onnx_model m;
	arena_init(&a, 16 << 20);
	if (!onnx_read((struct span){p, n}, "fuzz", 0, &a, &m).code) {
		if (!ir_infer(m.graph).code && !ir_compact(m.graph).code)
			CHECK(ir_verify(m.graph).code == STATUS_OK);
		onnx_release(&m);
	}
	arena_release(&a);
	return 0;
}
