#pragma once
/*
 * orchestrator: one place owns a turn of a conversation:
 *
 *   history -> recall -> prompt -> generate -> learn -> store
 *
 * The prompt is laid out for the model's cache: persona, profile and the client's own system
 * message first, then the history exactly as it was rendered before (with the notes recalled for
 * each earlier turn still in front of it), and what is recalled for this turn just before the new
 * message. Only new tokens are evaluated. A note whose fact is gone or changed is left out, also
 * from history: forgetting beats caching.
 *
 * Lifetime   One per process; borrows what it is given.
 * Ownership  Results live in ctx->arena.
 * Threads    Any worker; two turns of one conversation are put in order.
 * Errors     INVALID for a turn that makes no sense or cannot fit, or a persona that is none,
 * NOT_FOUND for a conversation that is not this person's; STORE, MODEL, BUSY, UNAVAILABLE,
 * CANCELLED come through.
 */
#include "llm/llm.h"
#include "memory/memory.h"
#include "schedules/schedules.h"
#include "store/conversations.h"
#include "util/json.h"

struct nima_goal;
struct nima_goal_suggestions;
struct nima_goals;
struct nima_knowledge;
struct nima_orchestrator;
struct nima_personality;
struct nima_tasks;
struct nima_understand;

enum {
    NIMA_MESSAGE_CHARS_MAX = 64000,
    NIMA_MESSAGES_MAX = 200,
    NIMA_COMPLETION_TOKENS_MAX = 32768
};

struct nima_orchestrator_options {
    struct nima_store *store;
    struct nima_llm *llm;
    struct nima_memory *memory;
    struct nima_personality *personality;
    struct nima_schedules *schedules;   /* NULL: reminders cannot be asked for in chat */
    struct nima_tasks *tasks;           /* NULL: nothing is done from conversations */
    struct nima_knowledge *knowledge;   /* NULL: no packs */
    struct nima_goals *goals;           /* NULL: none in conversations */
    struct nima_understand *understand; /* NULL: no acts are read in messages */
    enum nima_llm_use writes;           /* whether the model words titles and summaries */
    nima_str goal_webhook; /* told when a goal is slipping or overdue; copied; "": nobody is */
    int recall_limit;      /* facts a turn may recall; 0: 8 */
    bool keep_persona;     /* evaluate it as soon as the model is loaded, and keep it evaluated */
};
struct nima_orchestrator *nima_orchestrator_new(const struct nima_orchestrator_options *options);
void nima_orchestrator_free(struct nima_orchestrator *orchestrator);

enum nima_learn { NIMA_LEARN_BACKGROUND, NIMA_LEARN_WAIT, NIMA_LEARN_OFF };

/* The schedule that a turn is made for; its message is marked so. */
struct nima_scheduled {
    nima_str schedule_id, run_id, name;
};

struct nima_turn {
    const struct nima_llm_message *messages; /* the request's; the last one is the person's */
    size_t count;
    nima_str conversation_id; /* absent: a new one is made, unless stateless */
    /* One of these begins a new branch of the conversation; what was there is kept. */
    nima_str again; /* a message: the reply to it, or it itself, is made again; no messages then */
    nima_str instead; /* a message of the person that this one takes the place of */
    bool stateless;   /* nothing of the turn is stored but what is learned */
    bool use_memory;
    bool may_act; /* the person may start tasks */
    bool data;    /* the last message is what a tool returned: it is shown to the model, asks for
                     nothing,    is not learned from, and is not stored as the person's */
    enum nima_learn learn;
    nima_str persona; /* who speaks; absent: the conversation's own, or the default. A given one is
                         kept with the conversation */
    const struct nima_scheduled *scheduled; /* NULL: a person is speaking */
    struct {
        const nima_str *items;
        size_t count;
    } packs; /* knowledge packs to use, those and no others; none: as the topic and the person say
              */
    struct nima_llm_request model; /* sampling only: messages, count and slot_key are set here */
    nima_llm_on_text on_text;      /* may be NULL */
    /* Called once when everything is checked and the person's message is stored, before the model
     * works; may be NULL. The id is absent when stateless. A failure ends the turn. */
    nima_rc (*on_ready)(struct nima_ctx *ctx, void *user, nima_str conversation_id);
    void *user;
};

