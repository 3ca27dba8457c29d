#pragma once
/*
 * tasks_int: what the files of this room share. An integration is one file with its rows: see
 * docs/integrations.md.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "tasks/tasks.h"
#include "util/buf.h"

/* What an action works with. */
struct nima_job {
    struct nima_tasks *tasks;
    nima_str id;        /* the task's: the idempotency key of all its attempts; absent: preview */
    const void *params; /* by the action's shape, secrets filled in */
    int64_t created_at; /* when the task was asked for; 0: preview */
};
/* `result` is a JSON object's text in ctx->arena. BUSY, RATE, UNAVAILABLE and TIMEOUT are tried
 * again (not before ctx->error.retry_after_s), all else is final. Long work asks nima_ctx_stopped
 * now and then. */
typedef nima_rc (*nima_action_call)(struct nima_ctx *ctx, struct nima_job *job, nima_str *result);

enum { NIMA_ACTION_RESOURCES = 16 };
struct nima_action {
    const char *name, *doc;
    const char *past; /* "wrote", as in "Nima wrote a.txt"; NULL: it is never told of later */
    const struct nima_shape *params;
    bool writes;
    /* May be NULL: `writes` says. */
    bool (*writes_with)(const void *params);
    /* What rules are matched with (a path, "GET host/path"); also refuses what can never be
     * allowed. */
    nima_rc (*resources)(struct nima_ctx *ctx, const struct nima_tasks *tasks, const void *params,
                         nima_str out[NIMA_ACTION_RESOURCES]);
    nima_action_call run;
    nima_action_call preview; /* NULL: it changes nothing, so there is nothing to show */
};
/* A param that is asked for in a conversation when nobody said it. */
enum nima_written { NIMA_WRITTEN_AS_SAID, NIMA_WRITTEN_SMALL, NIMA_WRITTEN_AS_SENTENCE };
enum { NIMA_TASK_ANSWERS = 4 };
struct nima_task_ask {
    const char *param, *question;
    enum nima_written written;              /* how the answer becomes the value */
    const char *answers[NIMA_TASK_ANSWERS]; /* patterns of words.h: one slot, which is the value */
};
struct nima_integration {
    const char *name, *doc;
    const struct nima_action *actions; /* ends in {0} */
    const struct nima_task_ask *asks;  /* ends in {0}; NULL: nothing is asked for */
    int at_once;                       /* tasks of it that may run in one process */
    bool secrets;                      /* ${secret:NAME} is filled in */
    bool secrets_in_preview;           /* there too: the service itself is asked what it would do */
    bool (*configured)(const struct nima_tasks *tasks);
    /* Where it is configured: its permission for all actions. */
    size_t permission; /* offset of a nima_str in struct nima_tasks_options */
    bool program;      /* described by a manifest: program_int.h */
};
extern const struct nima_integration nima_integration_file, nima_integration_api;
extern const struct nima_integration nima_integration_k8s;
extern const struct nima_integration nima_integration_github;
extern const struct nima_integration *const nima_integrations[]; /* ends in NULL */
enum { NIMA_INTEGRATIONS_MAX = 8 };

/* NOT_FOUND is INVALID here, naming `type` or `action`. `options` NULL: only what is built in. */
NIMA_MUST_USE nima_rc nima_action_find(struct nima_ctx *ctx,
                                       const struct nima_tasks_options *options, nima_str type,
                                       nima_str action,
                                       const struct nima_integration **integration_out,
                                       const struct nima_action **action_out);
/* Params by the action's shape; errors name "params.…". */
NIMA_MUST_USE nima_rc nima_action_params(struct nima_ctx *ctx, const struct nima_action *action,
                                         nima_str params, void **out);
/* The shape as JSON Schema. */
nima_str nima_action_schema(struct nima_ctx *ctx, const struct nima_shape *shape);

/* program/list.c: see program_int.h. What is found lives in ctx->arena. */

bool nima_program_is_there(struct nima_ctx *ctx, const struct nima_tasks_options *options,
                           nima_str name); /* whole or broken */
/* NOT_FOUND when there is no manifest of the name, INVALID when it is broken. */
NIMA_MUST_USE nima_rc nima_program_find(struct nima_ctx *ctx,
                                        const struct nima_tasks_options *options, nima_str name,
                                        const struct nima_integration **out);
/* Of those that are there, sorted; *count of them. */
void nima_program_names(struct nima_ctx *ctx, const struct nima_tasks_options *options,
                        const nima_str **out, size_t *count);
/* The type as it is hashed: with all that is run, when it is a program's. */
nima_str nima_program_seal(struct nima_ctx *ctx, const struct nima_action *action, nima_str type);
/* CONFLICT when the task is a program's, and that is not as it was when the task was asked for. */
NIMA_MUST_USE nima_rc nima_program_unchanged(struct nima_ctx *ctx, const struct nima_task_row *task,
                                             const struct nima_action *action);
