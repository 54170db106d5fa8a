#include "tests/golden.h"

#include <stdlib.h>

#include "tests/test.h"

void golden(const char *name, const struct buf *screen)
{
	struct buf want = { 0 };
	char path[128];
	struct err e = { 0 };
	FILE *f;

	snprintf(path, sizeof path, "tests/screens/%s.txt", name);
	if (getenv("GOLDEN")) {
		CHECK((f = fopen(path, "w")) != NULL);
		CHECK(fwrite(screen->data, 1, screen->len, f) == screen->len);
		fclose(f);
		return;
	}
	f = fopen(path, "r");
	if (!f)
		fail_msg("%s is missing; GOLDEN=1 writes it", path);
	CHECK(buf_read_fd(&want, fileno(f), 1 << 20, &e));
	fclose(f);
	if (want.len != screen->len || memcmp(want.data, screen->data, want.len) != 0)
		fail_msg("%s is another screen (GOLDEN=1 writes it):\n%s", path, screen->data);
	buf_free(&want);
}
