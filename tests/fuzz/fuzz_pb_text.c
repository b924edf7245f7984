/* Any text as a config.pbtxt: read, printed, read again, printed to the same. */
#include "base/panic.h"
#include "codec/model_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void ignore(void *ctx, const char *sentence)
{
	CHECK(sentence && !ctx);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct arena a;
	struct mc_config c, d;
	struct buf b, b2;
	struct pb_source src = {"fuzz", &a, n % 2 ? ignore : 0, 0};
	arena_init(&a, 4 << 20);
	buf_init(&b, 4 << 20);
	buf_init(&b2, 4 << 20);
	if (!pb_text_parse(&mc_config_pb, (struct str){(const char *)p, n}, &src, &c).code) {
		pb_text_print(&mc_config_pb, &c, &b);
		if (!buf_status(&b).code) {
			struct status st = pb_text_parse(&mc_config_pb, buf_text(&b), &src, &d);
			CHECK(st.code == STATUS_OK || st.code == STATUS_LIMIT);
			if (!st.code) {
				pb_text_print(&mc_config_pb, &d, &b2);
				CHECK(str_eq(buf_text(&b), buf_text(&b2)));
			}
		}
	}
	buf_release(&b);
	buf_release(&b2);
	arena_release(&a);
	return 0;
}
