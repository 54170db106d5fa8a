#include "engine/tensor.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const struct tensor *tensor_find(const struct tensor_dir *dir, const char *name)
{
	for (size_t i = 0; i < dir->n; i++)
		if (!strcmp(dir->t[i].name, name))
			return &dir->t[i];
	return NULL;
}

const void *tensor_row(const struct tensor *t, size_t row)
{
	return t->data + row * t->row_bytes;
}

void tensor_row_f32(const struct tensor *t, size_t row, float *out)
{
	dtypes[t->type]->dequantize(tensor_row(t, row), out, t->cols);
}

size_t tensor_bytes(const struct tensor *t)
{
	return t->rows * t->row_bytes;
}

const char *tensor_shape_text(const struct tensor *t, char *out, size_t room)
{
	size_t n = 0;

	for (int i = 0; i < t->n_dims && n < room; i++)
		n += (size_t)snprintf(out + n, room - n, "%s%" PRId64, i ? ", " : "[", t->ne[i]);
	if (n < room)
		snprintf(out + n, room - n, "]");
	return out;
}
