#include "tests/test.h"

#include <stdlib.h>

#include "engine/base/table.h"

static void a_key_is_found_and_another_is_not(void **state)
{
	struct table *t = table_new(2);

	(void)state;
	CHECK_INT(table_get(t, "dog", 3), -1);
	table_put(t, "dog", 3, 7);
	table_put(t, "do", 2, 8);
	table_put(t, "", 0, 9);
	CHECK_INT(table_get(t, "dog", 3), 7);
	CHECK_INT(table_get(t, "do", 2), 8);
	CHECK_INT(table_get(t, "", 0), 9);
	CHECK_INT(table_get(t, "dogs", 4), -1);
	CHECK_INT(table_count(t), 3);
	table_free(t);
	table_free(NULL);
}

static void putting_again_replaces_the_value(void **state)
{
	struct table *t = table_new(0);

	(void)state;
	table_put(t, "a", 1, 1);
	table_put(t, "a", 1, 2);
	CHECK_INT(table_get(t, "a", 1), 2);
	CHECK_INT(table_count(t), 1);
	table_free(t);
}

/* Lengths 0 to 40 over the same bytes: every branch of the hash and its overlap. */
static void keys_of_every_length_are_told_apart(void **state)
{
	static const char bytes[] = "aaaaaaaabbbbbbbbaaaaaaaabbbbbbbbaaaaaaaab";
	struct table *t = table_new(4);

	(void)state;
	for (int n = 0; n <= 40; n++)
		table_put(t, bytes, (size_t)n, n);
	for (int n = 0; n <= 40; n++) {
		CHECK_INT(table_get(t, bytes, (size_t)n), n);
		if (n > 3)
			CHECK_INT(table_get(t, bytes + 1, (size_t)n), n < 8 ? n : -1);
	}
	CHECK_INT(table_count(t), 41);
	table_free(t);
}

static void a_table_that_expected_little_grows(void **state)
{
	enum { N = 100000 };
	char (*key)[12] = malloc(N * sizeof *key);
	struct table *t = table_new(1);

	(void)state;
	for (int i = 0; i < N; i++) {
		snprintf(key[i], sizeof key[i], "%d", i);
		table_put(t, key[i], strlen(key[i]), i);
	}
	CHECK_INT(table_count(t), N);
	for (int i = 0; i < N; i++)
		CHECK_INT(table_get(t, key[i], strlen(key[i])), i);
	CHECK_INT(table_get(t, "100000", 6), -1);
	table_free(t);
	free(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_key_is_found_and_another_is_not),
		TEST(putting_again_replaces_the_value),
		TEST(keys_of_every_length_are_told_apart),
		TEST(a_table_that_expected_little_grows),
	};

	return RUN(tests);
}
