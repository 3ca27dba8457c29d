/* The kernel for 64-bit ARM, where NEON is always there. */
#include "search/simd.h"

#if defined(__aarch64__)
#include <arm_neon.h>

static void neon_dots(const uint8_t *rows, size_t count, size_t stride, const int8_t *query,
                      int32_t *out)
{
    int32_t query_sum = 0;
    for (size_t d = 0; d < stride; d++) {
        query_sum += query[d];
    }
    for (size_t i = 0; i < count; i++) {
        const uint8_t *row = rows + i * stride;
        int32x4_t sum = vdupq_n_s32(0);
        for (size_t at = 0; at < stride; at += 16) {
            uint8x16_t biased = vld1q_u8(row + at);
            int8x16_t a = vreinterpretq_s8_u8(veorq_u8(biased, vdupq_n_u8(NIMA_SIMD_BIAS)));
            int8x16_t b = vld1q_s8(query + at);
            sum = vpadalq_s16(sum, vmull_s8(vget_low_s8(a), vget_low_s8(b)));
            sum = vpadalq_s16(sum, vmull_high_s8(a, b));
        }
        out[i] = vaddvq_s32(sum) + NIMA_SIMD_BIAS * query_sum;
    }
}

static bool neon_usable(void)
{
    return true;
}

const struct nima_simd nima_search_simd_platform[] = {
    {.name = "neon", .dots = neon_dots, .usable = neon_usable},
    {.name = NULL},
};
#else
typedef int nima_search_simd_no_neon; /* a translation unit must not be empty */
#endif
