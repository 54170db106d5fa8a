#include "engine/dtype.h"

#include <strings.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "model files are little-endian and are used as they lie in memory"
#endif

#define DTYPE(id, name) extern const struct dtype_def dtype_##name;
#include "engine/dtypes/dtypes.def"
#undef DTYPE

const struct dtype_def *const dtypes[N_DTYPES] = {
#define DTYPE(id, name) [DTYPE_##name] = &dtype_##name,
#include "engine/dtypes/dtypes.def"
#undef DTYPE
};

static const uint32_t gguf_ids[N_DTYPES] = {
#define DTYPE(id, name) [DTYPE_##name] = id,
#include "engine/dtypes/dtypes.def"
#undef DTYPE
};

/* Types ggml knows and we do not run (ggml.h, enum ggml_type).  Numbers that
 * were given back (4, 5, 31 to 33, 36 to 38) are as unknown as any other. */
static const struct { uint32_t id; const char *name; } foreign[] = {
	{ 9, "Q8_1" }, { 15, "Q8_K" }, { 16, "IQ2_XXS" }, { 17, "IQ2_XS" }, { 18, "IQ3_XXS" },
	{ 19, "IQ1_S" }, { 20, "IQ4_NL" }, { 21, "IQ3_S" }, { 22, "IQ2_S" }, { 23, "IQ4_XS" },
	{ 24, "I8" }, { 25, "I16" }, { 26, "I32" }, { 27, "I64" }, { 28, "F64" }, { 29, "IQ1_M" },
	{ 34, "TQ1_0" }, { 35, "TQ2_0" }, { 39, "MXFP4" }, { 40, "NVFP4" }, { 41, "Q1_0" }, { 42, "Q2_0" },
};

int dtype_from_gguf(uint32_t id, const char **name)
{
	*name = NULL;
	for (int t = 0; t < N_DTYPES; t++)
		if (gguf_ids[t] == id)
			return t;
	for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
		if (foreign[i].id == id)
			*name = foreign[i].name;
	return -1;
}

int dtype_find(const char *name)
{
	for (int t = 0; t < N_DTYPES; t++)
		if (!strcasecmp(dtypes[t]->name, name))
			return t;
	return -1;
}

uint32_t dtype_gguf_id(enum dtype t)
{
	return gguf_ids[t];
}

size_t dtype_row_bytes(enum dtype t, size_t n)
{
	return n / (size_t)dtypes[t]->block * (size_t)dtypes[t]->bytes;
}
