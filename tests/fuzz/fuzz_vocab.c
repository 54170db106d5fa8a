/* Any bytes as a vocabulary file: GGUF after an even first byte, llama2.c's tokenizer.bin
 * after an odd one.  What is accepted must tokenize and print. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/gguf.h"
#include "engine/vocab.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const struct vocab *v)
{
	static const char text[] = "Hello  world's 123\n\n<s>\xff caf\xc3\xa9 \xe4\xb8\xad<|im_end|> ab";
	struct err e;
	int32_t *ids;
	size_t n, len;

	for (int id = 0; id < vocab_size(v); id++) {
		const char *s = vocab_bytes(v, id, &len);

		if (len && vocab_find(v, s, len) >= vocab_size(v))
			__builtin_trap();
		vocab_raw(v, id, &len);
		vocab_is_end(v, id);
		if (vocab_kind(v, id) < TOKEN_NORMAL || vocab_kind(v, id) > TOKEN_BYTE)
			__builtin_trap();
	}
	if (!vocab_encode(v, text, sizeof text - 1, true, true, &ids, &n, &e))
		return;
	for (size_t i = 0; i < n; i++)
		if (ids[i] < 0 || ids[i] >= vocab_size(v))
			__builtin_trap();
	free(ids);
}

static struct vocab *from_file(const uint8_t *data, size_t size, struct err *e)
{
	char path[] = "/tmp/fuzz_vocab.XXXXXX";
	int fd = mkstemp(path);
	struct vocab *v = NULL;

	if (fd < 0)
		return NULL;
	if (write(fd, data, size) == (ssize_t)size)
		v = vocab_from_llama2c(path, 0, e);
	unlink(path);
	close(fd);
	return v;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gguf *g = NULL;
	struct vocab *v = NULL;
	struct err e;

	if (!size)
		return 0;
	if (*data & 1)
		v = from_file(data + 1, size - 1, &e);
	else if ((g = gguf_open_mem("fuzz", data + 1, size - 1, &e)))
		v = vocab_from_gguf(g, 0, &e);
	if (v)
		use(v);
	vocab_free(v);
	gguf_close(g);
	return 0;
}
