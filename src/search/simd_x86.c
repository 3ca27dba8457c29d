/* Kernels for x86-64. The scan waits for memory more than for arithmetic: rows are read one after
 * another, a fixed distance ahead is asked for, and nothing else is touched. */
#include "search/simd.h"

#if defined(__x86_64__)
#include <immintrin.h>

enum { AHEAD = 2048 }; /* bytes; measured best of 0..8192 */

#define AVX2 __attribute__((target("avx2")))
#define VNNI __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))

AVX2 static inline int32_t sum_of_8(__m256i v)
{
    __m128i half = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0x4E));
    half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0xB1));
    return _mm_cvtsi128_si32(half);
}

AVX2 static inline __m256i step_avx2(__m256i sum, const uint8_t *row, const int8_t *query)
{
    __m256i values = _mm256_load_si256((const __m256i *)row);
    __m256i pairs = _mm256_maddubs_epi16(values, _mm256_load_si256((const __m256i *)query));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

AVX2 static void avx2_dots(const uint8_t *rows, size_t count, size_t stride, const int8_t *query,
                           int32_t *out)
{
    for (size_t i = 0; i < count; i++) {
        const uint8_t *row = rows + i * stride;
        __m256i a = _mm256_setzero_si256();
        __m256i b = a;
        for (size_t at = 0; at < stride; at += 64) {
            _mm_prefetch((const char *)row + at + AHEAD, _MM_HINT_T0);
            a = step_avx2(a, row + at, query + at);
            b = step_avx2(b, row + at + 32, query + at + 32);
        }
        out[i] = sum_of_8(_mm256_add_epi32(a, b));
    }
}

static bool avx2_usable(void)
{
    return __builtin_cpu_supports("avx2") != 0;
}

VNNI static void vnni_dots(const uint8_t *rows, size_t count, size_t stride, const int8_t *query,
                           int32_t *out)
{
    for (size_t i = 0; i < count; i++) {
        const uint8_t *row = rows + i * stride;
        __m512i sum = _mm512_setzero_si512();
        for (size_t at = 0; at < stride; at += 64) {
            _mm_prefetch((const char *)row + at + AHEAD, _MM_HINT_T0);
            sum = _mm512_dpbusd_epi32(sum, _mm512_loadu_si512(row + at),
                                      _mm512_loadu_si512(query + at));
        }
        out[i] = _mm512_reduce_add_epi32(sum);
    }
}

static bool vnni_usable(void)
{
    return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
           __builtin_cpu_supports("avx512vl") != 0 && __builtin_cpu_supports("avx512vnni") != 0;
}

const struct nima_simd nima_search_simd_platform[] = {
    {.name = "avx512-vnni", .dots = vnni_dots, .usable = vnni_usable},
    {.name = "avx2", .dots = avx2_dots, .usable = avx2_usable},
    {.name = NULL},
};
#else
typedef int nima_search_simd_no_x86; /* a translation unit must not be empty */
#endif
