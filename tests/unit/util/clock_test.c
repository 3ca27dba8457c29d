#include <string.h>
#include <time.h>

#include "support/test.h"
#include "util/clock.h"

static void assert_reads(const char *text, const char *written)
{
    int64_t ms = 0;
    if (!nima_time_read(nima_str_of(text), &ms)) {
        fail_msg("%s was not read", text);
    }
    char again[NIMA_TIME_CHARS + 1];
    nima_time_write(ms, again);
    assert_string_equal(again, written);
}

TEST(a_time_is_written_in_utc_with_milliseconds)
{
    char text[NIMA_TIME_CHARS + 1];
    nima_time_write(0, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000Z");
    nima_time_write(INT64_C(1795352939120), text);
    assert_string_equal(text, "2026-11-22T13:08:59.120Z");
    nima_time_write(-1, text);
    assert_string_equal(text, "1969-12-31T23:59:59.999Z");
    assert_int_equal(strlen(text), NIMA_TIME_CHARS);
}

TEST(years_beyond_four_digits_are_clipped)
{
    char text[NIMA_TIME_CHARS + 1];
    nima_time_write(INT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");
    nima_time_write(INT64_MIN, text);
    assert_string_equal(text, "0001-01-01T00:00:00.000Z");
}

TEST(the_forms_of_rfc_3339_are_read)
{
    assert_reads("2026-11-22T13:08:59Z", "2026-11-22T13:08:59.000Z");
    assert_reads("2026-11-22t13:08:59z", "2026-11-22T13:08:59.000Z");
    assert_reads("2026-11-22 13:08:59Z", "2026-11-22T13:08:59.000Z");
    assert_reads("2026-11-22T13:08:59.5Z", "2026-11-22T13:08:59.500Z");
    assert_reads("2026-11-22T13:08:59.123456789Z", "2026-11-22T13:08:59.123Z");
    assert_reads("2026-11-22T13:08:59.000999999Z", "2026-11-22T13:08:59.000Z");
    assert_reads("2026-11-22T13:08:59+02:00", "2026-11-22T11:08:59.000Z");
    assert_reads("2026-01-01T00:30:00+01:00", "2025-12-31T23:30:00.000Z");
    assert_reads("2026-11-22T13:08:59-03:30", "2026-11-22T16:38:59.000Z");
    assert_reads("2026-11-22T13:08:59-00:00", "2026-11-22T13:08:59.000Z");
    assert_reads("2026-11-22T13:08:59+23:59", "2026-11-21T13:09:59.000Z");
}

TEST(what_postgresql_writes_is_read)
{
    assert_reads("2026-11-22 13:08:59.12+00", "2026-11-22T13:08:59.120Z");
    assert_reads("2026-11-22 13:08:59-0330", "2026-11-22T16:38:59.000Z");
    assert_reads("2026-11-22 13:08:59+05:30", "2026-11-22T07:38:59.000Z");
}

TEST(leap_days_are_where_the_calendar_has_them)
{
    assert_reads("2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000Z");
    assert_reads("2000-02-29T00:00:00Z", "2000-02-29T00:00:00.000Z");
    assert_reads("2024-02-29T23:59:59.999-01:00", "2024-03-01T00:59:59.999Z");
    assert_reads("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000Z"); /* a leap second */
    int64_t ms = 7;
    assert_false(nima_time_read(NIMA_STR("2023-02-29T00:00:00Z"), &ms));
    assert_false(nima_time_read(NIMA_STR("1900-02-29T00:00:00Z"), &ms));
    assert_false(nima_time_read(NIMA_STR("2100-02-29T00:00:00Z"), &ms));
    assert_true(ms == 7);
}

TEST(the_first_and_last_years_are_read)
{
    assert_reads("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z");
    assert_reads("0400-02-29T12:00:00Z", "0400-02-29T12:00:00.000Z");
    assert_reads("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z");
}

TEST(what_is_no_time_is_refused)
{
    static const char *const bad[] = {
        "",
        "2026",
        "2026-11-22",
        "2026-11-22T13:08:59",
        "2026-11-22T13:08Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T23:60:00Z",
        "2026-01-01T23:00:61Z",
        "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00.1234567890Z",
        "2026-01-01T00:00:00+24:00",
        "2026-01-01T00:00:00+01:60",
        "2026-01-01T00:00:00+1:00",
        "2026-01-01T00:00:00+",
        "2026-01-01T00:00:00+01:",
        "2026-01-01T00:00:00+01:0",
        "2026-01-01T00:00:00Zx",
        " 2026-01-01T00:00:00Z",
        "2026-01-01T00:00:00Z ",
        "26-01-01T00:00:00Z",
        "+2026-01-01T00:00:00Z",
        "2026-1-1T00:00:00Z",
        "2026/01/01T00:00:00Z",
        "2026-01-01T00:00:00,5Z",
        "20260101T000000Z",
        "-001-01-01T00:00:00Z",
        "2026-01-01T 1:00:00Z",
        "now",
        "0000-12-31T00:00:00Z",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int64_t ms = 7;
        if (nima_time_read(nima_str_of(bad[i]), &ms) || ms != 7) {
            fail_msg("\"%s\" was taken for a time", bad[i]);
        }
    }
    int64_t ms = 7;
    assert_false(nima_time_read(NIMA_STR("2026-01-01\0T00:00:00Z"), &ms));
    assert_false(nima_time_read((nima_str){NULL, 0}, &ms));
}

/* Every ten days and some from the year 1 to the year 9999, against the C library. */
TEST(days_agree_with_the_c_library)
{
    const int64_t step = INT64_C(864012345);
    for (int64_t ms = INT64_C(-62135596800000); ms < INT64_C(253402300799999); ms += step) {
        char text[NIMA_TIME_CHARS + 1];
        nima_time_write(ms, text);
        int64_t back = 0;
        if (!nima_time_read(nima_str_of(text), &back) || back != ms) {
            fail_msg("%s came back as %lld, not %lld", text, (long long)back, (long long)ms);
        }
    }
}

TEST(the_clocks_go_forward)
{
    int64_t wall = nima_now_ms(), mono = nima_mono_ms(), fine = nima_mono_us();
    struct timespec pause = {.tv_nsec = 5000000};
    nanosleep(&pause, NULL);
    assert_true(nima_now_ms() >= wall);
    assert_true(nima_mono_ms() > mono);
    assert_true(nima_mono_us() >= fine + 5000);
    assert_true(wall > INT64_C(1700000000000));
}

TEST_MAIN
