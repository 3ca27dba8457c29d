/* Reminders, timers, alarms and the calendar in a conversation: all of them are schedules that say
 * something at their time, told apart by their label. */
#include <string.h>

#include "orchestrator/acts.h"
#include "util/buf.h"
#include "util/zone.h"

enum {
    LINES_BYTES_MAX = 16 * 1024,
    LINES_MAX = 30,
    WORDS_MAX = 16,
    SMALL_WORD = 3,
    IDS_BYTES = 4096
};

static nima_str label_of(enum nima_kind kind)
{
    nima_str name = nima_kind_row(kind)->name;
    nima_str family = nima_str_sub(name, 0, nima_str_find(name, NIMA_STR("."), 0));
    bool own = nima_str_eq(family, NIMA_STR("timer")) || nima_str_eq(family, NIMA_STR("alarm")) ||
               nima_str_eq(family, NIMA_STR("event"));
    return own ? family : NIMA_STR("reminder");
}

/* What it says at its time, or which one is meant. */
static nima_str subject_of(const struct nima_act *act)
{
    static const enum nima_slot slots[] = {NIMA_SLOT_TASK, NIMA_SLOT_TITLE, NIMA_SLOT_NAME,
                                           NIMA_SLOT_PROMPT};
    for (size_t i = 0; i < sizeof(slots) / sizeof(slots[0]); i++) {
        nima_str text = nima_str_trim(nima_act_text(act, slots[i]));
        if (text.len > 0) {
            return text;
        }
    }
    return NIMA_STR("");
}

static void ask_for(struct nima_ctx *ctx, const struct nima_act_call *call, const char *key,
                    const char *slot, struct nima_act_reply *out)
{
    out->event = NIMA_ACT_ASKED;
    out->asked_slot = nima_str_of(slot);
    out->text = nima_phrase(ctx, call->language, key, NULL, 0);
}

/* Who wants to be woken at half past six means the morning, unless that is over for today. */
static void in_the_morning(struct nima_ctx *ctx, const struct nima_act_call *call,
                           struct nima_when *when)
{
    enum { NOON = 12 };
    const int64_t half_day_ms = NOON * 3600 * (int64_t)1000;
    if (!when->guessed_half || when->hour < NOON) {
        return;
    }
    bool ahead = when->at_ms - half_day_ms > call->when.now_ms;
    if (when->kind == NIMA_WHEN_MOMENT && (ahead || !when->has_day)) {
        when->at_ms += ahead ? -half_day_ms : half_day_ms;
        when->hour -= NOON;
    }
    for (size_t i = 0; when->kind == NIMA_WHEN_RECURRENCE && i < when->cron_count; i++) {
        nima_str rest = when->crons[i], minute, hour;
        int64_t number;
        if (nima_str_next(&rest, ' ', &minute) && nima_str_next(&rest, ' ', &hour) &&
            nima_str_to_i64(hour, &number) && number >= NOON) {
            when->crons[i] = nima_fmt(ctx, NIMA_FMT " %lld " NIMA_FMT, NIMA_ARG(minute),
                                      (long long)number - NOON, NIMA_ARG(rest));
        }
    }
}

