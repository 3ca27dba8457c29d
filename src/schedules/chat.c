/* Wishes in chat: carried out and answered, without a model. */
#include <stdio.h>
#include <string.h>

#include "schedules/said_int.h"
#include "util/buf.h"
#include "util/zone.h"

enum { REPLY_BYTES_MAX = 64000, LISTED_MAX = 50, SHARED_MIN = 4 };

static void act(struct nima_ctx *ctx, const char *event, const struct nima_schedule_view *views,
                size_t count, nima_str *out)
{
    struct nima_buf buf;
    nima_buf_init(&buf, (size_t)1 << 20);
    nima_buf_add_char(&buf, '[');
    for (size_t i = 0; i < count; i++) {
        nima_buf_fmt(&buf, "%s{\"type\": \"schedule\", \"event\": \"%s\", \"schedule\": ",
                     i > 0 ? ", " : "", event);
        nima_json_encode(&buf, &nima_schedule_view_shape, &views[i]);
        nima_buf_add_char(&buf, '}');
    }
    nima_buf_add_char(&buf, ']');
    *out = buf.overflowed ? NIMA_STR("[]") : nima_str_copy(ctx->arena, nima_buf_view(&buf));
    nima_buf_done(&buf);
}

bool nima_schedules_asked(struct nima_ctx *ctx, nima_str message)
{
    struct nima_said said = {.kind = NIMA_SAID_NOTHING};
    struct nima_arena_mark mark = nima_scratch(ctx);
    struct nima_when_setting setting = {.now_ms = nima_ctx_now(ctx)};
    if (nima_zone_load(ctx, NIMA_STR("UTC"), &setting.zone) == NIMA_OK) {
        nima_said_read(ctx, &setting, message, &said);
    }
    bool asked = said.kind != NIMA_SAID_NOTHING;
    nima_scratch_end(ctx, mark);
    return asked;
}

/* Making one */

static nima_str doubts(struct nima_ctx *ctx, const struct nima_when *when)
{
    bool days = when->kind != NIMA_WHEN_RECURRENCE || when->every.ptr == NULL || when->has_day;
    if (when->guessed_time && days && !when->from_now) {
        return nima_fmt(ctx, " You named no time, so I took %02d:%02d.", when->hour, when->minute);
    }
    if (when->guessed_half) {
        int other = when->hour % 12 == 0 ? 12 : when->hour % 12;
        return nima_fmt(ctx, " (%d in the %s; for the other half of the day say \"%d %s\".)", other,
                        when->hour < 12 ? "morning" : "afternoon or evening", other,
                        when->hour < 12 ? "pm" : "am");
    }
    return NIMA_STR("");
}

/* Why no reminder can be set at that time; absent: it can. */
static nima_str trouble(struct nima_ctx *ctx, const struct nima_when *when, int64_t now_ms)
{
    bool once = when->kind != NIMA_WHEN_RECURRENCE;
    if (when->problem.ptr != NULL) {
        return nima_fmt(ctx, "I set no reminder: " NIMA_FMT ". Which time do you mean?",
                        NIMA_ARG(when->problem));
    }
    return when->past || (once && when->at_ms <= now_ms)
               ? NIMA_STR("That time lies in the past, so I set no reminder. Which time do you "
                          "mean?")
               : (nima_str){NULL, 0};
}

static nima_rc remind(struct nima_ctx *ctx, struct nima_schedules *schedules,
                      const struct nima_when_setting *setting, nima_str zone_name,
                      const struct nima_said *said, nima_str conversation_id,
                      struct nima_schedules_reply *out)
{
    struct nima_schedule_when when;
    struct nima_schedule_view view;
    int64_t first_at;
    out->text = trouble(ctx, &said->when, setting->now_ms);
    if (out->text.ptr != NULL) {
        return NIMA_OK;
    }
    nima_schedules_when_of(ctx, &said->when, &when, &first_at);
    when.timezone = when.timezone.ptr != NULL ? when.timezone : zone_name;
    struct nima_schedule_do what = {.remind = said->text, .conversation_id = conversation_id};
    struct nima_schedule_wish wish = {.when = &when, .what = &what, .first_at = first_at};
    nima_rc rc = nima_schedules_add(ctx, schedules, &wish, false, &view);
    if (rc == NIMA_E_INVALID) {
        out->text = nima_fmt(ctx, "I set no reminder: %s.", ctx->error.message);
        return NIMA_OK;
    }
    NIMA_TRY(rc);
    nima_str at = nima_schedules_when_text(ctx, view.next_at, zone_name);
    nima_str doubt = doubts(ctx, &said->when);
    bool again = said->when.kind == NIMA_WHEN_RECURRENCE;
    nima_str repeating = again ? nima_when_text(ctx, setting, &said->when) : NIMA_STR("");
    out->text =
        nima_fmt(ctx, "I will remind you on " NIMA_FMT "%s" NIMA_FMT ": " NIMA_FMT "." NIMA_FMT,
                 NIMA_ARG(at), again ? ", and then " : "", NIMA_ARG(repeating),
                 NIMA_ARG(said->text), NIMA_ARG(doubt));
    act(ctx, "created", &view, 1, &out->actions);
    return NIMA_OK;
}

