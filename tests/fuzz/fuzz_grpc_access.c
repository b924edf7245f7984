/* The name of a model that access is given by must be the one that the decoder finds. */
#include "base/panic.h"
#include "codec/grpc_service.h"
#include "front/grpc_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct gs_infer ask;
	struct gs_load load;
	struct arena a;
	struct str name = STR_NONE;
	bool good = grpc__find_string(p, n, 1, &name);
	arena_init(&a, 16 << 20);
	struct status st = pb_decode(&gs_infer_pb, (struct span){p, n}, "fuzz", &a, &ask);
	CHECK(st.code || !good || str_eq(name, ask.model_name));
	name = STR_NONE;
	good = grpc__find_string(p, n, 2, &name);
	st = pb_decode(&gs_load_pb, (struct span){p, n}, "fuzz", &a, &load);
	CHECK(st.code || !good || str_eq(name, load.model_name));
	arena_release(&a);
	return 0;
}