/* The one time of the act: where its slot says one, that, else the whole clause. */
static void read_when(struct nima_ctx *ctx, const struct nima_act_call *call, struct nima_when *out)
{
    nima_str said = NIMA_STR("");
    for (size_t i = 0; i < call->act->slot_count; i++) {
        enum nima_slot slot = call->act->slots[i].slot;
        if (slot == NIMA_SLOT_WHEN || slot == NIMA_SLOT_DURATION) {
            said = nima_fmt(ctx, NIMA_FMT "%s" NIMA_FMT, NIMA_ARG(said), said.len > 0 ? " " : "",
                            NIMA_ARG(call->act->slots[i].text));
        }
    }
    *out = (struct nima_when){.kind = NIMA_WHEN_NONE, .whole = true};
    if (nima_str_eq(label_of(call->act->kind), NIMA_STR("timer"))) {
        struct nima_passage where;
        if (nima_language_duration(ctx, call->language, call->act->text, &out->duration, &where)) {
            out->kind = NIMA_WHEN_DURATION;
            return;
        }
    }
    nima_when_find_one(ctx, &call->when, call->act->text, out);
    bool digits = said.len > 0 && said.ptr[0] >= '0' && said.ptr[0] <= '9';
    if (digits && (out->kind == NIMA_WHEN_NONE || out->guessed_time)) { /* "an alarm for 6" */
        nima_when_find_one(ctx, &call->when, nima_fmt(ctx, "at " NIMA_FMT, NIMA_ARG(said)), out);
    } else if (out->kind == NIMA_WHEN_NONE && said.len > 0) {
        nima_when_find_one(ctx, &call->when, said, out);
    }
    if (nima_str_eq(label_of(call->act->kind), NIMA_STR("alarm"))) {
        in_the_morning(ctx, call, out);
    }
}

/* What was read as its words, for "and then …". */
static nima_str as_said(struct nima_ctx *ctx, nima_str text, const struct nima_when *when)
{
    nima_str said = NIMA_STR("");
    for (size_t i = 0; i < when->spans.count; i++) {
        nima_str one = nima_str_sub(text, when->spans.items[i].from, when->spans.items[i].end);
        said =
            nima_fmt(ctx, NIMA_FMT "%s" NIMA_FMT, NIMA_ARG(said), i > 0 ? " " : "", NIMA_ARG(one));
    }
    return said;
}

/* Setting one */

enum { UNDO_ID };

static nima_rc delete_it(struct nima_ctx *ctx, struct nima_orchestrator *o,
                         const nima_str texts[NIMA_UNDO_TEXTS], nima_str *told)
{
    nima_rc rc = nima_schedule_delete(ctx, o->store, texts[UNDO_ID]);
    *told = NIMA_STR("");
    return rc == NIMA_E_NOT_FOUND ? nima_fail(ctx, NIMA_E_CONFLICT, "it is gone already") : rc;
}

static void show(struct nima_ctx *ctx, const char *event, const struct nima_schedule_view *views,
                 size_t count, struct nima_act_reply *out)
{
    struct nima_buf buf;
    nima_buf_init(&buf, (size_t)1 << 20);
    nima_buf_fmt(&buf, "\"type\":\"schedule\",\"done\":\"%s\",\"schedule\":", event);
    nima_json_encode(&buf, &nima_schedule_view_shape, &views[0]);
    for (size_t i = 1; i < count; i++) {
        nima_buf_fmt(&buf, "%s", i == 1 ? ",\"others\":[" : ",");
        nima_json_encode(&buf, &nima_schedule_view_shape, &views[i]);
        nima_buf_add(&buf, i + 1 == count ? NIMA_STR("]") : NIMA_STR(""));
    }
    out->extra =
        buf.overflowed ? (nima_str){NULL, 0} : nima_str_copy(ctx->arena, nima_buf_view(&buf));
    nima_buf_done(&buf);
}

/* The time of a `when` as a schedule holds it; of a duration, so long from now. */
static void time_of(struct nima_ctx *ctx, const struct nima_act_call *call,
                    const struct nima_when *when, nima_str zone, struct nima_schedule_when *out,
                    int64_t *first_at)
{
    *first_at = 0;
    if (when->kind == NIMA_WHEN_DURATION) {
        *out = (struct nima_schedule_when){.has_at = true};
        out->at = call->when.now_ms + nima_duration_seconds(&when->duration) * 1000;
    } else {
        nima_schedules_when_of(ctx, when, out, first_at);
    }
    out->timezone = out->timezone.ptr != NULL ? out->timezone : zone;
}

