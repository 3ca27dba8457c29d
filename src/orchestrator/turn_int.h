#pragma once
/*
 * Private to src/orchestrator: a turn under way, and its steps that stand in files of their own.
 */
#include "orchestrator/orchestrator_int.h"
#include "tasks/tasks.h"

/* Who answers. Rules come before the model, and the first that takes a message has it. */
enum speaker {
    BY_MODEL,
    BY_TASKS,
    BY_PACKS,
    BY_COMMAND,
    BY_SCHEDULES,
    BY_GOALS,
    BY_RETRACTION,
    BY_ACTS,
};

struct nima_turn_acts;

/* What one turn carries from step to step. */
struct turn_state {
    struct nima_orchestrator *o;
    const struct nima_turn *turn;
    nima_str message; /* what the person says now */
    enum speaker speaker;
    struct nima_branch branch;
    struct nima_window_message asked; /* of a reply made again, as it stood in the prompt */
    struct nima_history history;
    nima_str persona; /* who speaks; absent: the default */
    struct nima_context_personality *personality;
    struct nima_memory_hits hits;
    struct nima_context_messages said; /* past messages recalled */
    struct nima_pack_turn packs;
    struct nima_retract retract;
    struct nima_tasks_spoken spoken; /* what the message asks to be done */
    struct nima_turn_acts *acts;     /* acts.c; NULL: the message was not read for any */
    bool hears_tasks;                /* it may ask for something */
    struct nima_pack_wish wish;      /* a pack to switch; none: no pack */
    struct nima_turn_goals goals;
    struct nima_goals_heard *goal_wish; /* what is asked of goals; NULL: nothing */
    struct nima_prompt_texts texts;
    struct nima_room room;
    struct nima_fit fit; /* notes: of the hits, those not in sight already */
    struct nima_prompt prompt;
    nima_str message_id; /* the person's message, once stored */
    int64_t position;    /* its place in the conversation */
    nima_str conversation_id;
    struct nima_llm_reply reply;
    struct nima_turn_out out;
};

/* recall.c: fills the notes in front of the message, and what the context tells of them. */
NIMA_MUST_USE nima_rc nima_turn_recall(struct nima_ctx *ctx, struct turn_state *s);
/* Which of the notes that stand by the message are not in its prompt this time. */
void nima_turn_record_dropped(struct nima_ctx *ctx, struct turn_state *s);
