#include "app/demo.h"

#include "engine/model.h"
#include "tests/test.h"

/* Built with the model or without: both are said clearly. */
static void the_built_in_model_opens_or_says_that_it_is_not_there(void **state)
{
	struct err e = {.code = ERR_NONE};
	struct model *m;
	const void *data;
	size_t size;

	(void)state;
	if (!demo_bytes(&data, &size, &e)) {
		CHECK_INT(e.code, ERR_UNSUPPORTED);
		SKIP("built without app/demo/demo.gguf");
	}
	CHECK(size > 4 && size <= 8 << 20 && !memcmp(data, "GGUF", 4));
	m = model_open_mem("demo", data, size, &e);
	if (!m)
		fail_msg("%s", e.msg);
	model_close(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(the_built_in_model_opens_or_says_that_it_is_not_there) };
	return RUN(tests);
}
