/* Rules and files of keys from arbitrary bytes; what is read must answer any request. */
#include "base/file.h"
#include "base/panic.h"
#include "front/access.h"

#include <stdio.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static struct str find(const void *request, struct str name)
{
	return name.n > 1 ? *(const struct str *)request : STR_NONE;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	char path[64], text[ACCESS_TEXT_BYTES], rule[512];
	struct access a;
	access_init_grpc(&a);
	snprintf(rule, sizeof rule, "%.*s", n < 500 ? (int)n : 500, (const char *)p);
	struct status st = access_restrict(&a, "option", rule);
	snprintf(path, sizeof path, "/tmp/nereid-fuzz-keys-%d", (int)getpid());
	FILE *f = fopen(path, "w");
	CHECK(f && fwrite(p, 1, n, f) == n);
	fclose(f);
	st = access_keys_open(path, &a.keys);
	if (st.code)
		a.keys = 0;
	struct str shown = {(const char *)p, n < 8 ? n : 8};
	for (int g = 0; g < ACCESS_GROUPS; g++) {
		*text = 0;
		enum access_result r = access_check(&a, (enum access_group)g, shown, find, &shown, text);
		CHECK((r == ACCESS_GOOD) == (*text == 0));
	}
	access_keys_free(a.keys);
	unlink(path);
	return 0;
}
