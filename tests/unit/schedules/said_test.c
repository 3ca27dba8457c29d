/*
 * Wishes in chat. tests/data/reminders.jsonl: forty sentences that make a reminder, with what it
 * says and when, and forty that merely speak of reminding or of times. It is Wednesday
 * 25 November 2026, ten o'clock in Berlin.
 */
#include "schedules/said_int.h"

#include <stdio.h>

#include "support/test.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/zone.h"

enum { DATA_BYTES_MAX = 1 << 20 };
#define NOW NIMA_STR("2026-11-25T09:00:00Z")

static bool same(nima_str actual, nima_str expected)
{
    return actual.len == expected.len && nima_str_eq(actual, expected);
}

/* Why a sentence was not understood as it should; absent: it was. */
static nima_str wrong(struct nima_ctx *ctx, const struct nima_json *line,
                      const struct nima_zone *zone, int64_t now)
{
    struct nima_said said;
    struct nima_schedule_when when;
    int64_t first_at;
    struct nima_when_setting setting = {.zone = zone, .now_ms = now};
    nima_str at = nima_json_str(nima_json_get(line, "at"));
    nima_said_read(ctx, &setting, nima_json_str(nima_json_get(line, "text")), &said);
    if (nima_json_bool(nima_json_get(line, "half"), false)) {
        return said.kind == NIMA_SAID_HALF ? (nima_str){NULL, 0}
                                           : nima_fmt(ctx, "kind %d", said.kind);
    }
    if (said.kind != NIMA_SAID_REMIND) {
        return nima_fmt(ctx, "kind %d", said.kind);
    }
    if (!same(said.text, nima_json_str(nima_json_get(line, "remind")))) {
        return nima_fmt(ctx, "text \"" NIMA_FMT "\"", NIMA_ARG(said.text));
    }
    if (said.when.problem.ptr != NULL || said.when.past) {
        return NIMA_STR("no such time");
    }
    nima_schedules_when_of(ctx, &said.when, &when, &first_at);
    if (!same(when.cron, nima_json_str(nima_json_get(line, "cron"))) ||
        !same(when.every, nima_json_str(nima_json_get(line, "every")))) {
        return nima_fmt(ctx, "cron \"" NIMA_FMT "\" every \"" NIMA_FMT "\"", NIMA_ARG(when.cron),
                        NIMA_ARG(when.every));
    }
    char text[NIMA_TIME_CHARS + 1];
    nima_str until = nima_json_str(nima_json_get(line, "until"));
    nima_str except = nima_json_str(nima_json_get(line, "except"));
    nima_time_write(when.until, text);
    if ((until.ptr != NULL) != when.has_until ||
        (until.ptr != NULL && !nima_str_starts(nima_str_of(text), until))) {
        return nima_fmt(ctx, "until %s", text);
    }
    if (except.ptr != NULL &&
        (when.except.count != 1 || !nima_str_eq(when.except.items[0], except))) {
        return nima_fmt(ctx, "%zu days left out", when.except.count);
    }
    nima_time_write(when.has_at ? when.at : first_at, text);
    return at.ptr == NULL || nima_str_starts(nima_str_of(text), at) ? (nima_str){NULL, 0}
                                                                    : nima_fmt(ctx, "at %s", text);
}

TEST(sentences_make_reminders_or_do_not)
{
    struct nima_ctx ctx;
    const struct nima_zone *zone;
    nima_str data, text;
    int64_t now;
    int wished = 0, right = 0, others = 0, taken = 0;
    nima_ctx_init(&ctx);
    ASSERT_TRUE(nima_time_read(NOW, &now));
    ASSERT_OK_CTX(&ctx, nima_zone_load(&ctx, NIMA_STR("Europe/Berlin"), &zone));
    ASSERT_OK_CTX(&ctx, nima_file_read(&ctx, NIMA_SOURCE_DIR "/tests/data/reminders.jsonl",
                                       DATA_BYTES_MAX, &data));
    while (nima_str_next(&data, '\n', &text)) {
        const struct nima_json *line;
        if (text.len == 0) {
            continue;
        }
        ASSERT_OK_CTX(&ctx, nima_json_parse(&ctx, text, &line));
        if (nima_json_get(line, "remind") == NULL && nima_json_get(line, "half") == NULL) {
            others++;
            if (nima_schedules_asked(&ctx, nima_json_str(nima_json_get(line, "text")))) {
                taken++;
                printf("  taken: " NIMA_FMT "\n", NIMA_ARG(text));
            }
            continue;
        }
        wished++;
        nima_str why = wrong(&ctx, line, zone, now);
        right += why.ptr == NULL;
        if (why.ptr != NULL) {
            printf("  " NIMA_FMT ": " NIMA_FMT "\n", NIMA_ARG(text), NIMA_ARG(why));
        }
    }
    printf("  %d of %d right, %d of %d taken by mistake\n", right, wished, taken, others);
    ASSERT_TRUE(wished >= 40 && others >= 40);
    ASSERT_TRUE(right * 100 >= wished * 95);
    ASSERT_INT_EQ(taken, 0);
    nima_ctx_done(&ctx);
}