static nima_str default_text(struct nima_ctx *ctx, const struct nima_act_call *call, nima_str label)
{
    nima_str subject = subject_of(call->act);
    nima_str person = nima_str_trim(nima_act_text(call->act, NIMA_SLOT_PERSON));
    nima_str place = nima_str_trim(nima_act_text(call->act, NIMA_SLOT_PLACE));
    if (person.len > 0) {
        subject = nima_fmt(ctx, NIMA_FMT ", " NIMA_FMT, NIMA_ARG(subject), NIMA_ARG(person));
    }
    if (place.len > 0) {
        subject = nima_fmt(ctx, NIMA_FMT ", " NIMA_FMT, NIMA_ARG(subject), NIMA_ARG(place));
    }
    if (subject.len > 0) {
        return subject;
    }
    return nima_str_eq(label, NIMA_STR("timer")) ? NIMA_STR("Timer") : NIMA_STR("Alarm");
}

static nima_rc add(struct nima_ctx *ctx, const struct nima_act_call *call,
                   const struct nima_when *when, nima_str zone, nima_str label,
                   struct nima_schedule_view *out)
{
    struct nima_schedule_when time;
    struct nima_schedule_do what = {.remind = default_text(ctx, call, label),
                                    .conversation_id = call->turn->conversation_id};
    struct nima_schedule_wish wish = {.when = &time, .what = &what, .label = label};
    time_of(ctx, call, when, zone, &time, &wish.first_at);
    return nima_schedules_add(ctx, call->turn->o->schedules, &wish, false, out);
}

static nima_str when_text(struct nima_ctx *ctx, const struct nima_act_call *call,
                          const struct nima_when *when, int64_t next_at, nima_str zone)
{
    nima_str first = nima_schedules_when_text(ctx, next_at, zone);
    nima_str again =
        when->kind == NIMA_WHEN_RECURRENCE ? as_said(ctx, call->act->text, when) : NIMA_STR("");
    nima_str both =
        again.len > 0 ? nima_fmt(ctx, NIMA_FMT " (" NIMA_FMT ")", NIMA_ARG(first), NIMA_ARG(again))
                      : first;
    return both;
}

static nima_str told_of(struct nima_ctx *ctx, const struct nima_act_call *call,
                        const struct nima_when *when, nima_str label, nima_str zone,
                        const struct nima_schedule_view *view)
{
    bool timer = nima_str_eq(label, NIMA_STR("timer"));
    bool named = subject_of(call->act).len > 0;
    const char *key = timer && named                          ? "timer.set.name"
                      : timer                                 ? "timer.set"
                      : nima_str_eq(label, NIMA_STR("alarm")) ? "alarm.set"
                      : nima_str_eq(label, NIMA_STR("event")) ? "event.set"
                                                              : "reminder.set";
    nima_str text = NIMA_SAY(ctx, call, key, {"text", view->what->remind},
                             {"when", when_text(ctx, call, when, view->next_at, zone)});
    if (when->guessed_time && !timer) {
        nima_str time = nima_fmt(ctx, "%02d:%02d", when->hour, when->minute);
        nima_str guessed = NIMA_SAY(ctx, call, "schedule.guessed", {"time", time});
        text = nima_fmt(ctx, NIMA_FMT NIMA_FMT, NIMA_ARG(text), NIMA_ARG(guessed));
    }
    return text;
}

/* What keeps the time from being taken as it was said; false: nothing. */
static bool unclear(struct nima_ctx *ctx, const struct nima_act_call *call,
                    const struct nima_when *when, struct nima_act_reply *out)
{
    bool timer = call->act->kind == NIMA_KIND_TIMER_SET;
    if (when->problem.ptr != NULL) {
        ask_for(ctx, call, "schedule.which.when", "when", out);
        out->text = NIMA_SAY(ctx, call, "schedule.problem", {"why", when->problem});
        return true;
    }
    if (when->kind == NIMA_WHEN_NONE || (when->kind == NIMA_WHEN_DURATION && !timer)) {
        const char *key = timer                                    ? "schedule.which.duration"
                          : call->act->kind == NIMA_KIND_ALARM_SET ? "schedule.which.alarm"
                                                                   : "schedule.which.when";
        ask_for(ctx, call, key, timer ? "duration" : "when", out);
        return true;
    }
    if (when->past) {
        ask_for(ctx, call, "schedule.which.when", "when", out);
        out->text = nima_phrase(ctx, call->language, "schedule.past", NULL, 0);
        return true;
    }
    if (!when->whole) {
        ask_for(ctx, call, "schedule.which.when", "when", out);
        out->text = NIMA_SAY(ctx, call, "schedule.unread", {"text", when->unread});
        return true;
    }
    return false;
}

