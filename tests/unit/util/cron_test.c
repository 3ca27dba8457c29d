/*
 * Cron lines and time zones. tests/data/cron.jsonl holds 1,000 lines with the times another
 * implementation gives; tests/support/cron_reference.py makes it.
 */
#include "util/cron.h"

#include <string.h>

#include "support/test.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/json.h"
#include "util/zone.h"

enum { DATA_BYTES_MAX = 4 << 20 };

static int64_t moment(const char *text)
{
    int64_t ms = 0;
    ASSERT_TRUE(nima_time_read(nima_str_of(text), &ms));
    return ms;
}

static void assert_next(struct nima_ctx *ctx, const char *line, const char *zone_name,
                        const char *after, const char *expected)
{
    struct nima_cron cron;
    const struct nima_zone *zone;
    int64_t next;
    char text[NIMA_TIME_CHARS + 1];
    ASSERT_OK_CTX(ctx, nima_cron_read(ctx, nima_str_of(line), &cron));
    ASSERT_OK_CTX(ctx, nima_zone_load(ctx, nima_str_of(zone_name), &zone));
    ASSERT_TRUE(nima_cron_next(&cron, zone, moment(after), &next));
    nima_time_write(next, text);
    ASSERT_STR_EQ(nima_str_of(text), expected);
}

TEST(a_thousand_lines_come_when_the_reference_says)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    nima_str data, line;
    ASSERT_OK_CTX(&ctx, nima_file_read(&ctx, NIMA_SOURCE_DIR "/tests/data/cron.jsonl",
                                       DATA_BYTES_MAX, &data));
    int lines = 0;
    while (nima_str_next(&data, '\n', &line)) {
        struct nima_arena_mark mark = nima_scratch(&ctx);
        const struct nima_json *row, *times;
        const struct nima_zone *zone;
        struct nima_cron cron;
        int64_t at = 0, expected;
        if (line.len == 0) {
            continue;
        }
        ASSERT_OK_CTX(&ctx, nima_json_parse(&ctx, line, &row));
        ASSERT_OK_CTX(&ctx, nima_cron_read(&ctx, nima_json_str(nima_json_get(row, "cron")), &cron));
        ASSERT_OK_CTX(&ctx, nima_zone_load(&ctx, nima_json_str(nima_json_get(row, "zone")), &zone));
        ASSERT_TRUE(nima_json_int(nima_json_get(row, "after"), &at));
        times = nima_json_get(row, "times");
        at *= 1000;
        for (size_t i = 0; i < nima_json_count(times); i++) {
            ASSERT_TRUE(nima_json_int(nima_json_at(times, i, NULL), &expected));
            if (!nima_cron_next(&cron, zone, at, &at) || at != expected * 1000) {
                fail_msg(NIMA_FMT ": firing %zu is %lld", NIMA_ARG(line), i,
                         (long long)(at / 1000));
            }
        }
        lines++;
        nima_scratch_end(&ctx, mark);
    }
    ASSERT_INT_EQ(lines, 1000);
    nima_ctx_done(&ctx);
}

