#pragma once
/*
 * schedules: what is to happen at a time or upon an event: a reminder, a prompt, a task.
 *
 * A runner sleeps until the next one is due, makes a run of it (once, however many processes share
 * the store) and carries it out: reminders are put into a conversation right here, the rest is done
 * by whom _start was given. What was missed while nobody ran happens once, at the start.
 *
 * Lifetime   _new, _start once everything it calls is there; _stop before that ends; _free.
 * Ownership  Results live in ctx->arena.
 * Threads    Any; the runner has two of its own, so that a long prompt delays no reminder.
 * Errors     INVALID naming the field; NOT_FOUND; STORE and BUSY come through.
 */
#include "store/schedules.h"
#include "util/json.h"

struct nima_schedules;
struct nima_zone;

enum {
    NIMA_SCHEDULE_NAME_CHARS_MAX = 200,
    NIMA_SCHEDULE_REMIND_CHARS_MAX = 2000,
    NIMA_SCHEDULE_PROMPT_CHARS_MAX = 8000,
    NIMA_SCHEDULE_UPCOMING = 5,
    NIMA_SCHEDULE_CRON_CHARS_MAX = 1000,
    NIMA_SCHEDULE_LINES_MAX = 16,
    NIMA_SCHEDULE_EXCEPT_MAX = 100
};

struct nima_schedules_options {
    struct nima_store *store;
    int64_t (*now_ms)(void *user); /* the runner's wall clock, for tests; NULL: the real one */
    void *now_user;
    int64_t idle_ms; /* without a word for so long a conversation is idle; 0: half an hour */
};
struct nima_schedules *nima_schedules_new(const struct nima_schedules_options *options);
void nima_schedules_free(struct nima_schedules *schedules);

/* Carries out a run that is no reminder, for ctx->user_id; sets what it led to. */
typedef nima_rc (*nima_schedule_perform)(struct nima_ctx *ctx, void *user,
                                         const struct nima_schedule_run *run,
                                         nima_str *conversation_id, nima_str *message_id);
void nima_schedules_start(struct nima_schedules *schedules, nima_schedule_perform perform,
                          void *user);
/* Calls `look` at the start, every five minutes, and soon after _look_soon, on the thread of
 * reminders; ctx is for nobody yet. To be set before _start. */
typedef nima_rc (*nima_schedule_look)(struct nima_ctx *ctx, void *user);
void nima_schedules_watch(struct nima_schedules *schedules, nima_schedule_look look, void *user);
void nima_schedules_look_soon(struct nima_schedules *schedules);
void nima_schedules_stop(struct nima_schedules *schedules); /* waits for the run at work */

/* When: exactly one of cron, at, every, event. */
struct nima_schedule_when {
    nima_str cron; /* a line, or several with ; between: whichever comes first */
    nima_str every, event;
    nima_str timezone; /* absent: the person's, else the machine's */
    int64_t at;
    int64_t starting, until; /* of cron and every: not before, not after */
    bool has_at, has_starting, has_until, has_except;
    struct {
        nima_str *items; /* days that are left out: "2026-12-25" */
        size_t count;
    } except;
};
struct nima_when;
/* What the reader of times understood, as a schedule has it; `first_at` for the wish. */
void nima_schedules_when_of(struct nima_ctx *ctx, const struct nima_when *when,
                            struct nima_schedule_when *out, int64_t *first_at);