static nima_rc set(struct nima_ctx *ctx, const struct nima_act_call *call,
                   struct nima_act_reply *out)
{
    struct nima_when when;
    struct nima_schedule_view view;
    const struct nima_zone *zone;
    nima_str zone_name, label = label_of(call->act->kind);
    read_when(ctx, call, &when);
    if (unclear(ctx, call, &when, out)) {
        return NIMA_OK;
    }
    if (subject_of(call->act).len == 0 &&
        (nima_str_eq(label, NIMA_STR("reminder")) || nima_str_eq(label, NIMA_STR("event")))) {
        bool event = nima_str_eq(label, NIMA_STR("event"));
        ask_for(ctx, call, event ? "schedule.which.title" : "schedule.which.task",
                event ? "title" : "task", out);
        return NIMA_OK;
    }
    NIMA_TRY(nima_schedules_zone(ctx, call->turn->o->schedules, &zone_name, &zone));
    nima_rc rc = add(ctx, call, &when, zone_name, label, &view);
    if (rc == NIMA_E_INVALID) {
        nima_str why = nima_fmt(ctx, "%s", ctx->error.message);
        out->event = NIMA_ACT_REFUSED;
        out->text = NIMA_SAY(ctx, call, "schedule.refused", {"why", why});
        return NIMA_OK;
    }
    NIMA_TRY(rc);
    const nima_str texts[NIMA_UNDO_TEXTS] = {view.id};
    nima_undo_table_keep(ctx, call->turn->o->undo, delete_it, texts, &out->undo);
    out->event = NIMA_ACT_DONE;
    out->text = told_of(ctx, call, &when, label, zone_name, &view);
    show(ctx, "created", &view, 1, out);
    return NIMA_OK;
}

/* Which ones are meant */

static bool has_label(const struct nima_schedule_row *row, nima_str label)
{
    nima_str own = row->label.len > 0 ? row->label : NIMA_STR("reminder");
    bool reminds =
        nima_str_eq(label, NIMA_STR("reminder")) || nima_str_eq(label, NIMA_STR("event"));
    bool told = nima_str_eq(own, NIMA_STR("reminder")) || nima_str_eq(own, NIMA_STR("event"));
    return nima_str_eq(own, label) || (reminds && told);
}

static bool shares_words(struct nima_ctx *ctx, nima_str subject,
                         const struct nima_schedule_row *row)
{
    struct nima_tokens tokens;
    nima_str body = nima_language_fold(ctx, row->body), name = nima_language_fold(ctx, row->name);
    size_t wanted = 0, found = 0;
    nima_language_tokens(ctx, subject, &tokens);
    for (size_t i = 0; i < tokens.count && wanted < WORDS_MAX; i++) {
        nima_str word = tokens.items[i].fold;
        if (tokens.items[i].kind == NIMA_TOKEN_PUNCT || word.len < SMALL_WORD ||
            nima_str_eq(word, NIMA_STR("the"))) {
            continue;
        }
        wanted++;
        found +=
            nima_str_find(body, word, 0) != SIZE_MAX || nima_str_find(name, word, 0) != SIZE_MAX;
    }
    return wanted == 0 || 2 * found > wanted;
}

static bool in_range(const struct nima_schedule_row *row, const struct nima_when *when)
{
    if (when->kind != NIMA_WHEN_DAY && when->kind != NIMA_WHEN_RANGE &&
        when->kind != NIMA_WHEN_MOMENT) {
        return true;
    }
    if (when->kind == NIMA_WHEN_MOMENT) {
        return row->next_at == when->at_ms || !when->has_time;
    }
    return row->next_at >= when->start_ms && row->next_at <= when->end_ms;
}