/* In params that the action's table has filled. */
void nima_program_mark(const struct nima_action *action, void *params);
/* Logs what is there when that has changed since the last time. */
void nima_programs_watch(struct nima_ctx *ctx, struct nima_tasks *tasks);

/* policy.c */

enum nima_verdict { NIMA_ALLOW, NIMA_ASK, NIMA_TWO_PERSON, NIMA_DENY }; /* the strictest last */
struct nima_policy {
    enum nima_verdict verdict;
    nima_str row; /* which setting decided, for the record */
};
extern const char *const nima_verdict_names[];
struct nima_rule {
    enum nima_verdict verdict;
    char *text;                     /* as written */
    nima_str type, action, pattern; /* views into text; pattern absent: everything */
};
struct nima_rules {
    struct nima_rule *items;
    size_t count;
};
NIMA_MUST_USE nima_rc nima_rules_read(struct nima_ctx *ctx,
                                      const struct nima_tasks_options *options,
                                      struct nima_rules *out);
void nima_rules_done(struct nima_rules *rules);
/* Whether the person is one of tasks.approvers. */
bool nima_policy_approver(const struct nima_tasks *tasks, nima_str person);
/* The strictest verdict over the resources of one call. `params` NULL: without resources. */
NIMA_MUST_USE nima_rc nima_policy_decide(struct nima_ctx *ctx, const struct nima_tasks *tasks,
                                         const struct nima_integration *integration,
                                         const struct nima_action *action, const void *params,
                                         struct nima_policy *out);
/* `*` is anything but a slash, `**` anything, `?` one character but a slash. */
bool nima_glob(nima_str pattern, nima_str text);

/* secrets.c */

enum { NIMA_SECRETS_MAX = 64, NIMA_SECRET_BYTES_MIN = 4, NIMA_SECRET_BYTES_MAX = 4096 };
struct nima_secrets {
    char *names[NIMA_SECRETS_MAX], *values[NIMA_SECRETS_MAX];
    size_t count;
};
/* From the environment (NIMA_SECRET_NAME) and the file, which only its owner may read. */
NIMA_MUST_USE nima_rc nima_secrets_read(struct nima_ctx *ctx, nima_str file, char *const *environ_,
                                        struct nima_secrets *out);
void nima_secrets_done(struct nima_secrets *secrets);
bool nima_secrets_named(nima_str json); /* whether any ${secret:…} stands in it */
/* JSON text with every ${secret:NAME} replaced. INVALID for a name nobody gave a value. */
NIMA_MUST_USE nima_rc nima_secrets_fill(struct nima_ctx *ctx, const struct nima_secrets *secrets,
                                        nima_str json, nima_str *out);
/* The text with every secret's value replaced by its name, plain, escaped, encoded. */
/* Without an end that may be the beginning of a secret: for a text that was cut off. */
nima_str nima_secrets_cut_tail(const struct nima_secrets *secrets, nima_str text);
nima_str nima_secrets_mask(struct nima_ctx *ctx, const struct nima_secrets *secrets, nima_str text);

/* file/path.c */

struct nima_root {
    char *name; /* the last part of its path */
    char *path;
    int fd; /* O_PATH */
};
enum { NIMA_ROOTS_MAX = 16 };
struct nima_roots {
    struct nima_root items[NIMA_ROOTS_MAX];
    size_t count;
    bool walk; /* part by part, also where the kernel has openat2 */
};

/* github/send.c: what one process remembers of GitHub */

struct nima_github_memory;
/* INVALID when a setting is none that GitHub could be reached by. */
NIMA_MUST_USE nima_rc nima_github_open(struct nima_ctx *ctx,
                                       const struct nima_tasks_options *options,
                                       struct nima_github_memory **out);
void nima_github_close(struct nima_github_memory *memory);

/* executor.c */

enum { NIMA_PROGRAM_TYPE_BYTES = 48 };
enum nima_stop { NIMA_STOP_NONE, NIMA_STOP_ASKED, NIMA_STOP_CLOSING, NIMA_STOP_LOST };
struct nima_worker {
    struct nima_tasks *tasks;
    pthread_t thread;
    /* Guarded by nima_tasks.lock */
    bool busy;
    char id[40];
    char program[NIMA_PROGRAM_TYPE_BYTES]; /* type of a task that is no built-in one's, else "" */
    int program_at_once;
    int64_t attempts, beat_ms, held_until_ms; /* on nima_mono_ms() */
    enum nima_stop stop;
    atomic_bool cancelled;
};
struct nima_tasks {
    struct nima_tasks_options options; /* copies */
    struct nima_rules rules;
    struct nima_secrets secrets;
    struct nima_roots roots;
    struct nima_github_memory *github;
    char *undo; /* folder */
    char owner[40];
    pthread_mutex_t claiming; /* one claim at a time in this process */
    pthread_mutex_t lock;     /* guards what follows, and the workers' marked members */
    pthread_cond_t moved;     /* work came, a task changed, or the end is near */
    uint64_t work, changes;   /* raised by each */
    int running[NIMA_INTEGRATIONS_MAX];
    bool stopping;
    nima_tasks_told told; /* NULL: nobody */
    void *told_user;
    int telling; /* calls of it under way */
    bool keeper_started;
    pthread_t keeper;
    uint64_t programs_seen; /* the keeper's: how the manifests were */
    int64_t programs_looked_ms;
    struct nima_worker *workers;
    size_t worker_count;
};
NIMA_MUST_USE nima_rc nima_executor_start(struct nima_ctx *ctx, struct nima_tasks *tasks);
void nima_executor_stop(struct nima_tasks *tasks, int64_t grace_ms);
void nima_executor_work_came(struct nima_tasks *tasks);
void nima_executor_changed(struct nima_tasks *tasks);
/* The one who asked is told what became of it, as far as somebody listens. */
void nima_executor_tell(struct nima_ctx *ctx, struct nima_tasks *tasks,
                        const struct nima_task_over *over);
