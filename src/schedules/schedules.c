/* Making and changing schedules, and what they look like from outside. */
#include "schedules/schedules.h"

#include <stdio.h>
#include <stdlib.h>

#include "language/zones.h"
#include "schedules/schedules_int.h"
#include "store/people.h"
#include "util/clock.h"
#include "util/json.h"
#include "util/zone.h"

enum { IDLE_MS_PRESET = 30 * 60 * 1000, NAME_FROM_TEXT_CHARS = 60 };

static int64_t real_now(void *user)
{
    (void)user;
    return nima_now_ms();
}

struct nima_schedules *nima_schedules_new(const struct nima_schedules_options *options)
{
    struct nima_schedules *s = NIMA_XNEW(struct nima_schedules, 1);
    s->store = options->store;
    s->now_ms = options->now_ms != NULL ? options->now_ms : real_now;
    s->now_user = options->now_user;
    s->idle_ms = options->idle_ms > 0 ? options->idle_ms : IDLE_MS_PRESET;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&s->woken, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&s->lock, NULL);
    return s;
}

void nima_schedules_free(struct nima_schedules *schedules)
{
    if (schedules == NULL) {
        return;
    }
    nima_schedules_stop(schedules);
    pthread_cond_destroy(&schedules->woken);
    pthread_mutex_destroy(&schedules->lock);
    free(schedules);
}

void nima_schedules_wake(struct nima_schedules *schedules)
{
    pthread_mutex_lock(&schedules->lock);
    schedules->wakes++;
    pthread_cond_broadcast(&schedules->woken);
    pthread_mutex_unlock(&schedules->lock);
}

void nima_schedules_watch(struct nima_schedules *schedules, nima_schedule_look look, void *user)
{
    nima_assert(!schedules->started);
    schedules->look = look;
    schedules->look_user = user;
}

void nima_schedules_look_soon(struct nima_schedules *schedules)
{
    atomic_store(&schedules->look_soon, true);
    nima_schedules_wake(schedules);
}

/* Whose clocks */

static bool zone_in(struct nima_ctx *ctx, nima_str object, nima_str *name,
                    const struct nima_zone **out)
{
    static const char *const keys[] = {"time_zone", "timezone"};
    const struct nima_json *tree;
    if (object.len == 0 || nima_json_parse(ctx, object, &tree) != NIMA_OK) {
        return false;
    }
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        nima_str given = nima_json_str(nima_json_get(tree, keys[i]));
        if (given.len > 0 && nima_schedules_zone_named(ctx, given, name, out)) {
            return true;
        }
    }
    return false;
}

bool nima_schedules_zone_named(struct nima_ctx *ctx, nima_str said, nima_str *name,
                               const struct nima_zone **out)
{
    struct nima_error before = ctx->error;
    nima_str known = said;
    bool ok = nima_zone_load(ctx, said, out) == NIMA_OK;
    if (!ok) {
        known = nima_when_zone_name(ctx, said);
        ok = known.ptr != NULL && nima_zone_load(ctx, known, out) == NIMA_OK;
    }
    ctx->error = before;
    *name = ok ? known : *name;
    return ok;
}

nima_rc nima_schedules_check_zone(struct nima_ctx *ctx, const char *field, nima_str object)
{
    static const char *const keys[] = {"time_zone", "timezone"};
    const struct nima_json *tree;
    const struct nima_zone *zone;
    nima_str name;
    if (object.len == 0 || nima_json_parse(ctx, object, &tree) != NIMA_OK) {
        return NIMA_OK; /* the profile says so itself */
    }
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        nima_str given = nima_json_str(nima_json_get(tree, keys[i]));
        if (given.len > 0 && !nima_schedules_zone_named(ctx, given, &name, &zone)) {
            char where[NIMA_FIELD_CHARS_MAX + 1];
            snprintf(where, sizeof(where), "%s.%s", field, keys[i]);
            return nima_fail_field(ctx, NIMA_E_INVALID, where,
                                   "\"" NIMA_FMT "\" is no time zone that is known here; write one "
                                   "such as Europe/Berlin, Berlin, CET or UTC+2",
                                   NIMA_ARG(nima_utf8_prefix(given, 40)));
        }
    }
    return NIMA_OK;
}

nima_rc nima_schedules_zone(struct nima_ctx *ctx, struct nima_schedules *schedules, nima_str *name,
                            const struct nima_zone **out)
{
    struct nima_profile profile;
    NIMA_TRY(nima_profile_get(ctx, schedules->store, &profile));
    struct nima_error before = ctx->error;
    bool found =
        zone_in(ctx, profile.preferences, name, out) || zone_in(ctx, profile.context, name, out);
    ctx->error = before;
    if (found) {
        return NIMA_OK;
    }
    *name = nima_zone_server(ctx);
    return nima_zone_load(ctx, *name, out);
}

/* From the outside in */

static nima_rc check_text(struct nima_ctx *ctx, const char *field, nima_str text, size_t max)
{
    if (nima_str_trim(text).len == 0 || nima_utf8_count(text) > max) {
        return nima_fail_field(ctx, NIMA_E_INVALID, field, "%s must have 1..%zu characters", field,
                               max);
    }
    return NIMA_OK;
}