static int by_time(const void *a, const void *b)
{
    const struct nima_schedule_row *x = a, *y = b;
    return x->next_at < y->next_at ? -1 : x->next_at > y->next_at;
}

/* Those that are in use, of the act's family, about its subject, in its time; soonest first. */
static nima_rc find_those(struct nima_ctx *ctx, const struct nima_act_call *call,
                          const struct nima_when *when, struct nima_schedule_rows *out)
{
    struct nima_schedule_rows rows;
    size_t kept = 0;
    nima_str label = label_of(call->act->kind), subject = subject_of(call->act);
    NIMA_TRY(nima_schedule_list(ctx, call->turn->o->store, NIMA_SCHEDULES_MAX, (nima_str){NULL, 0},
                                &rows));
    for (size_t i = 0; i < rows.count; i++) {
        const struct nima_schedule_row *row = &rows.items[i];
        if (row->enabled && has_label(row, label) && shares_words(ctx, subject, row) &&
            (when == NULL || in_range(row, when))) {
            rows.items[kept++] = *row;
        }
    }
    rows.count = kept;
    qsort(rows.items, rows.count, sizeof(rows.items[0]), by_time);
    *out = rows;
    return NIMA_OK;
}

static bool means_all(struct nima_ctx *ctx, nima_str text)
{
    static const char *const words[] = {"all",   "every", "everything", "both",   "alle",
                                        "todos", "todas", "tous",       "toutes", NULL};
    struct nima_tokens tokens;
    nima_language_tokens(ctx, text, &tokens);
    for (size_t i = 0; i < tokens.count; i++) {
        for (size_t n = 0; words[n] != NULL; n++) {
            if (nima_str_eq(tokens.items[i].fold, nima_str_of(words[n]))) {
                return true;
            }
        }
    }
    return false;
}

static nima_str lines_of(struct nima_ctx *ctx, const struct nima_schedule_rows *rows)
{
    struct nima_buf buf;
    nima_buf_init(&buf, LINES_BYTES_MAX);
    for (size_t i = 0; i < rows->count && i < LINES_MAX; i++) {
        const struct nima_schedule_row *row = &rows->items[i];
        nima_str at = row->next_at != 0 ? nima_schedules_when_text(ctx, row->next_at, row->timezone)
                                        : row->spec;
        nima_buf_fmt(&buf, "\n- " NIMA_FMT ": " NIMA_FMT, NIMA_ARG(at), NIMA_ARG(row->body));
    }
    nima_str lines = nima_str_copy(ctx->arena, nima_buf_view(&buf));
    nima_buf_done(&buf);
    return lines;
}

/* One of several: the one spoken of last; *rows has it alone then. False: it is asked which. */
static bool narrow(const struct nima_act_call *call, struct nima_schedule_rows *rows)
{
    for (size_t i = 0; i < rows->count && rows->count > 1; i++) {
        if (nima_str_eq(rows->items[i].id, call->recent_schedule)) {
            rows->items[0] = rows->items[i];
            rows->count = 1;
        }
    }
    return rows->count <= 1;
}

static nima_rc ask_which(struct nima_ctx *ctx, const struct nima_act_call *call,
                         const struct nima_schedule_rows *rows, struct nima_act_reply *out)
{
    out->event = NIMA_ACT_ASKED;
    out->asked_slot =
        nima_str_eq(label_of(call->act->kind), NIMA_STR("event")) ? NIMA_STR("title")
        : call->act->kind == NIMA_KIND_REMINDER_CANCEL || call->act->kind == NIMA_KIND_REMINDER_MOVE
            ? NIMA_STR("task")
            : NIMA_STR("name");
    out->text = NIMA_SAY(ctx, call, "schedule.several", {"lines", lines_of(ctx, rows)});
    return NIMA_OK;
}