/* Ends the task when it runs in this process. */
void nima_executor_cancel(struct nima_tasks *tasks, nima_str id);

/* heard.c */

/* The steps that a message asks for in plain forms, at most NIMA_TASKS_STEPS_MAX; 0: it is talk. */
size_t nima_task_heard(struct nima_ctx *ctx, nima_str message, struct nima_tasks_step *steps);

/* The same, where it is known of what kind the last thing was that was done here ("k8s"; absent:
 * nothing): a few words are about that alone. */
size_t nima_task_heard_after(struct nima_ctx *ctx, nima_str message, nima_str last_type,
                             struct nima_tasks_step *steps);

/* "yes, but call it b.txt": the proposal's params with what the message changes; absent when it
 * changes nothing. */
nima_str nima_task_changed(struct nima_ctx *ctx, nima_str message,
                           const struct nima_task_row *proposal);

/* missing.c */

/* Where something is missing in the steps, *out asks for it and keeps what is known. */
void nima_task_ask_back(struct nima_ctx *ctx, const struct nima_tasks *tasks,
                        const struct nima_tasks_step *steps, size_t count,
                        struct nima_tasks_spoken *out);
/* The steps that were asked about, with what the message says and nothing else; 0: it is no
 * answer. */
size_t nima_task_completed(struct nima_ctx *ctx, const struct nima_tasks *tasks, nima_str asked,
                           nima_str message, struct nima_tasks_step *steps);

/* github/said.c */

extern const struct nima_task_ask nima_github_asks[];
struct nima_task_words;
/* One step of those words that is about GitHub. */
bool nima_github_heard(struct nima_ctx *ctx, const struct nima_task_words *words, size_t from,
                       size_t end, struct nima_tasks_step *out);
/* How many of such steps are left: none when there is no token. */
/* file/said.c: "undo that", "undo the last change to notes.txt" as a step. False: it is not said,
 * or the last message has changed no file. */
bool nima_file_undo_heard(struct nima_ctx *ctx, const struct nima_tasks *tasks, nima_str message,
                          nima_str last_actions, struct nima_tasks_step *out);
size_t nima_github_place(const struct nima_tasks *tasks, const struct nima_tasks_step *steps,
                         size_t count);
/* The requests of a preview as text; "": none. */
nima_str nima_github_requests(struct nima_ctx *ctx, const struct nima_json *would);
/* Says a result by its links; false: it has none of its own. */
bool nima_github_say(const struct nima_json *result, struct nima_buf *buf);
/* k8s/said.c */

extern const struct nima_task_ask nima_k8s_asks[];
/* One step of those words that is about a cluster. */
bool nima_k8s_heard(struct nima_ctx *ctx, const struct nima_task_words *words, size_t from,
                    size_t end, struct nima_tasks_step *out);
/* Gives steps without a namespace the only one that is configured; with several it is missing.
 * How many steps are left: none when they were not about a cluster. */
size_t nima_k8s_place(struct nima_ctx *ctx, const struct nima_tasks *tasks,
                      struct nima_tasks_step *steps, size_t count);
/* Lines that tell a result of k8s; absent: it has none of its own. */
nima_str nima_k8s_told(struct nima_ctx *ctx, const struct nima_json *result);

/* wonder.c */

struct nima_llm;
enum nima_wondered {
    NIMA_WONDERED_TALK,
    NIMA_WONDERED_ACTION,
    NIMA_WONDERED_UNCLEAR, /* an action, but its values are not all the person's own */
};
/* Whether a message may be a request that is worth asking the model about. */
bool nima_task_asks(const struct nima_task_words *words);
/* A model that fails has found talk; CANCELLED and TIMEOUT come through. */
NIMA_MUST_USE nima_rc nima_task_wonder(struct nima_ctx *ctx, struct nima_llm *llm, nima_str message,
                                       struct nima_tasks_step *step, enum nima_wondered *out);

/* tasks.c */

/* SHA-256 over what is run. */
nima_str nima_task_hash(struct nima_ctx *ctx, nima_str type, nima_str action, nima_str params);
/* The details of an audit row: the params, or their digest where they are long. */
nima_str nima_task_details(struct nima_ctx *ctx, nima_str params);