static nima_rc read_do(struct nima_ctx *ctx, const struct nima_schedule_do *what,
                       struct nima_schedule_row *row)
{
    int given = (what->remind.ptr != NULL) + (what->prompt.ptr != NULL) + (what->task.ptr != NULL);
    if (given != 1) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "do",
                               "do must have one of remind, prompt and task");
    }
    row->conversation_id = what->conversation_id;
    if (what->task.ptr != NULL) {
        struct nima_schedule_task task;
        row->action = NIMA_STR("task");
        row->body = what->task;
        return nima_json_decode(ctx, &nima_schedule_task_shape, what->task, &task) == NIMA_OK
                   ? NIMA_OK
                   : nima_fail_field(ctx, NIMA_E_INVALID, "do.task",
                                     "do.task must be {type, action, params}");
    }
    bool remind = what->remind.ptr != NULL;
    row->action = remind ? NIMA_STR("remind") : NIMA_STR("prompt");
    row->body = remind ? what->remind : what->prompt;
    return remind ? check_text(ctx, "do.remind", row->body, NIMA_SCHEDULE_REMIND_CHARS_MAX)
                  : check_text(ctx, "do.prompt", row->body, NIMA_SCHEDULE_PROMPT_CHARS_MAX);
}

static nima_str name_of(nima_str text)
{
    nima_str line = text, rest = nima_str_trim(text);
    nima_str_next(&rest, '\n', &line);
    size_t bytes = 0;
    uint32_t code_point;
    for (int chars = 0; bytes < line.len && chars < NAME_FROM_TEXT_CHARS; chars++) {
        bytes += (size_t)nima_utf8_decode(line, bytes, &code_point);
    }
    while (bytes < line.len && bytes > 0 && line.ptr[bytes] != ' ' && line.ptr[bytes - 1] != ' ' &&
           nima_str_find(nima_str_sub(line, 0, bytes), NIMA_STR(" "), 0) != SIZE_MAX) {
        bytes--; /* to the end of a word */
    }
    return nima_str_trim(nima_str_sub(line, 0, bytes));
}

static nima_str default_name(struct nima_ctx *ctx, const struct nima_schedule_row *row)
{
    struct nima_schedule_task task;
    if (nima_str_eq(row->action, NIMA_STR("task")) &&
        nima_json_decode(ctx, &nima_schedule_task_shape, row->body, &task) == NIMA_OK) {
        return nima_fmt(ctx, NIMA_FMT "." NIMA_FMT, NIMA_ARG(task.type), NIMA_ARG(task.action));
    }
    return name_of(row->body);
}

static nima_rc read_wish(struct nima_ctx *ctx, struct nima_schedules *schedules,
                         const struct nima_schedule_wish *wish, struct nima_schedule_row *row)
{
    if (wish->what != NULL) {
        NIMA_TRY(read_do(ctx, wish->what, row));
    }
    if (wish->when != NULL) {
        nima_str zone = NIMA_STR("UTC");
        const struct nima_zone *loaded;
        if (wish->when->timezone.ptr == NULL) {
            NIMA_TRY(nima_schedules_zone(ctx, schedules, &zone, &loaded));
        }
        row->next_at = 0;
        NIMA_TRY(nima_schedule_when_read(ctx, wish->when, zone, row));
        row->next_at = row->enabled ? wish->first_at : 0;
    }
    /* It would start itself again without end. */
    if (nima_str_eq(row->action, NIMA_STR("task")) && nima_str_eq(row->kind, NIMA_STR("event")) &&
        nima_str_starts(row->spec, NIMA_STR("task."))) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "when.event",
                               "a task cannot wait for the end of tasks");
    }
    row->label = wish->label.ptr != NULL ? wish->label : row->label;
    if (wish->name.ptr != NULL) {
        NIMA_TRY(check_text(ctx, "name", wish->name, NIMA_SCHEDULE_NAME_CHARS_MAX));
        row->name = wish->name;
    } else if (row->name.ptr == NULL) {
        row->name = default_name(ctx, row);
    }
    if (wish->has_enabled && wish->enabled != row->enabled) {
        row->enabled = wish->enabled;
        row->next_at = 0;
    }
    if (row->enabled && row->next_at == 0) {
        row->next_at = nima_schedule_when_next(ctx, row, nima_ctx_now(ctx));
    }
    row->next_at = row->enabled ? row->next_at : 0;
    if (row->enabled && row->next_at == 0 && !nima_str_eq(row->kind, NIMA_STR("event"))) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "enabled",
                               "its time is over; give it another one");
    }
    return NIMA_OK;
}

