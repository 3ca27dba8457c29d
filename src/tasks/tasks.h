#pragma once
/*
 * tasks: does things outside the conversation, when allowed, exactly as said, on record: reads and
 * writes files below the roots, asks services on the list of hosts. A task waits in the store, so
 * that it survives restarts and several processes can share the work.
 *
 * Lifetime   One per process: opened after the store, closed before it. Workers run from _open on.
 * Ownership  Results live in ctx->arena; options are copied.
 * Threads    Any worker of the server may call at any time.
 * Errors     INVALID naming the parameter ("params.path"), FORBIDDEN where a policy says deny,
 *            NOT_FOUND, CONFLICT for what the task's state does not allow, RATE when too many of
 *            the person's tasks are not over yet, STORE.
 * Scope      Everything is for ctx->user_id.
 */
#include "llm/llm.h"
#include "store/tasks.h"
#include "util/json.h"

struct nima_tasks;

enum {
    NIMA_TASK_PARAMS_BYTES_MAX = 1 << 20,
    NIMA_TASK_RESULT_BYTES_MAX = 2 << 20,
    NIMA_TASK_ATTEMPTS_MAX = 20,
    NIMA_TASK_TIMEOUT_S_MAX = 3600,
};

struct nima_tasks_options {
    struct nima_store *store;
    nima_str data;       /* the folder of everything that is kept; undo copies are below it */
    nima_str file_roots; /* folders, separated by commas; the first is meant when none is named */
    nima_str file_permission, api_permission; /* allow, ask, deny; "": reads allow, writes ask */
    nima_str allow, ask, deny; /* rules "file.write_file:notes/ **", separated by commas */
    nima_str two_person;       /* the same: what two different people must approve */
    nima_str approvers;        /* people, separated by commas, who may be the second of them */
    nima_str api_hosts;        /* host[:port], separated by commas; none: no host is reached */
    nima_str processor;        /* the program that runs nima_tasks_processor; "": none apart */
    nima_str secrets_file;     /* NAME=value lines, mode 0600; "": none */
    /* kubectl's: a kubeconfig ("": KUBECONFIG, else the service account), its context, namespaces
     * separated by commas */
    nima_str k8s_kubeconfig, k8s_context, k8s_namespaces, k8s_permission, k8s_kubectl,
        k8s_service_account;
    nima_str program_permission; /* of all that manifests describe */
    nima_str sandbox;            /* required, off */
    nima_str github_permission;
    nima_str github_api_url;
    nima_str github_token_secret; /* name of the secret that is the token */
    nima_str github_repos;        /* globs of owner/name; "": every one */
    nima_str github_author;       /* "Name <address>" of commits in a checkout */
    bool github_signoff;          /* they say so in a trailer */
    struct nima_llm *llm;         /* finds requests that no rule understands; NULL: nobody does */
    enum nima_llm_use ask_model;
    int workers;         /* tasks at once */
    int64_t waiting_max; /* tasks of a person that are not over yet; 0: any number */
    int64_t lease_ms;    /* how long a silent process keeps its tasks */
    int64_t approval_s;  /* how long a proposal waits for its answer */
};
NIMA_MUST_USE nima_rc nima_tasks_open(struct nima_ctx *ctx,
                                      const struct nima_tasks_options *options,
                                      struct nima_tasks **out);
/* Running tasks get `grace_ms`; then they go back into the queue. */
void nima_tasks_close(struct nima_tasks *tasks, int64_t grace_ms);

struct nima_task_over {
    nima_str event; /* "task.completed" or "task.failed"; absent: another person said no to it */
    const struct nima_task_row *task; /* as it was begun */
    nima_str result;                  /* a JSON object's text without secrets; absent: it failed */
    /* What was done, when it changed something: "moved", its params being a.txt and b.txt. */
    const char *did; /* NULL: nothing */
};
/* `told` is called, mostly on a worker's thread, when a task of ctx->user_id has come to an end by
 * itself or by another person, after it was written down; NULL: nobody is, and from the return on
 * nothing is under way. */
typedef void (*nima_tasks_told)(struct nima_ctx *ctx, void *user,
                                const struct nima_task_over *over);
void nima_tasks_tell(struct nima_tasks *tasks, nima_tasks_told told, void *user);

