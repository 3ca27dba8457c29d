/* Processors without a kernel of their own: plain C alone. */
#include "search/simd.h"

#if !defined(__x86_64__) && !defined(__aarch64__)
const struct nima_simd nima_search_simd_platform[] = {{.name = NULL}};
#else
typedef int nima_search_simd_elsewhere; /* a translation unit must not be empty */
#endif
