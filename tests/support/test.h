#pragma once
/*
 * test: TEST(name) { … } over cmocka; each file ends with TEST_MAIN.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "util/ctx.h"

enum { NIMA_TESTS_MAX = 400 };
/* Unused where a file of helpers includes this for its ASSERT_…. */
static struct CMUnitTest nima_tests[NIMA_TESTS_MAX] __attribute__((unused));
static size_t nima_test_count __attribute__((unused));

#define TEST(name_)                                                                                \
    static void name_(void **);                                                                    \
    __attribute__((constructor)) static void register_##name_(void)                                \
    {                                                                                              \
        nima_assert(nima_test_count < NIMA_TESTS_MAX);                                             \
        nima_tests[nima_test_count++] = (struct CMUnitTest){.name = #name_, .test_func = name_};   \
    }                                                                                              \
    static void name_(void **state __attribute__((unused)))

#define TEST_MAIN                                                                                  \
    int main(void)                                                                                 \
    {                                                                                              \
        return _cmocka_run_group_tests(__FILE__, nima_tests, nima_test_count, NULL, NULL);         \
    }

#define ASSERT_RC(expected, call)       assert_int_equal((call), (expected))
#define ASSERT_OK(call)                 ASSERT_RC(NIMA_OK, call)
#define ASSERT_INT_EQ(actual, expected) assert_int_equal((actual), (expected))
#define ASSERT_TRUE(condition)          assert_true(condition)
#define ASSERT_NEAR(actual, expected, tolerance)                                                   \
    assert_true(fabs((double)(actual) - (double)(expected)) <= (tolerance))
#define ASSERT_STR_EQ(actual, literal)                                                             \
    do {                                                                                           \
        nima_str test_actual = (actual);                                                           \
        nima_str test_expected = nima_str_of(literal);                                             \
        if (!nima_str_eq(test_actual, test_expected)) {                                            \
            fail_msg("\"" NIMA_FMT "\" is not \"" NIMA_FMT "\"", NIMA_ARG(test_actual),            \
                     NIMA_ARG(test_expected));                                                     \
        }                                                                                          \
    } while (0)
/* ASSERT_OK that shows the error's message. */
#define ASSERT_OK_CTX(ctx, call)                                                                   \
    do {                                                                                           \
        nima_rc test_rc = (call);                                                                  \
        if (test_rc != NIMA_OK) {                                                                  \
            fail_msg("%s: %s", nima_rc_code(test_rc), (ctx)->error.message);                       \
        }                                                                                          \
    } while (0)