struct nima_tasks_request {
    nima_str id; /* absent: a new one; CONFLICT when it is taken */
    nima_str type, action;
    nima_str params; /* a JSON object's text */
    nima_str origin; /* "api", "chat", "schedule", "goal" */
    nima_str conversation_id, goal_id;
    int64_t max_attempts, timeout_s, priority;
    bool propose; /* ask, also where the policy allows */
};
/* Checks, decides, queues: the task is pending, or awaits approval. */
NIMA_MUST_USE nima_rc nima_tasks_submit(struct nima_ctx *ctx, struct nima_tasks *tasks,
                                        const struct nima_tasks_request *request,
                                        struct nima_task_row *out);
/* Several at once, as a plan: they run in their order and stop at the first that fails; when one
 * must be approved, all wait for one approval (of the first row's id). *out: in their order. */
NIMA_MUST_USE nima_rc nima_tasks_submit_plan(struct nima_ctx *ctx, struct nima_tasks *tasks,
                                             const struct nima_tasks_request *steps, size_t count,
                                             struct nima_task_rows *out);
/* Whether it could be submitted now: INVALID, FORBIDDEN. */
NIMA_MUST_USE nima_rc nima_tasks_check(struct nima_ctx *ctx, struct nima_tasks *tasks,
                                       const struct nima_tasks_request *request);
/* What would happen, as a JSON object: the policy's verdict and the change in full. Nothing is
 * queued and nothing is changed. */
NIMA_MUST_USE nima_rc nima_tasks_preview(struct nima_ctx *ctx, struct nima_tasks *tasks,
                                         const struct nima_tasks_request *request, nima_str *out);
/* The person's own or, for an approver, one that needs two people: the first approval of the two
 * leaves it waiting for the second, of another person; reject by either ends it. */
NIMA_MUST_USE nima_rc nima_tasks_approve(struct nima_ctx *ctx, struct nima_tasks *tasks,
                                         nima_str id, struct nima_task_row *out);
NIMA_MUST_USE nima_rc nima_tasks_reject(struct nima_ctx *ctx, struct nima_tasks *tasks, nima_str id,
                                        struct nima_task_row *out);
NIMA_MUST_USE nima_rc nima_tasks_cancel(struct nima_ctx *ctx, struct nima_tasks *tasks, nima_str id,
                                        struct nima_task_row *out);
/* The policies of now are asked again. The steps of a plan that were skipped because of it come
 * back, too, in their order behind it. */
NIMA_MUST_USE nima_rc nima_tasks_retry(struct nima_ctx *ctx, struct nima_tasks *tasks, nima_str id,
                                       struct nima_task_row *out);
/* What waits for ctx->user_id as an approver of other people's tasks, with what each would
 * do; nothing for who is none. */
struct nima_tasks_waiting {
    struct nima_task_row task;
    nima_str would; /* as nima_tasks_preview; absent: `problem` says why it cannot be shown */
    nima_str problem;
};
struct nima_tasks_waitings {
    struct nima_tasks_waiting *items;
    size_t count;
    nima_str next_cursor;
};
NIMA_MUST_USE nima_rc nima_tasks_to_approve(struct nima_ctx *ctx, struct nima_tasks *tasks,
                                            int limit, nima_str cursor,
                                            struct nima_tasks_waitings *out);
/* Waits up to timeout_ms for the task to differ from `seen` (id alone: to be over). Success either
 * way: look at the row. CANCELLED when the caller has left. */
NIMA_MUST_USE nima_rc nima_tasks_wait(struct nima_ctx *ctx, struct nima_tasks *tasks,
                                      const struct nima_task_row *seen, int64_t timeout_ms,
                                      struct nima_task_row *out);
bool nima_task_is_over(const struct nima_task_row *task); /* completed, failed, cancelled */

/* Deletes what is kept of the person's tasks beside the store: the content they replaced. The rows
 * go with the person (store/people.h); call this before. */
NIMA_MUST_USE nima_rc nima_tasks_forget(struct nima_ctx *ctx, struct nima_tasks *tasks);

/* Works on the content on standard input as the argument says, in a sandbox, and ends the process:
 * what `processor` is started for. */
_Noreturn void nima_tasks_processor(nima_str argument);

/* How these ended, a plan's steps or one task, as it is said in a conversation; *actions as those
 * of nima_tasks_answer. */
NIMA_MUST_USE nima_rc nima_tasks_say(struct nima_ctx *ctx, struct nima_tasks *tasks,
                                     const struct nima_task_rows *rows, nima_str *text,
                                     nima_str *actions);

/* What there is to do */

