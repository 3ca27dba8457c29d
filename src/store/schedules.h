#pragma once
/*
 * schedules: the tables `schedules` and `schedule_runs`. A schedule says what is to happen and when
 * it is due next; a run is one firing, made in the same transaction that moves the schedule on, so
 * that of several processes exactly one makes it and a crash loses none.
 *
 * What is for everybody (due schedules, open runs) is not scoped to ctx->user_id: each row tells
 * whose it is, and the calls that act on a row are for that person again.
 */
#include "store/store.h"

enum { NIMA_SCHEDULES_MAX = 500, NIMA_SCHEDULE_RUNS_KEPT = 200 };

struct nima_schedule_row {
    nima_str id, user_id, name;
    nima_str kind;     /* "cron" | "at" | "every" | "event" */
    nima_str spec;     /* the line, the time, the interval, the event */
    nima_str timezone; /* an IANA name */
    nima_str action;   /* "remind" | "prompt" | "task" */
    nima_str body;
    nima_str label;           /* "reminder" | "timer" | "alarm" | "event"; absent: "reminder" */
    nima_str conversation_id; /* absent: the person's own for reminders; may be gone since */
    bool enabled;
    int64_t next_at, last_at; /* 0: none */
    int64_t created_at, updated_at;
};
struct nima_schedule_rows {
    struct nima_schedule_row *items;
    size_t count;
    nima_str next_cursor;
};
struct nima_schedule_run {
    nima_str id, schedule_id, user_id;
    int64_t due_at;
    nima_str status; /* "due" | "running" | "done" | "failed" */
    int64_t attempts;
    int64_t not_before; /* when it may be taken up, or taken over from a process that died */
    int64_t started_at, finished_at;      /* 0: not yet */
    nima_str conversation_id, message_id; /* what it led to */
    nima_str error;
    struct nima_schedule_row schedule; /* only from nima_schedule_runs_open and _runs_list */
};
struct nima_schedule_runs {
    struct nima_schedule_run *items;
    size_t count;
};

/* One person's */

/* INVALID when there are NIMA_SCHEDULES_MAX already. */
NIMA_MUST_USE nima_rc nima_schedule_add(struct nima_ctx *ctx, struct nima_store *store,
                                        const struct nima_schedule_row *row,
                                        struct nima_schedule_row *out);
NIMA_MUST_USE nima_rc nima_schedule_get(struct nima_ctx *ctx, struct nima_store *store, nima_str id,
                                        struct nima_schedule_row *out);
/* Newest first. limit: 1..1000, 0 is 50. */
NIMA_MUST_USE nima_rc nima_schedule_list(struct nima_ctx *ctx, struct nima_store *store, int limit,
                                         nima_str cursor, struct nima_schedule_rows *out);
/* Replaces everything but ids, last_at and created_at. */
NIMA_MUST_USE nima_rc nima_schedule_update(struct nima_ctx *ctx, struct nima_store *store,
                                           const struct nima_schedule_row *row,
                                           struct nima_schedule_row *out);
/* With its runs. */
NIMA_MUST_USE nima_rc nima_schedule_delete(struct nima_ctx *ctx, struct nima_store *store,
                                           nima_str id);
/* Those that wait for this event. */
NIMA_MUST_USE nima_rc nima_schedule_waiting(struct nima_ctx *ctx, struct nima_store *store,
                                            nima_str event, struct nima_schedule_rows *out);
/* A run that is due at once; with `once`, none is made (*out stays) while another one waits. The
 * due time is moved on by milliseconds when it is taken. */
NIMA_MUST_USE nima_rc nima_schedule_fire(struct nima_ctx *ctx, struct nima_store *store,
                                         nima_str schedule_id, bool once,
                                         struct nima_schedule_run *out);
/* Of one schedule (NOT_FOUND without it), or of all when absent; last due first. `since`: only
 * those that came to an end after it; 0: all. */