static nima_rc none(struct nima_ctx *ctx, const struct nima_act_call *call,
                    struct nima_act_reply *out)
{
    out->event = NIMA_ACT_ANSWERED;
    out->text = nima_phrase(ctx, call->language, "schedule.none", NULL, 0);
    return NIMA_OK;
}

/* Taking away, moving, asking */

enum { BACK_NAME, BACK_KIND, BACK_SPEC, BACK_ZONE, BACK_BODY, BACK_LABEL };

static nima_rc bring_back(struct nima_ctx *ctx, struct nima_orchestrator *o,
                          const nima_str texts[NIMA_UNDO_TEXTS], nima_str *told)
{
    struct nima_schedule_view view;
    struct nima_schedule_when when = {.timezone = texts[BACK_ZONE]};
    struct nima_schedule_do what = {.remind = texts[BACK_BODY]};
    struct nima_schedule_wish wish = {
        .name = texts[BACK_NAME], .label = texts[BACK_LABEL], .when = &when, .what = &what};
    if (nima_str_eq(texts[BACK_KIND], NIMA_STR("cron"))) {
        when.cron = texts[BACK_SPEC];
    } else if (nima_str_eq(texts[BACK_KIND], NIMA_STR("every"))) {
        when.every = texts[BACK_SPEC];
    } else {
        when.has_at = nima_str_to_i64(texts[BACK_SPEC], &when.at);
    }
    nima_rc rc = nima_schedules_add(ctx, o->schedules, &wish, false, &view);
    NIMA_TRY(rc == NIMA_E_INVALID ? nima_fail(ctx, NIMA_E_CONFLICT, "its time is over") : rc);
    *told = view.what->remind;
    return NIMA_OK;
}

static nima_rc cancel(struct nima_ctx *ctx, const struct nima_act_call *call,
                      struct nima_act_reply *out)
{
    struct nima_when when;
    struct nima_schedule_rows rows;
    read_when(ctx, call, &when);
    NIMA_TRY(find_those(ctx, call, &when, &rows));
    if (rows.count == 0) {
        return none(ctx, call, out);
    }
    bool all = means_all(ctx, call->act->text);
    if (!all && !narrow(call, &rows)) {
        return ask_which(ctx, call, &rows, out);
    }
    struct nima_schedule_view *views = NIMA_NEW(ctx->arena, struct nima_schedule_view, rows.count);
    for (size_t i = 0; i < rows.count; i++) {
        nima_schedules_view(ctx, &rows.items[i], &views[i]);
        nima_rc rc = nima_schedule_delete(ctx, call->turn->o->store, rows.items[i].id);
        NIMA_TRY(rc == NIMA_E_NOT_FOUND ? NIMA_OK : rc);
    }
    const struct nima_schedule_row *first = &rows.items[0];
    nima_str count = nima_fmt(ctx, "%zu", rows.count);
    out->event = NIMA_ACT_DONE;
    out->text = rows.count == 1 ? NIMA_SAY(ctx, call, "schedule.cancelled", {"text", first->body})
                                : NIMA_SAY(ctx, call, "schedule.cancelled.all", {"count", count},
                                           {"text", lines_of(ctx, &rows)});
    show(ctx, "cancelled", views, rows.count, out);
    if (rows.count == 1 && nima_str_eq(first->action, NIMA_STR("remind"))) {
        bool once = nima_str_eq(first->kind, NIMA_STR("at"));
        nima_str at = nima_fmt(ctx, "%lld", (long long)first->next_at);
        const nima_str texts[NIMA_UNDO_TEXTS] = {
            first->name,     first->kind, once ? at : first->spec,
            first->timezone, first->body, first->label};
        nima_undo_table_keep(ctx, call->turn->o->undo, bring_back, texts, &out->undo);
    }
    return NIMA_OK;
}

enum { MOVED_ID, MOVED_KIND, MOVED_SPEC, MOVED_ZONE };