struct nima_tasks_action {
    nima_str name, doc;
    nima_str params;     /* JSON Schema */
    nima_str permission; /* "allow", "ask", "two_person", "deny" when no rule on a resource says
                            otherwise */
    bool writes;
};
struct nima_tasks_integration {
    nima_str name, doc;
    bool configured;
    nima_str problem; /* of its manifest; absent: none */
    struct {
        struct nima_tasks_action *items;
        size_t count;
    } actions;
};
struct nima_tasks_integrations {
    struct nima_tasks_integration *items;
    size_t count;
};
NIMA_MUST_USE nima_rc nima_tasks_integrations(struct nima_ctx *ctx, struct nima_tasks *tasks,
                                              struct nima_tasks_integrations *out);

/* The programs that manifests in the data folder describe, and what is wrong with those. Needs no
 * nima_tasks: `options` with data, file_roots and sandbox. */
NIMA_MUST_USE nima_rc nima_tasks_programs(struct nima_ctx *ctx,
                                          const struct nima_tasks_options *options,
                                          struct nima_tasks_integrations *out);
/* What the options name for tasks, GitHub and Kubernetes, and whether it is there; nothing about
 * what they do not name. Needs no nima_tasks, and changes and asks nothing. */
enum nima_tasks_state {
    NIMA_TASKS_WELL,
    NIMA_TASKS_LACKS,
    NIMA_TASKS_WRONG /* no server starts */
};
enum { NIMA_TASKS_FINDINGS_MAX = 3 };
struct nima_tasks_finding {
    const char *about; /* "tasks", "github" or "k8s" */
    enum nima_tasks_state state;
    nima_str message; /* behind a semicolon, what to do */
};
struct nima_tasks_findings {
    struct nima_tasks_finding items[NIMA_TASKS_FINDINGS_MAX];
    size_t count;
};
void nima_tasks_diagnose(struct nima_ctx *ctx, const struct nima_tasks_options *options,
                         struct nima_tasks_findings *out);
/* The version of Landlock that this kernel keeps; 0: none, and programs run only when the sandbox
 * is off. */
int nima_tasks_landlock(void);

/* In a conversation */

enum { NIMA_TASKS_STEPS_MAX = 8 };
struct nima_tasks_step {
    nima_str type, action, params;
    nima_str missing;  /* the param that nobody said and that is to be asked for; absent: none */
    nima_str question; /* asked instead, where no single value would do; absent: nothing */
};
enum nima_tasks_said { NIMA_SAID_NOTHING, NIMA_SAID_DO, NIMA_SAID_YES, NIMA_SAID_NO };
struct nima_tasks_spoken {
    enum nima_tasks_said said;
    nima_str id; /* YES, NO: of the proposal; DO: of the one that this takes the place of */
    nima_str type, action, params; /* DO */
    struct {
        struct nima_tasks_step *items;
        size_t count;
    } steps;               /* DO: one after the other, the first as above; none: that is all */
    bool propose, unclear; /* DO: found by the model: only proposed, or asked back about */
    nima_str problem;      /* of a "/task …" that cannot be done; absent: none */
    nima_str question;     /* DO: what is asked back instead; absent: nothing */
    nima_str asked;        /* to be kept with the question, so that its answer is understood */
    nima_str origin, as;   /* DO: absent: "chat"; its id, so that it is begun once */
};
/* What stands by Nima's last message, where the conversation ends with one: not what it says,
 * which a model may have written. */
struct nima_tasks_last {
    nima_str actions; /* what it began or proposed; absent: nothing */
    nima_str asked;   /* nima_tasks_spoken.asked of a question; absent: it asked none */
};
/* What the person's message asks for in a plain form; NOTHING for all other talk. A "yes" counts
 * only as the answer to a proposal that Nima's last message made, and a bare name or text only as
 * the answer to what it asked. */
NIMA_MUST_USE nima_rc nima_tasks_hear(struct nima_ctx *ctx, struct nima_tasks *tasks,
                                      nima_str conversation_id, const struct nima_tasks_last *last,
                                      nima_str message, struct nima_tasks_spoken *out);
/* The same for what no rule has understood, by the model where that may be asked. */
NIMA_MUST_USE nima_rc nima_tasks_wonder(struct nima_ctx *ctx, struct nima_tasks *tasks,
                                        nima_str message, struct nima_tasks_spoken *out);
/* Does it, or proposes it. *text is the reply, *actions a JSON array of what was begun. */
NIMA_MUST_USE nima_rc nima_tasks_answer(struct nima_ctx *ctx, struct nima_tasks *tasks,
                                        nima_str conversation_id,
                                        const struct nima_tasks_spoken *spoken, nima_str *text,
                                        nima_str *actions);