TEST(clocks_that_are_set_forward_and_back)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    static const char *const berlin = "Europe/Berlin", *const howe = "Australia/Lord_Howe";
    /* 2:30 is left out on 29 March 2026: right after the gap, once, whatever was in it. */
    assert_next(&ctx, "30 2 * * *", berlin, "2026-03-28T12:00:00Z", "2026-03-29T01:00:00.000Z");
    assert_next(&ctx, "0,30 2 * * *", berlin, "2026-03-29T01:00:00Z", "2026-03-30T00:00:00.000Z");
    assert_next(&ctx, "*/30 2 * * *", berlin, "2026-03-28T12:00:00Z", "2026-03-30T00:00:00.000Z");
    /* 2:30 comes twice on 25 October 2026: the first one only, unless time that passes is meant. */
    assert_next(&ctx, "30 2 * * *", berlin, "2026-10-24T12:00:00Z", "2026-10-25T00:30:00.000Z");
    assert_next(&ctx, "30 2 * * *", berlin, "2026-10-25T00:30:00Z", "2026-10-26T01:30:00.000Z");
    assert_next(&ctx, "30 * * * *", berlin, "2026-10-25T00:30:00Z", "2026-10-25T01:30:00.000Z");
    /* Half an hour. */
    assert_next(&ctx, "15 2 * * *", howe, "2026-10-03T00:00:00Z", "2026-10-03T15:30:00.000Z");
    assert_next(&ctx, "45 1 * * *", howe, "2026-04-04T00:00:00Z", "2026-04-04T14:45:00.000Z");
    assert_next(&ctx, "45 1 * * *", howe, "2026-04-04T14:45:00Z", "2026-04-05T15:15:00.000Z");
    /* Beyond the last change in the file. */
    assert_next(&ctx, "0 9 1 7 *", "America/New_York", "2060-01-01T00:00:00Z",
                "2060-07-01T13:00:00.000Z");
    assert_next(&ctx, "0 9 1 1 *", "Australia/Sydney", "2060-02-01T00:00:00Z",
                "2060-12-31T22:00:00.000Z");
    /* A day that was left out. */
    assert_next(&ctx, "0 12 30 12 *", "Pacific/Apia", "2011-12-01T00:00:00Z",
                "2011-12-30T10:00:00.000Z");
    nima_ctx_done(&ctx);
}

TEST(nicknames_names_and_rare_days)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    static const char *const at = "2026-11-22T13:08:59Z";
    assert_next(&ctx, "@daily", "UTC", at, "2026-11-23T00:00:00.000Z");
    assert_next(&ctx, "@HOURLY", "UTC", at, "2026-11-22T14:00:00.000Z");
    assert_next(&ctx, "@yearly", "Asia/Kathmandu", at, "2026-12-31T18:15:00.000Z");
    assert_next(&ctx, " 0\t9 * * Mon-FRI ", "UTC", at, "2026-11-23T09:00:00.000Z");
    assert_next(&ctx, "0 0 29 2 *", "UTC", at, "2028-02-29T00:00:00.000Z");
    assert_next(&ctx, "0 0 29 feb */7", "UTC", at, "2032-02-29T00:00:00.000Z");
    assert_next(&ctx, "0 0 * * 7", "UTC", at, "2026-11-29T00:00:00.000Z");
    assert_next(&ctx, "0 0 13 * fri", "UTC", at, "2026-11-27T00:00:00.000Z");
    nima_ctx_done(&ctx);
}

/* 25 November 2026 is a Wednesday. */
TEST(lines_as_quartz_and_vixie_users_write_them)
{
    static const struct {
        const char *line, *next;
    } lines[] = {{"0 9 L * *", "2026-11-30T09:00:00.000Z"},
                 {"0 9 L-2 * *", "2026-11-28T09:00:00.000Z"},
                 {"0 9 LW * *", "2026-11-30T09:00:00.000Z"},
                 {"0 9 LW 1 *", "2027-01-29T09:00:00.000Z"}, /* the 31st is a Sunday */
                 {"0 9 1W 8 *", "2027-08-02T09:00:00.000Z"}, /* the 1st is a Sunday */
                 {"0 9 1W 5 *", "2027-05-03T09:00:00.000Z"}, /* the 1st is a Saturday */
                 {"0 9 15W * *", "2026-12-15T09:00:00.000Z"},
                 {"0 9 ? * 1#1", "2026-12-07T09:00:00.000Z"},
                 {"0 9 * * fri#2", "2026-12-11T09:00:00.000Z"},
                 {"0 9 * * 5L", "2026-11-27T09:00:00.000Z"},
                 {"0 9 * * 7#L", "2026-11-29T09:00:00.000Z"},
                 {"0 9 * * mon#5", "2026-11-30T09:00:00.000Z"},
                 {"0 9 * * FRI-MON", "2026-11-27T09:00:00.000Z"},
                 {"0 9 * * 5-1", "2026-11-27T09:00:00.000Z"},
                 {"0 22-6 * * *", "2026-11-25T22:00:00.000Z"},
                 {"0 9 1 nov-feb *", "2026-12-01T09:00:00.000Z"}};
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        assert_next(&ctx, lines[i].line, "UTC", "2026-11-25T12:00:00Z", lines[i].next);
    }
    struct nima_cron cron;
    ASSERT_RC(NIMA_E_INVALID, nima_cron_read(&ctx, NIMA_STR("*/60 * * * *"), &cron));
    assert_non_null(strstr(ctx.error.message, "0 * * * *")); /* what to write */
    nima_ctx_done(&ctx);
}

