#include "engine/arch.h"

#include <string.h>

const struct arch archs[] = {
#define ARCH(name_, norm_, rope_, mlp_, pos, fused, qkv, all, doc_)                         \
	{ .name = name_, .doc = doc_, .norm = norm_, .rope = rope_, .mlp = mlp_,            \
	  .pos_embd = pos, .fused_qkv = fused, .qkv_bias = qkv, .all_bias = all },
#include "engine/archs.def"
#undef ARCH
};
const size_t n_archs = sizeof archs / sizeof *archs;

const struct arch *arch_find(const char *name, size_t n)
{
	for (size_t i = 0; i < n_archs; i++)
		if (strlen(archs[i].name) == n && !memcmp(archs[i].name, name, n))
			return &archs[i];
	return NULL;
}
