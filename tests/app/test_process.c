#include "app/process.h"

#include <stdlib.h>
#include <unistd.h>

#include "tests/test.h"

static void memory_that_was_held_shows_in_the_peak(void **state)
{
	size_t before = process_peak_memory(), n = 64 << 20;
	volatile char *p;

	(void)state;
	if (access("/proc/self/status", R_OK))
		SKIP("the system does not tell");
	CHECK(before > 100000);
	CHECK((p = malloc(n)) != NULL);
	for (size_t i = 0; i < n; i += 1024)
		p[i] = 1;
	CHECK(process_peak_memory() > before + n / 2);
	free((void *)p);
}

static void the_processor_has_one_line_or_none(void **state)
{
	char name[80];

	(void)state;
	CHECK(process_cpu(name, sizeof name) == name);
	CHECK(!strchr(name, '\n'));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(memory_that_was_held_shows_in_the_peak),
		TEST(the_processor_has_one_line_or_none),
	};
	return RUN(tests);
}