/* Looking at them */

static nima_rc waiting(struct nima_ctx *ctx, struct nima_schedules *schedules,
                       struct nima_schedule_rows *out)
{
    struct nima_schedule_rows rows;
    size_t kept = 0;
    NIMA_TRY(
        nima_schedule_list(ctx, schedules->store, NIMA_SCHEDULES_MAX, (nima_str){NULL, 0}, &rows));
    for (size_t i = 0; i < rows.count; i++) {
        if (rows.items[i].enabled) {
            rows.items[kept++] = rows.items[i];
        }
    }
    rows.count = kept;
    *out = rows;
    return NIMA_OK;
}

static nima_str listed(struct nima_ctx *ctx, const struct nima_schedule_rows *rows)
{
    struct nima_buf buf;
    nima_buf_init(&buf, REPLY_BYTES_MAX);
    for (size_t i = 0; i < rows->count && i < LISTED_MAX; i++) {
        const struct nima_schedule_row *row = &rows->items[i];
        nima_str at = row->next_at != 0 ? nima_schedules_when_text(ctx, row->next_at, row->timezone)
                                        : nima_fmt(ctx, "upon " NIMA_FMT, NIMA_ARG(row->spec));
        nima_buf_fmt(&buf, "\n- " NIMA_FMT ": " NIMA_FMT, NIMA_ARG(row->name), NIMA_ARG(at));
        if (nima_str_eq(row->kind, NIMA_STR("cron")) || nima_str_eq(row->kind, NIMA_STR("every"))) {
            nima_buf_fmt(&buf, ", again and again");
        }
    }
    nima_str text = nima_str_copy(ctx->arena, nima_buf_view(&buf));
    nima_buf_done(&buf);
    return text.ptr != NULL ? text : NIMA_STR("");
}

static void views_of(struct nima_ctx *ctx, const struct nima_schedule_rows *rows, const char *event,
                     struct nima_schedules_reply *out)
{
    struct nima_schedule_view *views = NIMA_NEW(ctx->arena, struct nima_schedule_view, rows->count);
    for (size_t i = 0; i < rows->count; i++) {
        nima_schedules_view(ctx, &rows->items[i], &views[i]);
    }
    act(ctx, event, views, rows->count, &out->actions);
}

static nima_rc list(struct nima_ctx *ctx, struct nima_schedules *schedules,
                    struct nima_schedules_reply *out)
{
    struct nima_schedule_rows rows;
    NIMA_TRY(waiting(ctx, schedules, &rows));
    nima_str lines = listed(ctx, &rows);
    out->text = rows.count == 0 ? NIMA_STR("You have no reminders.")
                                : nima_fmt(ctx, "You have %zu reminder%s:" NIMA_FMT, rows.count,
                                           rows.count == 1 ? "" : "s", NIMA_ARG(lines));
    views_of(ctx, &rows, "listed", out);
    return NIMA_OK;
}

/* Taking them back */

/* How many words of `about` stand in the reminder, small ones apart. */
static size_t shared_words(nima_str about, const struct nima_schedule_row *row, size_t *wanted)
{
    size_t found = 0;
    nima_str word;
    *wanted = 0;
    while (nima_str_next(&about, ' ', &word)) {
        bool small = word.len < SHARED_MIN && !nima_str_eq(word, about);
        size_t keep =
            word.len > SHARED_MIN && nima_str_ends(word, NIMA_STR("s")) ? word.len - 1 : word.len;
        if (small || word.len == 0) {
            continue;
        }
        word = nima_str_sub(word, 0, keep);
        (*wanted)++;
        found += nima_str_find_nocase(row->body, word, 0) != SIZE_MAX ||
                 nima_str_find_nocase(row->name, word, 0) != SIZE_MAX;
    }
    return found;
}

