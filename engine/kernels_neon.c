#include "engine/kernels.h"

#if defined(__aarch64__)
static bool usable(void)
{
	return true;
}

#define TABLE_NAME kernels_neon
#define TABLE_TEXT "neon"
#include "engine/kernels_neon.inc"
#else
typedef int kernels_neon_needs_its_machine;
#endif