/* What: exactly one of remind, prompt, task. */
struct nima_schedule_do {
    nima_str remind, prompt, task;
    nima_str conversation_id; /* absent: a conversation of its own */
};
struct nima_schedule_wish {
    nima_str id;    /* absent: a new one; CONFLICT when it is taken */
    nima_str name;  /* absent: the first words of what it does */
    nima_str label; /* one of nima_schedule_labels; absent: stays, of a new one "reminder" */
    const struct nima_schedule_when *when;
    const struct nima_schedule_do *what;
    bool enabled, has_enabled;
    int64_t first_at; /* of an interval: when it begins; 0: one interval from now */
};
struct nima_schedule_view {
    nima_str id, name;
    nima_str label;
    struct nima_schedule_when *when;
    struct nima_schedule_do *what;
    bool enabled;
    nima_str state; /* "active" | "paused" | "done" */
    int64_t next_at, last_at;
    bool has_next_at, has_last_at;
    struct {
        nima_str *items; /* RFC 3339 */
        size_t count;
    } upcoming;
    int64_t created_at, updated_at;
};
struct nima_schedule_task { /* the text of nima_schedule_do.task */
    nima_str type, action, params;
};
/* "reminder", "timer", "alarm", "event"; ends in NULL */
extern const char *const nima_schedule_labels[];
extern const struct nima_shape nima_schedule_task_shape;
extern const struct nima_shape nima_schedule_when_shape, nima_schedule_do_shape,
    nima_schedule_view_shape;
/* INVALID for what makes no sense, never comes, or lies in the past. With `preview` nothing is
 * stored: id and times of making are absent. */
NIMA_MUST_USE nima_rc nima_schedules_add(struct nima_ctx *ctx, struct nima_schedules *schedules,
                                         const struct nima_schedule_wish *wish, bool preview,
                                         struct nima_schedule_view *out);
/* Changes what the wish names. */
NIMA_MUST_USE nima_rc nima_schedules_change(struct nima_ctx *ctx, struct nima_schedules *schedules,
                                            nima_str id, const struct nima_schedule_wish *wish,
                                            struct nima_schedule_view *out);
/* A run due at once, also of a schedule that is paused. */
NIMA_MUST_USE nima_rc nima_schedules_run_now(struct nima_ctx *ctx, struct nima_schedules *schedules,
                                             nima_str id, struct nima_schedule_run *out);
void nima_schedules_view(struct nima_ctx *ctx, const struct nima_schedule_row *row,
                         struct nima_schedule_view *out);

/* Something happened to ctx->user_id: "fact.created", "goal.completed" … Schedules that wait for it
 * get a run each, unless one waits already: a hundred facts at once are one event. */
NIMA_MUST_USE nima_rc nima_schedules_event(struct nima_ctx *ctx, struct nima_schedules *schedules,
                                           nima_str event);
extern const char *const nima_schedule_events[]; /* ends in NULL */

/* The zone that ctx->user_id's times are in: preferences.time_zone of the profile, else the
 * machine's. */
NIMA_MUST_USE nima_rc nima_schedules_zone(struct nima_ctx *ctx, struct nima_schedules *schedules,
                                          nima_str *name, const struct nima_zone **out);
/* A zone by its name or as people write it ("berlin", "UTC+2"); false: there is none. */
bool nima_schedules_zone_named(struct nima_ctx *ctx, nima_str said, nima_str *name,
                               const struct nima_zone **out);
/* INVALID naming `field`.time_zone when the JSON object has one that is not known. */
NIMA_MUST_USE nima_rc nima_schedules_check_zone(struct nima_ctx *ctx, const char *field,
                                                nima_str object);
/* "Monday 30 November 2026 at 09:00 (Europe/Berlin)" */
nima_str nima_schedules_when_text(struct nima_ctx *ctx, int64_t unix_ms, nima_str timezone);

/* Wishes in chat, by rules: "remind me every Monday at 9 to …", "what reminders do I have?",
 * "cancel the reminder about …". False for everything else, also where reminding is merely spoken
 * of. */
bool nima_schedules_asked(struct nima_ctx *ctx, nima_str message);
struct nima_schedules_reply {
    nima_str text;
    nima_str actions; /* a JSON array; absent: nothing was done */
};
/* Carries out what was asked and says so, or asks back. What is to be said later goes into this
 * conversation; absent: the person's own for reminders. */
NIMA_MUST_USE nima_rc nima_schedules_answer(struct nima_ctx *ctx, struct nima_schedules *schedules,
                                            nima_str message, nima_str conversation_id,
                                            struct nima_schedules_reply *out);