/* What the reply was made from, as it goes out in `context` and into the message's metadata. */
struct nima_context_fact {
    nima_str id, fact;
    double score;
};
struct nima_context_message {
    nima_str message_id, conversation_id;
    double score;
};
struct nima_context_messages {
    struct nima_context_message *items;
    size_t count;
};
struct nima_context_pack_fact {
    nima_str pack, fact_id, fact, source;
    double score;
};
struct nima_context_tokens {
    int64_t prompt, cached, completion;
};
struct nima_context_personality {
    nima_str persona;
    double score;    /* of what the model wrote, by the rules alone */
    int64_t changes; /* what they changed */
};
struct nima_turn_context {
    struct {
        struct nima_context_fact *items;
        size_t count;
    } facts;
    struct nima_context_messages messages; /* past ones that were quoted to the model */
    struct {
        nima_str *items;
        size_t count;
    } packs, goals;
    struct {
        struct nima_context_pack_fact *items;
        size_t count;
    } pack_facts;
    struct nima_context_tokens *tokens;
    struct nima_context_personality *personality; /* NULL: the rules were not at work */
    int64_t trimmed_messages;                     /* earlier messages that are outside the window */
    int64_t cut_characters; /* left out in the middle of a message longer than the window */
    bool summarized;
    nima_str finish;
    nima_str model;
    int64_t first_token_ms, total_ms;
};
struct nima_remembered {
    nima_str id, fact, category, event;
};
struct nima_turn_out {
    nima_str response;
    nima_str conversation_id, message_id; /* absent when stateless */
    struct nima_turn_context *context;
    struct {
        struct nima_remembered *items;
        size_t count;
    } remembered;
    nima_str actions; /* a JSON array of what was done or proposed; absent: nothing */
    enum nima_llm_finish finish;
};
extern const struct nima_shape nima_turn_context_shape;
extern const struct nima_shape nima_remembered_shape;

/* On failure after the model began, what was generated is stored, marked interrupted, and *out is
 * set as far as it got. */
NIMA_MUST_USE nima_rc nima_orchestrator_turn(struct nima_ctx *ctx,
                                             struct nima_orchestrator *orchestrator,
                                             const struct nima_turn *turn,
                                             struct nima_turn_out *out);
/* The prompt of a past reply, section by section. */
struct nima_note { /* why it was there */
    nima_str id, fact;
    nima_str kind; /* absent: "fact" */
    double score;  /* how much it matters: decides what stays where not all fits */
    double vector, keyword, recency, confidence; /* what the score is made of */
};
struct nima_context_section {
    nima_str name, text; /* the history has no text of its own: see messages */
    int64_t tokens, messages;
    struct {
        struct nima_note *items;
        size_t count;
    } items;
};
struct nima_context_prompt {
    nima_str message_id;
    bool exact;        /* byte for byte what the model got */
    int64_t forgotten; /* facts in it whose text is gone since */
    int64_t tokens;    /* of the whole, by the tokenizer of the model that is loaded now */
    struct {
        struct nima_context_section *items;
        size_t count;
    } sections;
    struct {
        struct nima_llm_message *items;
        size_t count;
    } messages;
    struct nima_turn_context *context; /* what the reply told of it */
};
/* NOT_FOUND for a message that no prompt was kept for: it is no reply of a model, or from before
 * prompts were kept. */
NIMA_MUST_USE nima_rc nima_orchestrator_context(struct nima_ctx *ctx,
                                                struct nima_orchestrator *orchestrator,
                                                nima_str conversation_id, nima_str message_id,
                                                struct nima_context_prompt *out);
/* Makes the path through the message the active one, between two turns. */
NIMA_MUST_USE nima_rc nima_orchestrator_activate(struct nima_ctx *ctx,
                                                 struct nima_orchestrator *orchestrator,
                                                 nima_str conversation_id, nima_str message_id);
