/* Kernels for x86-64. Both use the trick |q| * (row with q's signs): the multiply of unsigned by
 * signed bytes is the only one there is, and since |values| <= 127 its pairwise sums
 * (at most 2 * 127 * 127) never saturate 16 bits. */
#include "memory/simd.h"

#if defined(__x86_64__)
#include <immintrin.h>

enum { ROWS_AT_ONCE = 4 };

#define AVX2 __attribute__((target("avx2")))
#define VNNI __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))

AVX2 static inline int32_t sum_of_8(__m256i v)
{
    __m128i half = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0x4E));
    half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0xB1));
    return _mm_cvtsi128_si32(half);
}

AVX2 static inline __m256i step_avx2(__m256i sum, const int8_t *row, __m256i query, __m256i abs)
{
    __m256i values = _mm256_load_si256((const __m256i *)row);
    __m256i pairs = _mm256_maddubs_epi16(abs, _mm256_sign_epi8(values, query));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

AVX2 static void avx2_four(const int8_t *rows, size_t stride, const int8_t *query, int32_t *out)
{
    __m256i a = _mm256_setzero_si256();
    __m256i b = a;
    __m256i c = a;
    __m256i d = a;
    for (size_t at = 0; at < stride; at += 32) {
        __m256i q = _mm256_load_si256((const __m256i *)(query + at));
        __m256i abs = _mm256_abs_epi8(q);
        a = step_avx2(a, rows + at, q, abs);
        b = step_avx2(b, rows + stride + at, q, abs);
        c = step_avx2(c, rows + 2 * stride + at, q, abs);
        d = step_avx2(d, rows + 3 * stride + at, q, abs);
    }
    out[0] = sum_of_8(a);
    out[1] = sum_of_8(b);
    out[2] = sum_of_8(c);
    out[3] = sum_of_8(d);
}

AVX2 static void avx2_dots(const int8_t *rows, size_t count, size_t stride, const int8_t *query,
                           int32_t *out)
{
    size_t i = 0;
    for (; i + ROWS_AT_ONCE <= count; i += ROWS_AT_ONCE) {
        avx2_four(rows + i * stride, stride, query, out + i);
    }
    for (; i < count; i++) {
        __m256i sum = _mm256_setzero_si256();
        for (size_t at = 0; at < stride; at += 32) {
            __m256i q = _mm256_load_si256((const __m256i *)(query + at));
            sum = step_avx2(sum, rows + i * stride + at, q, _mm256_abs_epi8(q));
        }
        out[i] = sum_of_8(sum);
    }
}

static bool avx2_usable(void)
{
    return __builtin_cpu_supports("avx2") != 0;
}

/* VNNI multiplies unsigned by signed bytes too; here rows are shifted by 128 into unsigned ones
 * (one xor) and 128 times the query's sum is taken off again. */
VNNI static void vnni_dots(const int8_t *rows, size_t count, size_t stride, const int8_t *query,
                           int32_t *out)
{
    const __m512i flip = _mm512_set1_epi8((char)0x80);
    int32_t query_sum = 0;
    for (size_t d = 0; d < stride; d++) {
        query_sum += query[d];
    }
    for (size_t i = 0; i < count; i++) {
        const int8_t *row = rows + i * stride;
        __m512i sum = _mm512_setzero_si512();
        for (size_t at = 0; at < stride; at += 64) {
            __m512i values = _mm512_xor_si512(_mm512_load_si512(row + at), flip);
            sum = _mm512_dpbusd_epi32(sum, values, _mm512_load_si512(query + at));
        }
        out[i] = _mm512_reduce_add_epi32(sum) - 128 * query_sum;
    }
}

static bool vnni_usable(void)
{
    return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
           __builtin_cpu_supports("avx512vl") != 0 && __builtin_cpu_supports("avx512vnni") != 0;
}

const struct nima_simd nima_memory_simd_platform[] = {
    {.name = "avx512-vnni", .dots = vnni_dots, .usable = vnni_usable},
    {.name = "avx2", .dots = avx2_dots, .usable = avx2_usable},
    {.name = NULL},
};
#else
typedef int nima_memory_simd_no_x86; /* a translation unit must not be empty */
#endif