static nima_rc move_back(struct nima_ctx *ctx, struct nima_orchestrator *o,
                         const nima_str texts[NIMA_UNDO_TEXTS], nima_str *told)
{
    struct nima_schedule_view view;
    struct nima_schedule_when when = {.timezone = texts[MOVED_ZONE]};
    struct nima_schedule_wish wish = {.when = &when};
    if (nima_str_eq(texts[MOVED_KIND], NIMA_STR("cron"))) {
        when.cron = texts[MOVED_SPEC];
    } else if (nima_str_eq(texts[MOVED_KIND], NIMA_STR("every"))) {
        when.every = texts[MOVED_SPEC];
    } else {
        when.has_at = nima_str_to_i64(texts[MOVED_SPEC], &when.at);
    }
    nima_rc rc = nima_schedules_change(ctx, o->schedules, texts[MOVED_ID], &wish, &view);
    NIMA_TRY(rc == NIMA_E_INVALID || rc == NIMA_E_NOT_FOUND
                 ? nima_fail(ctx, NIMA_E_CONFLICT, "it cannot go back to that time")
                 : rc);
    *told = nima_schedules_when_text(ctx, view.next_at, texts[MOVED_ZONE]);
    return NIMA_OK;
}

/* "Half an hour later" counts from its own time, "to 5pm" keeps its day. */
static int64_t moved_time(const struct nima_act_call *call, const struct nima_when *when,
                          const struct nima_schedule_row *row)
{
    int64_t by = nima_duration_seconds(&when->duration) * 1000;
    nima_str text = call->act->text;
    bool later = nima_str_find_nocase(text, NIMA_STR("later"), 0) != SIZE_MAX ||
                 nima_str_find_nocase(text, NIMA_STR("back"), 0) != SIZE_MAX;
    bool earlier = nima_str_find_nocase(text, NIMA_STR("earlier"), 0) != SIZE_MAX;
    if (by > 0 && (when->kind == NIMA_WHEN_DURATION || later || earlier) && !when->has_day) {
        bool snooze = call->act->kind == NIMA_KIND_REMINDER_SNOOZE;
        int64_t from = snooze ? call->when.now_ms : row->next_at;
        return earlier ? from - by : from + by;
    }
    if (!when->has_day && when->has_time && !when->from_now) {
        struct nima_civil was, is;
        const struct nima_zone *zone = call->when.zone;
        int64_t at = row->next_at / 1000, now = when->at_ms / 1000;
        nima_civil_of(at + nima_zone_offset_s(zone, at), &was);
        nima_civil_of(now + nima_zone_offset_s(zone, now), &is);
        was.hour = is.hour;
        was.minute = is.minute;
        was.second = 0;
        int64_t same_day = nima_zone_moment_s(zone, nima_civil_s(&was)) * 1000;
        return same_day > call->when.now_ms ? same_day : when->at_ms;
    }
    return when->at_ms;
}

static nima_rc move(struct nima_ctx *ctx, const struct nima_act_call *call,
                    struct nima_act_reply *out)
{
    struct nima_when when;
    struct nima_schedule_rows rows;
    struct nima_schedule_view view;
    read_when(ctx, call, &when);
    if (when.kind == NIMA_WHEN_NONE || !when.whole || when.problem.ptr != NULL) {
        ask_for(ctx, call, "schedule.which.when", "when", out);
        return NIMA_OK;
    }
    NIMA_TRY(find_those(ctx, call, NULL, &rows));
    if (rows.count == 0) {
        return none(ctx, call, out);
    }
    if (!narrow(call, &rows)) {
        return ask_which(ctx, call, &rows, out);
    }
    const struct nima_schedule_row *row = &rows.items[0];
    struct nima_schedule_when to = {.timezone = row->timezone};
    int64_t first_at = 0;
    if (when.kind == NIMA_WHEN_RECURRENCE) {
        time_of(ctx, call, &when, row->timezone, &to, &first_at);
    } else {
        to.has_at = true;
        to.at = moved_time(call, &when, row);
    }
    struct nima_schedule_wish wish = {.when = &to, .first_at = first_at};
    nima_rc rc = nima_schedules_change(ctx, call->turn->o->schedules, row->id, &wish, &view);
    if (rc == NIMA_E_INVALID) {
        nima_str why = nima_fmt(ctx, "%s", ctx->error.message);
        out->event = NIMA_ACT_REFUSED;
        out->text = NIMA_SAY(ctx, call, "schedule.refused", {"why", why});
        return NIMA_OK;
    }
    NIMA_TRY(rc);
    bool once = nima_str_eq(row->kind, NIMA_STR("at"));
    nima_str at = nima_fmt(ctx, "%lld", (long long)row->next_at);
    const nima_str texts[NIMA_UNDO_TEXTS] = {row->id, row->kind, once ? at : row->spec,
                                             row->timezone};
    nima_undo_table_keep(ctx, call->turn->o->undo, move_back, texts, &out->undo);
    out->event = NIMA_ACT_DONE;
    out->text = NIMA_SAY(ctx, call, "schedule.moved", {"text", row->body},
                         {"when", nima_schedules_when_text(ctx, view.next_at, row->timezone)});
    show(ctx, "moved", &view, 1, out);
    return NIMA_OK;
}

