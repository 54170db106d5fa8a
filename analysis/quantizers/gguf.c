/*
 * gguf -- every type of engine/dtypes, by its own name: q4_0, q6_k, bf16.
 *
 * Written and read back by the engine's own rows, so the weights are those a
 * model file of that type would give.  A row that is not a whole number of
 * blocks cannot be stored; ggml gives such tensors another type.
 */
#include <stdlib.h>

#include "analysis/quantizer.h"
#include "engine/base/mem.h"

static bool run(struct quant_job *q, struct err *e)
{
	const struct dtype_def *d = dtypes[q->spec->type];
	size_t bytes;
	void *row;

	if (q->cols % (size_t)d->block)
		return err_set(e, ERR_UNSUPPORTED, "rows of %zu are not whole blocks of %d", q->cols, d->block);
	if (!d->quantize)
		return err_set(e, ERR_UNSUPPORTED, "%s is not a type we write", d->name);
	bytes = dtype_row_bytes(q->spec->type, q->cols);
	row = mem_zalloc(bytes);
	for (size_t r = 0; r < q->rows; r++) {
		d->quantize(q->w + r * q->cols, row, q->cols);
		d->dequantize(row, q->out + r * q->cols, q->cols);
	}
	free(row);
	q->bits = 8 * (double)bytes * (double)q->rows;
	return true;
}

const struct quantizer_def quantizer_gguf = {
	.name = "gguf", .doc = "a type of GGUF files, named by itself: q8_0, q4_k, bf16, ...",
	.by_rows = true, .run = run,
};
