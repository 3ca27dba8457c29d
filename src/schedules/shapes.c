/* What a schedule looks like from outside, in replies and in what a turn did. */
#include "schedules/schedules.h"
#include "util/cron.h"
#include "util/zone.h"

enum { INTERVAL_CHARS_MAX = 8, TASK_CHARS_MAX = 16000 };

static const struct nima_field when_fields[] = {
    NIMA_FIELD(STR, struct nima_schedule_when, cron, .max = NIMA_SCHEDULE_CRON_CHARS_MAX,
               .doc = "Minute, hour, day of the month, month, day of the week, also with L, W and "
                      "#; or @daily and such. Several lines with ; between: each of them counts."),
    NIMA_FIELD(TIME, struct nima_schedule_when, at,
               .has = NIMA_HAS(struct nima_schedule_when, has_at), .doc = "Once, at this time."),
    NIMA_FIELD(STR, struct nima_schedule_when, every, .max = INTERVAL_CHARS_MAX,
               .doc = "An interval: 30s, 15m, 2h, 1d, 2w."),
    NIMA_FIELD(STR, struct nima_schedule_when, event, .choices = nima_schedule_events,
               .doc = "Whenever this happens."),
    NIMA_FIELD(TIME, struct nima_schedule_when, starting,
               .has = NIMA_HAS(struct nima_schedule_when, has_starting),
               .doc = "With cron and every: not before this time."),
    NIMA_FIELD(TIME, struct nima_schedule_when, until,
               .has = NIMA_HAS(struct nima_schedule_when, has_until),
               .doc = "With cron and every: not after this time."),
    NIMA_FIELD(STR_LIST, struct nima_schedule_when, except, .max = NIMA_SCHEDULE_EXCEPT_MAX,
               .has = NIMA_HAS(struct nima_schedule_when, has_except),
               .doc = "With cron and every: days that are left out, as 2026-12-25."),
    NIMA_FIELD(STR, struct nima_schedule_when, timezone, .max = NIMA_ZONE_NAME_MAX,
               .doc = "Whose clocks cron, days and weeks go by; else the profile's, else the "
                      "server's."),
};
const struct nima_shape nima_schedule_when_shape =
    NIMA_SHAPE("ScheduleWhen", struct nima_schedule_when, when_fields,
               .doc = "One of cron, at, every and event.");

static const struct nima_field task_fields[] = {
    NIMA_FIELD(STR, struct nima_schedule_task, type, .required = true, .max = 32,
               .doc = "The integration."),
    NIMA_FIELD(STR, struct nima_schedule_task, action, .required = true, .max = 64,
               .doc = "What of it to do."),
    NIMA_FIELD(JSON, struct nima_schedule_task, params, .preset_str = "{}", .doc = "With what."),
};
const struct nima_shape nima_schedule_task_shape = NIMA_SHAPE(
    "ScheduleTask", struct nima_schedule_task, task_fields, .doc = "A task to propose or start.");

static const struct nima_field do_fields[] = {
    NIMA_FIELD(STR, struct nima_schedule_do, remind, .max = NIMA_SCHEDULE_REMIND_CHARS_MAX,
               .doc = "Say this."),
    NIMA_FIELD(STR, struct nima_schedule_do, prompt, .max = NIMA_SCHEDULE_PROMPT_CHARS_MAX,
               .doc = "Have this answered, with memory and persona, and keep the reply."),
    NIMA_FIELD(ANY, struct nima_schedule_do, task, .max = TASK_CHARS_MAX,
               .schema = "{\"type\":\"object\"}",
               .doc =
                   "Start this task, {type, action, params}, or propose it where it needs a yes."),
    NIMA_FIELD(UUID, struct nima_schedule_do, conversation_id,
               .doc = "Where to; else a conversation of its own."),
};
const struct nima_shape nima_schedule_do_shape = NIMA_SHAPE(
    "ScheduleDo", struct nima_schedule_do, do_fields, .doc = "One of remind, prompt and task.");

const char *const nima_schedule_labels[] = {"reminder", "timer", "alarm", "event", NULL};

static const struct nima_field view_fields[] = {
    NIMA_FIELD(UUID, struct nima_schedule_view, id, .doc = "Its id; absent in a preview."),
    NIMA_FIELD(STR, struct nima_schedule_view, name, .required = true, .doc = "Its name."),
    NIMA_FIELD(STR, struct nima_schedule_view, label, .required = true,
               .choices = nima_schedule_labels, .doc = "What it is to the person."),
    NIMA_FIELD(OBJECT, struct nima_schedule_view, when, .required = true,
               .shape = &nima_schedule_when_shape, .doc = "When."),
    NIMA_FIELD_AS(OBJECT, "do", struct nima_schedule_view, what, .required = true,
                  .shape = &nima_schedule_do_shape, .doc = "What."),
    NIMA_FIELD(BOOL, struct nima_schedule_view, enabled, .required = true,
               .doc = "Whether it is in use."),
    NIMA_FIELD(STR, struct nima_schedule_view, state, .required = true,
               .choices = (const char *const[]){"active", "paused", "done", NULL},
               .doc = "done: its one time is over."),
    NIMA_FIELD(TIME, struct nima_schedule_view, next_at,
               .has = NIMA_HAS(struct nima_schedule_view, has_next_at),
               .doc = "When it is due next; absent: not by itself."),
    NIMA_FIELD(TIME, struct nima_schedule_view, last_at,
               .has = NIMA_HAS(struct nima_schedule_view, has_last_at),
               .doc = "When it was due last."),
    NIMA_FIELD(STR_LIST, struct nima_schedule_view, upcoming,
               .doc = "The next five times it is due."),
    NIMA_FIELD(TIME, struct nima_schedule_view, created_at, .doc = "When it was made."),
    NIMA_FIELD(TIME, struct nima_schedule_view, updated_at, .doc = "When it was last changed."),
};
const struct nima_shape nima_schedule_view_shape =
    NIMA_SHAPE("Schedule", struct nima_schedule_view, view_fields,
               .doc = "What is to happen at a time or upon an event.");