static void choose(const struct nima_said *said, struct nima_schedule_rows *rows)
{
    size_t kept = 0;
    for (size_t i = 0; i < rows->count; i++) {
        size_t wanted = 0;
        const struct nima_schedule_row *row = &rows->items[i];
        bool fits = said->all || said->text.ptr == NULL ||
                    nima_str_find_nocase(row->body, said->text, 0) != SIZE_MAX;
        if (!fits) {
            size_t found = shared_words(said->text, row, &wanted);
            fits = wanted > 0 && found == wanted;
        }
        if (fits) {
            rows->items[kept++] = *row;
        }
    }
    rows->count = kept;
}

static nima_rc cancel(struct nima_ctx *ctx, struct nima_schedules *schedules,
                      const struct nima_said *said, struct nima_schedules_reply *out)
{
    struct nima_schedule_rows rows;
    NIMA_TRY(waiting(ctx, schedules, &rows));
    if (rows.count == 0) {
        out->text = NIMA_STR("You have no reminders.");
        return NIMA_OK;
    }
    struct nima_schedule_rows all = rows, fitting = rows;
    fitting.items = NIMA_NEW(ctx->arena, struct nima_schedule_row, rows.count);
    memcpy(fitting.items, rows.items, rows.count * sizeof(rows.items[0]));
    choose(said, &fitting);
    if (fitting.count == 0 || (fitting.count > 1 && !said->all)) {
        nima_str lines = listed(ctx, fitting.count == 0 ? &all : &fitting);
        out->text =
            nima_fmt(ctx, "%s Which one do you mean?" NIMA_FMT,
                     fitting.count == 0 ? "I found no reminder about that." : "There are several.",
                     NIMA_ARG(lines));
        return NIMA_OK;
    }
    for (size_t i = 0; i < fitting.count; i++) {
        nima_rc rc = nima_schedule_delete(ctx, schedules->store, fitting.items[i].id);
        if (rc != NIMA_OK && rc != NIMA_E_NOT_FOUND) {
            return rc;
        }
    }
    out->text = fitting.count == 1
                    ? nima_fmt(ctx, "The reminder is cancelled: " NIMA_FMT ".",
                               NIMA_ARG(fitting.items[0].name))
                    : nima_fmt(ctx, "All %zu reminders are cancelled.", fitting.count);
    views_of(ctx, &fitting, "cancelled", out);
    return NIMA_OK;
}

nima_rc nima_schedules_answer(struct nima_ctx *ctx, struct nima_schedules *schedules,
                              nima_str message, nima_str conversation_id,
                              struct nima_schedules_reply *out)
{
    struct nima_said said;
    struct nima_schedules_reply reply = {{NULL, 0}, {NULL, 0}};
    struct nima_when_setting setting = {.now_ms = nima_ctx_now(ctx)};
    nima_str zone_name;
    NIMA_TRY(nima_schedules_zone(ctx, schedules, &zone_name, &setting.zone));
    nima_said_read(ctx, &setting, message, &said);
    switch (said.kind) {
    case NIMA_SAID_REMIND:
        NIMA_TRY(remind(ctx, schedules, &setting, zone_name, &said, conversation_id, &reply));
        break;
    case NIMA_SAID_LIST:
        NIMA_TRY(list(ctx, schedules, &reply));
        break;
    case NIMA_SAID_CANCEL:
        NIMA_TRY(cancel(ctx, schedules, &said, &reply));
        break;
    case NIMA_SAID_HALF:
        reply.text = nima_fmt(ctx,
                              "I did not understand all of the time (\"" NIMA_FMT
                              "\"), so I set no reminder. When exactly shall I remind you?",
                              NIMA_ARG(said.when.unread));
        break;
    case NIMA_SAID_WHAT:
        reply.text = NIMA_STR("Of what shall I remind you? Say it with the time in one sentence, "
                              "such as: remind me tomorrow at 9 to call Ana.");
        break;
    default:
        reply.text = nima_fmt(ctx,
                              "When shall I remind you? Say it in one sentence, such as: remind me "
                              "tomorrow at 9 to " NIMA_FMT ".",
                              NIMA_ARG(said.text));
        break;
    }
    *out = reply;
    return NIMA_OK;
}
