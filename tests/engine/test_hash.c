#include "engine/base/hash.h"

#include <stdlib.h>

#include "tests/test.h"

/* Feeds `n` bytes in pieces of `step`. */
static const char *digest(const char *s, size_t n, size_t step, char out[SHA256_TEXT])
{
	unsigned char d[SHA256_BYTES];
	struct sha256 h;

	sha256_start(&h);
	for (size_t i = 0; i < n; i += step)
		sha256_add(&h, s + i, n - i < step ? n - i : step);
	sha256_finish(&h, d);
	return sha256_text(d, out);
}

/* The examples of NIST's Secure Hashing page. */
static void the_published_digests_come_out(void **state)
{
	const char *two = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
	char out[SHA256_TEXT];

	(void)state;
	CHECK_STR(digest("", 0, 1, out), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	CHECK_STR(digest("abc", 3, 3, out), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	CHECK_STR(digest(two, strlen(two), 56, out),
	    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

static void a_million_letters_a_give_the_published_digest(void **state)
{
	char *a = malloc(1000000), out[SHA256_TEXT];

	(void)state;
	CHECK(a != NULL);
	memset(a, 'a', 1000000);
	CHECK_STR(digest(a, 1000000, 1000000, out),
	    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	free(a);
}

static void the_pieces_it_comes_in_do_not_matter(void **state)
{
	char text[300], whole[SHA256_TEXT], out[SHA256_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (char)(i * 7);
	for (size_t n = 0; n <= sizeof text; n += 13) {
		digest(text, n, n ? n : 1, whole);
		for (size_t step = 1; step < 130; step += 9)
			CHECK_STR(digest(text, n, step, out), whole);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_published_digests_come_out),
		TEST(a_million_letters_a_give_the_published_digest),
		TEST(the_pieces_it_comes_in_do_not_matter),
	};
	return RUN(tests);
}