nima_rc nima_schedules_add(struct nima_ctx *ctx, struct nima_schedules *schedules,
                           const struct nima_schedule_wish *wish, bool preview,
                           struct nima_schedule_view *out)
{
    struct nima_schedule_row row = {.id = wish->id, .enabled = true};
    if (wish->when == NULL || wish->what == NULL) {
        const char *field = wish->when == NULL ? "when" : "do";
        return nima_fail_field(ctx, NIMA_E_INVALID, field, "%s is required", field);
    }
    NIMA_TRY(read_wish(ctx, schedules, wish, &row));
    if (!preview) {
        NIMA_TRY(nima_schedule_add(ctx, schedules->store, &row, &row));
        nima_schedules_wake(schedules);
    }
    nima_schedules_view(ctx, &row, out);
    return NIMA_OK;
}

nima_rc nima_schedules_change(struct nima_ctx *ctx, struct nima_schedules *schedules, nima_str id,
                              const struct nima_schedule_wish *wish, struct nima_schedule_view *out)
{
    struct nima_schedule_row row;
    NIMA_TRY(nima_schedule_get(ctx, schedules->store, id, &row));
    NIMA_TRY(read_wish(ctx, schedules, wish, &row));
    NIMA_TRY(nima_schedule_update(ctx, schedules->store, &row, &row));
    nima_schedules_wake(schedules);
    nima_schedules_view(ctx, &row, out);
    return NIMA_OK;
}

nima_rc nima_schedules_run_now(struct nima_ctx *ctx, struct nima_schedules *schedules, nima_str id,
                               struct nima_schedule_run *out)
{
    NIMA_TRY(nima_schedule_fire(ctx, schedules->store, id, false, out));
    nima_schedules_wake(schedules);
    return NIMA_OK;
}

nima_rc nima_schedules_event(struct nima_ctx *ctx, struct nima_schedules *schedules, nima_str event)
{
    struct nima_schedule_rows rows;
    NIMA_TRY(nima_schedule_waiting(ctx, schedules->store, event, &rows));
    for (size_t i = 0; i < rows.count; i++) {
        struct nima_schedule_run run = {0};
        nima_rc rc = nima_schedule_fire(ctx, schedules->store, rows.items[i].id, true, &run);
        if (rc != NIMA_OK && rc != NIMA_E_NOT_FOUND) {
            return rc;
        }
    }
    if (rows.count > 0) {
        nima_schedules_wake(schedules);
    }
    return NIMA_OK;
}

/* From the inside out */

static void fill_when(struct nima_ctx *ctx, const struct nima_schedule_row *row,
                      struct nima_schedule_when *when)
{
    when->timezone = row->timezone;
    if (nima_str_eq(row->kind, NIMA_STR("cron")) || nima_str_eq(row->kind, NIMA_STR("every"))) {
        nima_schedule_when_fill(ctx, row, when);
    } else if (nima_str_eq(row->kind, NIMA_STR("event"))) {
        when->event = row->spec;
    } else {
        when->has_at = nima_time_read(row->spec, &when->at);
    }
}

static void fill_upcoming(struct nima_ctx *ctx, const struct nima_schedule_row *row,
                          struct nima_schedule_view *out)
{
    struct nima_schedule_row at = *row;
    out->upcoming.items = NIMA_NEW(ctx->arena, nima_str, NIMA_SCHEDULE_UPCOMING);
    while (at.next_at != 0 && out->upcoming.count < NIMA_SCHEDULE_UPCOMING) {
        char text[NIMA_TIME_CHARS + 1];
        nima_time_write(at.next_at, text);
        out->upcoming.items[out->upcoming.count++] = nima_str_copy(ctx->arena, nima_str_of(text));
        at.next_at = nima_schedule_when_next(ctx, &at, at.next_at);
    }
}

void nima_schedules_view(struct nima_ctx *ctx, const struct nima_schedule_row *row,
                         struct nima_schedule_view *out)
{
    struct nima_schedule_row again = *row;
    again.next_at = 0;
    bool over = !row->enabled && row->last_at != 0 && !nima_str_eq(row->kind, NIMA_STR("event")) &&
                nima_schedule_when_next(ctx, &again, nima_ctx_now(ctx)) == 0;
    *out = (struct nima_schedule_view){
        .id = row->id,
        .name = row->name,
        .label = row->label.len > 0 ? row->label : NIMA_STR("reminder"),
        .when = NIMA_NEW(ctx->arena, struct nima_schedule_when, 1),
        .what = NIMA_NEW(ctx->arena, struct nima_schedule_do, 1),
        .enabled = row->enabled,
        .state = row->enabled ? NIMA_STR("active") : (over ? NIMA_STR("done") : NIMA_STR("paused")),
        .next_at = row->next_at,
        .has_next_at = row->next_at != 0,
        .last_at = row->last_at,
        .has_last_at = row->last_at != 0,
        .created_at = row->created_at,
        .updated_at = row->updated_at,
    };
    fill_when(ctx, row, out->when);
    fill_upcoming(ctx, row, out);
    nima_str *body = nima_str_eq(row->action, NIMA_STR("remind"))   ? &out->what->remind
                     : nima_str_eq(row->action, NIMA_STR("prompt")) ? &out->what->prompt
                                                                    : &out->what->task;
    *body = row->body;
    out->what->conversation_id = row->conversation_id;
}
