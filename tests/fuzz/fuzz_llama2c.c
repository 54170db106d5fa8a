/*
 * fuzz_llama2c -- arbitrary bytes as a llama2.c model: header, sizes, binding.
 */
#include <stdlib.h>

#include "engine/llama2c.h"
#include "engine/weights.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static float row[1 << 20];
	struct err e = { .code = ERR_NONE };
	struct llama2c *b = llama2c_open_mem("fuzz", data, size, &e);
	struct weights w;

	if (!b)
		return 0;
	const struct tensor_dir *dir = llama2c_tensors(b);
	for (size_t i = 0; i < dir->n; i++)
		tensor_row_f32(&dir->t[i], dir->t[i].rows - 1, row);
	/* What the header's checks let through has the right shapes. */
	if (!weights_bind(&w, dir, llama2c_hparams(b), &e))
		abort();
	weights_free(&w);
	llama2c_close(b);
	return 0;
}