/* Takes in a conversation as it is; no reply is made. */
NIMA_MUST_USE nima_rc nima_orchestrator_import(struct nima_ctx *ctx,
                                               struct nima_orchestrator *orchestrator,
                                               const struct nima_conversation *conversation,
                                               const struct nima_message_row *messages,
                                               size_t count, struct nima_conversation *out);
/* Carries out a run of a schedule; `user` is the orchestrator (a nima_schedule_perform). */
NIMA_MUST_USE nima_rc nima_orchestrator_scheduled(struct nima_ctx *ctx, void *user,
                                                  const struct nima_schedule_run *run,
                                                  nima_str *conversation_id, nima_str *message_id);
/* To be called once a goal was made (or brought back), changed or deleted: one fact says how it
 * stands (source "inferred", {"goal_id"} in its metadata), goes with the goal, and stays gone when
 * the person forgot it. */
NIMA_MUST_USE nima_rc nima_orchestrator_goal_changed(struct nima_ctx *ctx,
                                                     struct nima_orchestrator *orchestrator,
                                                     nima_str goal_id, bool made);
/* To be called when a task of ctx->user_id is over: what one asked for in chat has changed is kept
 * as a fact (source "inferred", {"task_id"} in its metadata). Reads leave none. */
struct nima_task_over;
NIMA_MUST_USE nima_rc nima_orchestrator_task_over(struct nima_ctx *ctx,
                                                  struct nima_orchestrator *orchestrator,
                                                  const struct nima_task_over *over);
/* To be called when a task of this conversation of ctx->user_id may be over: how those ended that
 * no turn has told of is said there, as messages of Nima's, each once, however many processes say
 * it. While a turn is under way there it is left to that turn, which calls this with `turn_over`.
 */
NIMA_MUST_USE nima_rc nima_orchestrator_tasks_said(struct nima_ctx *ctx,
                                                   struct nima_orchestrator *orchestrator,
                                                   nima_str conversation_id, bool turn_over);
/* What to do next for a goal, with what memory, packs and tasks know that bears on it (goals.h).
 * `may_act`: the person may start tasks, so some may be proposed. */
NIMA_MUST_USE nima_rc nima_orchestrator_advise(struct nima_ctx *ctx,
                                               struct nima_orchestrator *orchestrator,
                                               nima_str goal_id, bool may_act,
                                               struct nima_goal_suggestions *out);
enum nima_advice_as {
    NIMA_ADVICE_DISMISSED,
    NIMA_ADVICE_MILESTONE, /* or as many as it proposes */
    NIMA_ADVICE_REMINDER,  /* due when the suggestion is, or in a week */
    NIMA_ADVICE_TASK       /* begun, or proposed where it needs a yes; INVALID when it has none */
};
/* A suggestion is accepted or dismissed and does not come back. NOT_FOUND when there is none of
 * this key now. */
NIMA_MUST_USE nima_rc nima_orchestrator_settle(struct nima_ctx *ctx,
                                               struct nima_orchestrator *orchestrator,
                                               nima_str goal_id, nima_str key,
                                               enum nima_advice_as as, struct nima_goal *out);
/* Raises what of everybody's goals has become overdue or slipping, each once; `user` is the
 * orchestrator (a nima_schedule_look). */
NIMA_MUST_USE nima_rc nima_orchestrator_look(struct nima_ctx *ctx, void *user);
/* What was raised after `since`, as it was said, of the last messages in the person's conversation
 * for reminders; oldest first. */
struct nima_goal_raised {
    nima_str conversation_id, message_id, goal_id;
    nima_str state, text; /* "overdue" | "slipping" */
    int64_t raised_at;
};
struct nima_goals_raised {
    struct nima_goal_raised *items;
    size_t count;
};
NIMA_MUST_USE nima_rc nima_orchestrator_raised(struct nima_ctx *ctx,
                                               struct nima_orchestrator *orchestrator,
                                               int64_t since, int limit,
                                               struct nima_goals_raised *out);