NIMA_MUST_USE nima_rc nima_schedule_runs_list(struct nima_ctx *ctx, struct nima_store *store,
                                              nima_str schedule_id, int64_t since, int limit,
                                              struct nima_schedule_runs *out);

/* Everybody's, for the runner */

/* Enabled ones that are due, longest ago first. */
NIMA_MUST_USE nima_rc nima_schedules_due(struct nima_ctx *ctx, struct nima_store *store,
                                         struct nima_schedule_rows *out);
/* Enabled ones by interval and by cron line that lie ahead, in the order of ids after `after`. */
NIMA_MUST_USE nima_rc nima_schedules_ahead(struct nima_ctx *ctx, struct nima_store *store,
                                           nima_str after, struct nima_schedule_rows *out);
/* Sets next_at where it still is what the row says. */
NIMA_MUST_USE nima_rc nima_schedule_move(struct nima_ctx *ctx, struct nima_store *store,
                                         const struct nima_schedule_row *row, int64_t next_at);
/* Makes the run of what is due and moves the schedule on: to next_at, or out of use when 0. Nothing
 * when somebody else did, or has done this firing before. */
NIMA_MUST_USE nima_rc nima_schedule_advance(struct nima_ctx *ctx, struct nima_store *store,
                                            const struct nima_schedule_row *row, int64_t next_at);
/* When there is next something to do: a schedule or reminder due, or (not `reminders`) a run of
 * another kind to be taken up; 0: nothing. */
NIMA_MUST_USE nima_rc nima_schedules_next(struct nima_ctx *ctx, struct nima_store *store,
                                          bool reminders, int64_t *out);
/* Runs that may be taken up now, with their schedules: reminders, or all others. */
NIMA_MUST_USE nima_rc nima_schedule_runs_open(struct nima_ctx *ctx, struct nima_store *store,
                                              bool reminders, struct nima_schedule_runs *out);
/* Puts the text into the conversation and ends the run, in one transaction. An absent or vanished
 * conversation is the person's own for reminders, made when it is not there: its id is theirs for
 * ever. *done is false when somebody else has done it. */
NIMA_MUST_USE nima_rc nima_schedule_deliver(struct nima_ctx *ctx, struct nima_store *store,
                                            const struct nima_schedule_run *run, nima_str metadata,
                                            bool *done);
/* Takes a run up until `until`; *claimed is false when somebody else has. */
NIMA_MUST_USE nima_rc nima_schedule_claim(struct nima_ctx *ctx, struct nima_store *store,
                                          const struct nima_schedule_run *run, int64_t until,
                                          bool *claimed);
/* Writes status, not_before, conversation_id, message_id and error of a run that was claimed. */
NIMA_MUST_USE nima_rc nima_schedule_finish(struct nima_ctx *ctx, struct nima_store *store,
                                           const struct nima_schedule_run *run);

/* A conversation in which nothing was said since `quiet_since`. */
struct nima_schedule_idle {
    nima_str schedule_id, user_id, conversation_id;
    int64_t quiet_since;
};
struct nima_schedule_idles {
    struct nima_schedule_idle *items;
    size_t count;
    bool any; /* somebody waits for idle conversations at all */
};
/* Conversations last gone on with before `before` but after the schedule was last changed, for
 * which it was not fired, and whose last word is not a schedule's own. */
NIMA_MUST_USE nima_rc nima_schedules_idle(struct nima_ctx *ctx, struct nima_store *store,
                                          int64_t before, struct nima_schedule_idles *out);
/* The run for it, due at quiet_since: once, whoever sees it first. */
NIMA_MUST_USE nima_rc nima_schedule_fire_idle(struct nima_ctx *ctx, struct nima_store *store,
                                              const struct nima_schedule_idle *idle);
/* The id of the person's own conversation for reminders. */
nima_str nima_schedule_conversation(struct nima_ctx *ctx, nima_str user_id);
