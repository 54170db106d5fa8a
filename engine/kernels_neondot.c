#include "engine/kernels.h"

#if defined(__aarch64__) && defined(__linux__)
#pragma GCC target("arch=armv8.2-a+dotprod")
#ifndef __ARM_FEATURE_DOTPROD
#define __ARM_FEATURE_DOTPROD 1         /* gcc 12 forgets to say so */
#endif
#include <sys/auxv.h>

static bool usable(void)
{
	return getauxval(AT_HWCAP) & 1u << 20;  /* HWCAP_ASIMDDP */
}

#define TABLE_NAME kernels_neondot
#define TABLE_TEXT "neondot"
#include "engine/kernels_neon.inc"
#else
typedef int kernels_neondot_needs_its_machine;
#endif
