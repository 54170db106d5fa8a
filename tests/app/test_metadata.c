#include "app/metadata.h"

#include "engine/gguf.h"
#include "tests/gguf_build.h"
#include "tests/test.h"

/* The metadata of the file that `b` builds, as text. */
static void shown(const struct gguf_build *b, struct report *r)
{
	struct buf bytes = {.data = NULL};
	struct gguf *g;
	struct err e;

	gguf_build_bytes(b, &bytes);
	g = gguf_open_mem("test", bytes.data, bytes.len, &e);
	CHECK(g != NULL);
	report_start(r, false);
	metadata_show(r, g);
	gguf_close(g);
	buf_free(&bytes);
}

static void has(const struct report *r, const char *key, const char *value)
{
	char line[300];

	snprintf(line, sizeof line, "  %-38s%s\n", key, value);
	if (!strstr(r->out.data, line))
		fail_msg("no '%s' in\n%s", line, r->out.data);
}

static void numbers_of_every_type_read_as_they_were_written(void **state)
{
	const double pi = 3.25;
	struct gguf_build b;
	struct report r;

	(void)state;
	gguf_build_init(&b);
	gguf_build_value(&b, "u8", 2, GGUF_U8, "\xff", 1);
	gguf_build_value(&b, "i8", 2, GGUF_I8, "\xff", 1);
	gguf_build_value(&b, "u16", 3, GGUF_U16, "\xfe\xff", 2);
	gguf_build_value(&b, "i16", 3, GGUF_I16, "\xfe\xff", 2);
	gguf_build_u32(&b, "u32", 4000000000u);
	gguf_build_value(&b, "i32", 3, GGUF_I32, "\xfd\xff\xff\xff", 4);
	gguf_build_value(&b, "u64", 3, GGUF_U64, "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
	gguf_build_value(&b, "i64", 3, GGUF_I64, "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
	gguf_build_f32(&b, "f32", 0.5f);
	gguf_build_value(&b, "f64", 3, GGUF_F64, &pi, 8);
	gguf_build_bool(&b, "yes_no", true);
	shown(&b, &r);
	has(&r, "u8", "255");
	has(&r, "i8", "-1");
	has(&r, "u16", "65534");
	has(&r, "i16", "-2");
	has(&r, "u32", "4000000000");
	has(&r, "i32", "-3");
	has(&r, "u64", "18446744073709551615");
	has(&r, "i64", "-1");
	has(&r, "f32", "0.5");
	has(&r, "f64", "3.25");
	has(&r, "yes_no", "yes");
	report_free(&r);
	gguf_build_free(&b);
}

static void long_values_are_cut_and_say_how_long_they_are(void **state)
{
	static const char *const words[] = {"a", "b", "c"};
	char text[1001];
	struct gguf_build b;
	struct report r;

	(void)state;
	memset(text, 'x', 1000);
	text[1000] = 0;
	gguf_build_init(&b);
	gguf_build_str(&b, "long", text);
	gguf_build_strings(&b, "list", words, 3);
	gguf_build_str(&b, "steers", "a\x1b[2J\nb");
	shown(&b, &r);
	has(&r, "list", "[3 x string]");
	has(&r, "steers", "a\\x1B[2J\\nb");
	CHECK(strstr(r.out.data, "xxx... (1000 bytes)\n") != NULL);
	CHECK(r.out.len < 800);
	report_free(&r);
	gguf_build_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(numbers_of_every_type_read_as_they_were_written),
		TEST(long_values_are_cut_and_say_how_long_they_are),
	};
	return RUN(tests);
}