static enum nima_said_kind kind_of(struct nima_ctx *ctx, const char *message, const char *text)
{
    struct nima_said said;
    struct nima_when_setting setting = {.now_ms = INT64_C(1795597200000)};
    ASSERT_OK_CTX(ctx, nima_zone_load(ctx, NIMA_STR("UTC"), &setting.zone));
    nima_said_read(ctx, &setting, nima_str_of(message), &said);
    if (text != NULL) {
        ASSERT_STR_EQ(said.text, text);
    }
    return said.kind;
}

TEST(other_wishes)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    static const char *const lists[] = {"what reminders do I have?", "What are my reminders?",
                                        "list my reminders", "Show me all my reminders, please",
                                        "Do I have any reminders set for tomorrow?"};
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        ASSERT_INT_EQ(kind_of(&ctx, lists[i], NULL), NIMA_SAID_LIST);
    }
    ASSERT_INT_EQ(kind_of(&ctx, "cancel the reminder about plants", "plants"), NIMA_SAID_CANCEL);
    ASSERT_INT_EQ(kind_of(&ctx, "Please delete my dentist reminder", "dentist"), NIMA_SAID_CANCEL);
    ASSERT_INT_EQ(kind_of(&ctx, "stop reminding me to drink water", "drink water"),
                  NIMA_SAID_CANCEL);
    ASSERT_INT_EQ(kind_of(&ctx, "cancel all my reminders", NULL), NIMA_SAID_CANCEL);
    ASSERT_INT_EQ(kind_of(&ctx, "remind me to call Ana", "call Ana"), NIMA_SAID_WHEN);
    ASSERT_INT_EQ(kind_of(&ctx, "remind me tomorrow at 9", NULL), NIMA_SAID_WHAT);
    ASSERT_INT_EQ(kind_of(&ctx, "what do you think of reminders?", NULL), NIMA_SAID_NOTHING);
    ASSERT_INT_EQ(kind_of(&ctx, "cancel my order", NULL), NIMA_SAID_NOTHING);
    nima_ctx_done(&ctx);
}

/* Whatever the bytes, words end and nothing is read beyond them. */
TEST(any_words_in_any_order)
{
    static const char *const words[] = {
        "remind",   "me",       "to",       "at",   "every",    "9",    "9:30",
        "pm",       "monday",   "and",      "on",   "the",      "1st",  "of",
        "month",    "in",       "an",       "hour", "half",     "past", "a",
        "tomorrow", "cancel",   "reminder", "set",  "december", "24",   "2026-12-24",
        "99:99",    "\xc3\xa9", "other",    "week", "that",     ".",    ",",
        "2h",       "night",    "morning",  "day",  "after",    "next", "99999999999999999999",
        "now",      "from"};
    struct nima_ctx ctx;
    const struct nima_zone *zone;
    nima_ctx_init(&ctx);
    uint64_t seed = 20261125;
    for (int round = 0; round < 20000; round++) {
        nima_ctx_reset(&ctx);
        ASSERT_OK_CTX(&ctx, nima_zone_load(&ctx, NIMA_STR("Europe/Berlin"), &zone));
        nima_str text = NIMA_STR("remind me");
        for (int i = 0; i < 12; i++) {
            seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
            text = nima_fmt(&ctx, NIMA_FMT " %s", NIMA_ARG(text),
                            words[(seed >> 33) % (sizeof(words) / sizeof(words[0]))]);
        }
        struct nima_said said;
        struct nima_when_setting setting = {.zone = zone, .now_ms = INT64_C(1795597200000)};
        nima_said_read(&ctx, &setting, text, &said);
    }
    nima_ctx_done(&ctx);
}

TEST_MAIN
