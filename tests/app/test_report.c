#include "app/report.h"

#include <jansson.h>

#include "tests/test.h"

/* A bit of everything, as inspect and bench write it. */
static struct report sample(bool json)
{
	struct report r;

	report_start(&r, json);
	report_group(&r, "speed");
	report_int(&r, "decode_tokens", 64, "tokens");
	report_num(&r, "depth_per_s", 12.345, 1, "tokens/s");
	report_num(&r, "unknown", (double)NAN, 1, "nats");
	report_row(&r, "decode");
	report_num(&r, "median_per_s", 1.25, 2, "tokens/s");
	report_num(&r, "from_per_s", 1, 2, "");
	report_end(&r);
	report_bytes(&r, "kv_bytes", 4096000);
	report_bool(&r, "exact", true);
	report_end(&r);
	report_names(&r, "metadata");
	report_str(&r, "general.file_type", "a\x1b[2Jb");
	report_end(&r);
	return r;
}

static void text_lines_up_and_names_units(void **state)
{
	struct report r = sample(false);

	(void)state;
	CHECK_STR(r.out.data, "speed\n"
			      "  decode tokens         64 tokens\n"
			      "  depth                 12.3 tokens/s\n"
			      "  unknown               not measured\n"
			      "  decode                median 1.25 tokens/s, from 1.00\n"
			      "  kv                    4.1 MB\n"
			      "  exact                 yes\n"
			      "\nmetadata\n"
			      "  general.file_type                     a\\x1B[2Jb\n");
	report_free(&r);
}

static void json_holds_the_same_facts_unrounded(void **state)
{
	struct report r = sample(true);
	json_error_t e;
	json_t *root, *speed;

	(void)state;
	buf_char(&r.out, '}');
	root = json_loads(r.out.data, 0, &e);
	CHECK(root != NULL);
	speed = json_object_get(root, "speed");
	CHECK_NEAR(json_number_value(json_object_get(speed, "depth_per_s")), 12.345, 1e-9);
	CHECK(json_is_null(json_object_get(speed, "unknown")));
	CHECK_INT(json_integer_value(json_object_get(speed, "kv_bytes")), 4096000);
	CHECK(json_is_true(json_object_get(speed, "exact")));
	CHECK_NEAR(json_number_value(json_object_get(json_object_get(speed, "decode"), "median_per_s")), 1.25, 0);
	CHECK(!strchr(r.out.data, '\x1b'));
	json_decref(root);
	report_free(&r);
}

static void bytes_are_shown_in_the_unit_that_fits(void **state)
{
	static const struct { uint64_t n; const char *shown; } cases[] = {
		{0, "n                       0 bytes\n"}, {999, "n                       999 bytes\n"},
		{1000, "n                       1.0 kB\n"}, {123456789, "n                       123 MB\n"},
		{4657071648, "n                       4.7 GB\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct report r;

		report_start(&r, false);
		report_bytes(&r, "n_bytes", cases[i].n);
		CHECK_STR(r.out.data, cases[i].shown);
		report_free(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(text_lines_up_and_names_units),
		TEST(json_holds_the_same_facts_unrounded),
		TEST(bytes_are_shown_in_the_unit_that_fits),
	};
	return RUN(tests);
}