static nima_str time_left(struct nima_ctx *ctx, int64_t ms)
{
    int64_t seconds = ms > 0 ? (ms + 999) / 1000 : 0;
    return seconds >= 3600 ? nima_fmt(ctx, "%lld h %02lld min", (long long)(seconds / 3600),
                                      (long long)(seconds % 3600 / 60))
                           : nima_fmt(ctx, "%lld:%02lld min", (long long)(seconds / 60),
                                      (long long)(seconds % 60));
}

static nima_rc tell(struct nima_ctx *ctx, const struct nima_act_call *call,
                    struct nima_act_reply *out)
{
    struct nima_when when;
    struct nima_schedule_rows rows;
    read_when(ctx, call, &when);
    NIMA_TRY(find_those(ctx, call, &when, &rows));
    out->event = NIMA_ACT_ANSWERED;
    if (rows.count == 0) {
        nima_str day = as_said(ctx, call->act->text, &when);
        out->text = when.spans.count > 0
                        ? NIMA_SAY(ctx, call, "schedule.none.on", {"when", day})
                        : nima_phrase(ctx, call->language, "schedule.none", NULL, 0);
        return NIMA_OK;
    }
    if (call->act->kind == NIMA_KIND_TIMER_ASK) {
        nima_str left = time_left(ctx, rows.items[0].next_at - call->when.now_ms);
        nima_str text = nima_str_eq(rows.items[0].body, NIMA_STR("Timer"))
                            ? NIMA_STR("")
                            : nima_fmt(ctx, " (" NIMA_FMT ")", NIMA_ARG(rows.items[0].body));
        out->text = NIMA_SAY(ctx, call, "timer.left", {"left", left}, {"text", text});
        return NIMA_OK;
    }
    out->text = NIMA_SAY(ctx, call, "schedule.shown", {"lines", lines_of(ctx, &rows)});
    return NIMA_OK;
}

nima_rc nima_act_schedule(struct nima_ctx *ctx, const struct nima_act_call *call,
                          struct nima_act_reply *out)
{
    switch (call->act->kind) {
    case NIMA_KIND_REMINDER_SET:
    case NIMA_KIND_TIMER_SET:
    case NIMA_KIND_ALARM_SET:
    case NIMA_KIND_EVENT_SET:
        return set(ctx, call, out);
    case NIMA_KIND_REMINDER_CANCEL:
    case NIMA_KIND_TIMER_CANCEL:
    case NIMA_KIND_ALARM_CANCEL:
    case NIMA_KIND_EVENT_CANCEL:
        return cancel(ctx, call, out);
    case NIMA_KIND_REMINDER_MOVE:
    case NIMA_KIND_REMINDER_SNOOZE:
    case NIMA_KIND_ALARM_MOVE:
    case NIMA_KIND_EVENT_MOVE:
        return move(ctx, call, out);
    default:
        return tell(ctx, call, out);
    }
}