TEST(lines_that_make_no_sense_are_refused)
{
    static const char *const lines[] = {"",
                                        "* * * *",
                                        "* * * * * *",
                                        "60 * * * *",
                                        "* 24 * * *",
                                        "* * 0 * *",
                                        "* * 32 * *",
                                        "* * * 13 *",
                                        "* * * * 8",
                                        "5-1 * * * *",
                                        "*/0 * * * *",
                                        "*/60 * * * *",
                                        "a * * * *",
                                        "1,,2 * * * *",
                                        ",1 * * * *",
                                        "1, * * * *",
                                        "1- * * * *",
                                        "-1 * * * *",
                                        "1/ * * * *",
                                        "* * * janu *",
                                        "* * L-31 * *",
                                        "* * W * *",
                                        "* * 32W * *",
                                        "* * 20-10 * *",
                                        "* * * * 1#6",
                                        "* * * * 1#0",
                                        "* * * * #2",
                                        "* * * * L#2",
                                        "0 0 30 2 *",
                                        "0 0 31 2,4,6,9,11 *",
                                        "@reboot",
                                        "@",
                                        "1.5 * * * *",
                                        "*5 * * * *",
                                        "** * * * *",
                                        "001 * * * *",
                                        "0 0 30 2 */2",
                                        "1-2-3 * * * *",
                                        "1/2/3 * * * *"};
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    struct nima_cron cron;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        if (nima_cron_read(&ctx, nima_str_of(lines[i]), &cron) != NIMA_E_INVALID) {
            fail_msg("\"%s\" was taken", lines[i]);
        }
        assert_string_equal(ctx.error.field, "cron");
    }
    nima_ctx_done(&ctx);
}

TEST(zones_by_name_and_nothing_else)
{
    static const char *const names[] = {
        "",        "Mars/Phobos",         "../../../etc/passwd", "/etc/passwd",    "Europe",
        "Europe/", "posix/Europe/Berlin", "tzdata.zi",           "Europe/Berlin ", "zone.tab",
        "+01:00"};
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    const struct nima_zone *zone;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (nima_zone_load(&ctx, nima_str_of(names[i]), &zone) != NIMA_E_INVALID) {
            fail_msg("\"%s\" was taken", names[i]);
        }
    }
    ASSERT_OK_CTX(&ctx, nima_zone_load(&ctx, NIMA_STR("UTC"), &zone));
    ASSERT_INT_EQ(nima_zone_offset_s(zone, 0), 0);
    ASSERT_OK_CTX(&ctx, nima_zone_load(&ctx, nima_zone_server(&ctx), &zone));
    nima_ctx_done(&ctx);
}

TEST(civil_times_go_there_and_back)
{
    for (int64_t s = -(INT64_C(1) << 36); s < INT64_C(1) << 37; s += INT64_C(104729) * 86399) {
        struct nima_civil civil;
        nima_civil_of(s, &civil);
        ASSERT_INT_EQ(nima_civil_s(&civil), s);
    }
    struct nima_civil civil;
    nima_civil_of(moment("2026-11-22T13:08:59Z") / 1000, &civil);
    ASSERT_INT_EQ(civil.weekday, 0);
    ASSERT_INT_EQ(civil.minute, 8);
}

TEST_MAIN
