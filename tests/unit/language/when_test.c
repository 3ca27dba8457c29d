/*
 * Days and times. tests/data/when.jsonl: texts that are nothing but a time ("mode": "read", the
 * preset) or that have one in them ("one"), with what they mean. Unless a line says otherwise it is
 * Wednesday 25 November 2026, ten o'clock in Berlin.
 */
#include "language/when.h"

#include <stdio.h>
#include <string.h>

#include "support/test.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/json.h"
#include "util/zone.h"

enum { DATA_BYTES_MAX = 1 << 20, DAY_S = 86400 };
#define NOW NIMA_STR("2026-11-25T09:00:00Z")

static const char *const kinds[] = {"none", "moment", "day", "range", "duration", "recurrence"};

static nima_str local(struct nima_ctx *ctx, const struct nima_zone *zone, int64_t ms)
{
    struct nima_civil at;
    nima_civil_of(ms / 1000 + nima_zone_offset_s(zone, ms / 1000), &at);
    return nima_fmt(ctx, "%04d-%02d-%02dT%02d:%02d", at.year, at.month, at.day, at.hour, at.minute);
}

static nima_str joined(struct nima_ctx *ctx, const nima_str *items, size_t count)
{
    nima_str text = NIMA_STR("");
    for (size_t i = 0; i < count; i++) {
        text = nima_fmt(ctx, NIMA_FMT "%s" NIMA_FMT, NIMA_ARG(text), i > 0 ? "; " : "",
                        NIMA_ARG(items[i]));
    }
    return text;
}

static nima_str excepted(struct nima_ctx *ctx, const struct nima_when *when)
{
    nima_str text = NIMA_STR("");
    for (size_t i = 0; i < when->except_count; i++) {
        struct nima_civil at;
        nima_civil_of(when->except[i] * DAY_S, &at);
        text = nima_fmt(ctx, NIMA_FMT "%s%04d-%02d-%02d", NIMA_ARG(text), i > 0 ? "; " : "",
                        at.year, at.month, at.day);
    }
    return text;
}

/* A field of the line beside what was read; only those that the line has. */
static void compare(struct nima_ctx *ctx, const struct nima_json *expect, const char *key,
                    nima_str actual, nima_str *why)
{
    const struct nima_json *wanted = nima_json_get(expect, key);
    nima_str text = nima_json_str(wanted);
    if (wanted == NULL || why->ptr != NULL) {
        return;
    }
    bool prefix = text.len >= 10 && text.ptr[4] == '-'; /* a time may be cut to its day */
    if (!(prefix ? nima_str_starts(actual, text) : nima_str_eq(actual, text)) ||
        (text.len == 0 && actual.len > 0)) {
        *why = nima_fmt(ctx, "%s is \"" NIMA_FMT "\"", key, NIMA_ARG(actual));
    }
}

static nima_str wrong(struct nima_ctx *ctx, const struct nima_json *expect,
                      const struct nima_zone *zone, nima_str text, const struct nima_when *when)
{
    nima_str why = {NULL, 0};
    bool whole = nima_json_bool(nima_json_get(expect, "whole"), true);
    bool problem = nima_json_bool(nima_json_get(expect, "problem"), false);
    if (whole != when->whole) {
        return nima_fmt(ctx, "whole is %d (unread \"" NIMA_FMT "\", kind %s)", when->whole,
                        NIMA_ARG(when->unread), kinds[when->kind]);
    }
    if (problem != (when->problem.ptr != NULL)) {
        return nima_fmt(ctx, "problem is \"" NIMA_FMT "\"", NIMA_ARG(when->problem));
    }
    char number[32];
    snprintf(number, sizeof(number), "%lld", (long long)nima_duration_seconds(&when->duration));
    compare(ctx, expect, "kind", nima_str_of(kinds[when->kind]), &why);
    compare(ctx, expect, "at", local(ctx, zone, when->at_ms), &why);
    compare(ctx, expect, "from", local(ctx, zone, when->start_ms), &why);
    compare(ctx, expect, "to", local(ctx, zone, when->end_ms), &why);
    compare(ctx, expect, "cron", joined(ctx, when->crons, when->cron_count), &why);
    compare(ctx, expect, "every", when->every, &why);
    compare(ctx, expect, "first", local(ctx, zone, when->first_ms), &why);
    compare(ctx, expect, "starts", local(ctx, zone, when->starts_ms), &why);
    compare(ctx, expect, "ends", local(ctx, zone, when->ends_ms), &why);
    compare(ctx, expect, "except", excepted(ctx, when), &why);
    compare(ctx, expect, "seconds", nima_str_of(number), &why);
    compare(ctx, expect, "zone", when->zone_name, &why);
    snprintf(number, sizeof(number), "%d", when->times);
    compare(ctx, expect, "times", nima_str_of(number), &why);
    compare(ctx, expect, "guessed",
            when->guessed_half   ? NIMA_STR("half")
            : when->guessed_time ? NIMA_STR("time")
                                 : NIMA_STR(""),
            &why);
    compare(ctx, expect, "short", when->short_months ? NIMA_STR("yes") : NIMA_STR("no"), &why);
    compare(ctx, expect, "past", when->past ? NIMA_STR("yes") : NIMA_STR("no"), &why);
    compare(ctx, expect, "by", when->by ? NIMA_STR("yes") : NIMA_STR("no"), &why);
    if (nima_json_get(expect, "span") != NULL && why.ptr == NULL) {
        nima_str *spans = NIMA_NEW(ctx->arena, nima_str, when->spans.count + 1);
        for (size_t i = 0; i < when->spans.count; i++) {
            spans[i] = nima_str_sub(text, when->spans.items[i].from, when->spans.items[i].end);
        }
        compare(ctx, expect, "span", joined(ctx, spans, when->spans.count), &why);
    }
    return why;
}

static nima_str or_else(nima_str given, nima_str preset)
{
    return given.ptr != NULL ? given : preset;
}

struct count {
    int right, all;
};

static void try_line(struct nima_ctx *ctx, const struct nima_json *line, struct count *counts)
{
    struct nima_when_setting setting;
    struct nima_when when;
    nima_str code = or_else(nima_json_str(nima_json_get(line, "lang")), NIMA_STR("en"));
    nima_str zone = or_else(nima_json_str(nima_json_get(line, "zone")), NIMA_STR("Europe/Berlin"));
    nima_str now = or_else(nima_json_str(nima_json_get(line, "now")), NOW);
    nima_str text = nima_json_str(nima_json_get(line, "text"));
    setting.language = nima_language_get(code);
    setting.locale = nima_json_str(nima_json_get(line, "locale"));
    ASSERT_TRUE(setting.language != NULL && nima_time_read(now, &setting.now_ms));
    ASSERT_OK_CTX(ctx, nima_zone_load(ctx, zone, &setting.zone));
    if (nima_str_eq(or_else(nima_json_str(nima_json_get(line, "mode")), NIMA_STR("read")),
                    NIMA_STR("one"))) {
        nima_when_find_one(ctx, &setting, text, &when);
    } else {
        nima_when_read(ctx, &setting, &text, 1, &when);
    }
    nima_str why = wrong(ctx, nima_json_get(line, "expect"), setting.zone, text, &when);
    for (int i = 0; i < NIMA_LANGUAGES; i++) {
        bool own = nima_str_eq(code, nima_str_of(nima_language_codes[i]));
        counts[i].all += own;
        counts[i].right += own && why.ptr == NULL;
    }
    if (why.ptr != NULL) {
        printf("  " NIMA_FMT " \"" NIMA_FMT "\": " NIMA_FMT "\n", NIMA_ARG(code), NIMA_ARG(text),
               NIMA_ARG(why));
    }
}

TEST(times_mean_what_people_mean)
{
    struct nima_ctx ctx;
    nima_str data, text;
    struct count counts[NIMA_LANGUAGES] = {{0, 0}};
    int all = 0, right = 0;
    nima_ctx_init(&ctx);
    ASSERT_OK_CTX(&ctx, nima_file_read(&ctx, NIMA_SOURCE_DIR "/tests/data/when.jsonl",
                                       DATA_BYTES_MAX, &data));
    while (nima_str_next(&data, '\n', &text)) {
        const struct nima_json *line;
        if (text.len > 0) {
            ASSERT_OK_CTX(&ctx, nima_json_parse(&ctx, text, &line));
            try_line(&ctx, line, counts);
        }
    }
    for (int i = 0; i < NIMA_LANGUAGES; i++) {
        printf("  %s: %d of %d right\n", nima_language_codes[i], counts[i].right, counts[i].all);
        all += counts[i].all;
        right += counts[i].right;
    }
    ASSERT_INT_EQ(right, all);
    nima_ctx_done(&ctx);
}

TEST_MAIN
