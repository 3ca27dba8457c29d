#pragma once
/*
 * Private to src/orchestrator: the parts of a turn.
 */
#include "goals/goals.h"
#include "knowledge/knowledge.h"
#include "orchestrator/orchestrator.h"

struct nima_claims_options;
struct nima_understand;
struct nima_undo_table;
struct nima_zone;
struct nima_order;  /* which conversations are at work, order.c */
struct nima_pins;   /* which facts are pinned, pinned.c */
struct nima_keeper; /* keeps the persona evaluated, keeper.c */
struct nima_scribe; /* words titles and summaries, scribe.c */

struct nima_orchestrator {
    struct nima_store *store;
    struct nima_llm *llm;
    struct nima_memory *memory;
    struct nima_personality *personality;
    struct nima_schedules *schedules;
    struct nima_tasks *tasks;
    struct nima_knowledge *knowledge; /* NULL: no packs */
    struct nima_goals *goals;         /* NULL: none */
    char *goal_webhook;               /* NULL: none */
    struct nima_order *order;
    struct nima_pins *pins;
    struct nima_keeper *keeper; /* NULL: none */
    struct nima_scribe *scribe;
    struct nima_understand *understand; /* NULL: no acts are read in messages */
    struct nima_undo_table *undo;
    enum nima_llm_use writes;
    int recall_limit;
};

/* order.c: turns of one conversation go one after the other, as they came. An absent id needs no
 * turn. */
struct nima_order *nima_order_new(void);
void nima_order_free(struct nima_order *order);
NIMA_MUST_USE nima_rc nima_order_enter(struct nima_ctx *ctx, struct nima_order *order,
                                       nima_str conversation_id);
/* Does not wait: false when a turn is at work there, or too many are. Else leave it again. */
bool nima_order_try(struct nima_order *order, nima_str conversation_id);
void nima_order_leave(struct nima_order *order, nima_str conversation_id);

struct nima_pins *nima_pins_new(void);
void nima_pins_free(struct nima_pins *pins);
/* Puts the person's pinned facts in front of those that were recalled. */
NIMA_MUST_USE nima_rc nima_pins_add(struct nima_ctx *ctx, struct nima_orchestrator *o,
                                    struct nima_memory_hits *hits);

struct nima_keeper *nima_keeper_new(struct nima_orchestrator *o);
void nima_keeper_free(struct nima_keeper *keeper); /* stops what it has under way */

/* sections.c: what a prompt is made of, in the order in which it stands there. */
enum nima_section {
    NIMA_SECTION_PERSONA,
    NIMA_SECTION_MEMORY, /* that there is one, and what it is for */
    NIMA_SECTION_PROFILE,
    NIMA_SECTION_CLIENT,  /* the client's own system messages */
    NIMA_SECTION_SUMMARY, /* of what has left the window */
    NIMA_SECTION_HISTORY,
    NIMA_SECTION_FACTS,
    NIMA_SECTION_GOALS,
    NIMA_SECTION_SAID,       /* in other conversations, or long ago in this one */
    NIMA_SECTION_PACKS,      /* facts of knowledge packs */
    NIMA_SECTION_PACK_RULES, /* how to speak of their topics */
    NIMA_SECTION_MANNER,     /* how to take the message */
    NIMA_SECTION_MESSAGE,
    NIMA_SECTIONS
};
enum nima_place { NIMA_PLACE_SYSTEM, NIMA_PLACE_HISTORY, NIMA_PLACE_NOTES, NIMA_PLACE_MESSAGE };
struct nima_section_row {
    const char *name;
    enum nima_place place;
    int percent;         /* of the room: tokens it may take at most */
    const char *heading; /* what stands in front of it; NULL: nothing */
    const char *kind;    /* of its notes; NULL: it has none */
    const char *foot;    /* what stands behind its notes; NULL: nothing */
};
extern const struct nima_section_row nima_sections[NIMA_SECTIONS];
int64_t nima_section_budget(enum nima_section section, int64_t room);

enum {
    NIMA_NOTE_TOKENS = 3, /* "\n- " in front of a note */
    NIMA_PROFILE_LINES_MAX = 64
};
/* What is put before a message because it bears on it, rendered again each turn while it is still
 * true. */
struct nima_notes {
    struct nima_note *items;
    size_t count;
};
bool nima_note_is(const struct nima_note *note, enum nima_section section);
/* Leaves those of the section's notes that matter most and fit into `tokens_max`, in their order.
 */
NIMA_MUST_USE nima_rc nima_section_choose(struct nima_ctx *ctx, struct nima_orchestrator *o,
                                          enum nima_section section, int64_t tokens_max,
                                          struct nima_notes *notes);
/* Adds the text's tokens to *total. */
NIMA_MUST_USE nima_rc nima_count_tokens(struct nima_ctx *ctx, struct nima_orchestrator *o,
                                        nima_str text, int64_t *total);

/* One message of the window, with what stands before it. */
struct nima_window_message {
    nima_str role, content;
    struct nima_notes notes;
    int64_t position; /* in the conversation */
};

/* A note that was not rendered again. */
struct nima_left_out {
    int64_t at; /* the message's position */
    nima_str id;
};

/* history.c: what of the conversation goes into the prompt. */
struct nima_history {
    struct nima_window_message *items; /* oldest first; user and assistant only */
    size_t count;
    int64_t trimmed;       /* earlier messages of the conversation that are not among them */
    int64_t tokens;        /* of the prompt they made up last time, reply included; 0: not known */
    nima_str system_hash;  /* of the system message they stood behind then */
    nima_str last_actions; /* what the last message began, where it is Nima's; absent: nothing */
    nima_str last_asked;   /* what it asked of the person, for a task; absent: nothing */
    nima_str system;       /* the client's own system messages, joined; absent: none */
    nima_str metadata;     /* the conversation's; absent: none yet */
    nima_str title;        /* the conversation's; absent: none */
    nima_str summary;      /* of the messages before summary_position; absent: none */
    int64_t summary_position;
    nima_str next_summary; /* made ahead */
    int64_t next_position;
    bool summary_moved; /* it is not stored yet */
    struct {
        struct nima_left_out *items;
        size_t count;
    } without; /* notes that are true no more */
    bool has_conversation;
    bool notes_true;      /* all notes of the window are true as of facts_change */
    int64_t facts_change; /* before the check: of the last reply, after it: now */
    bool has_facts_change;
};
/* A message of the person as the model saw it: its notes, and what was left out in its middle. */
void nima_history_read_user(struct nima_ctx *ctx, nima_str metadata,
                            struct nima_window_message *message);
NIMA_MUST_USE nima_rc nima_history_load(struct nima_ctx *ctx, struct nima_orchestrator *o,
                                        const struct nima_turn *turn, int64_t before,
                                        struct nima_history *out);
/* The position up to which messages will leave the window when it moves next, where that is not far
 * away; 0: it is. `tokens` the prompt had, of `room`. */
int64_t nima_history_leaves(const struct nima_history *history, int64_t tokens, int64_t room);
/* branch.c: where a turn begins a branch. */
struct nima_branch {
    bool made;                     /* false: the turn goes on at the end */
    int64_t from;                  /* what stands there and behind is left */
    struct nima_message_row asked; /* of a reply made again: the person's message */
};
NIMA_MUST_USE nima_rc nima_branch_find(struct nima_ctx *ctx, struct nima_orchestrator *o,
                                       const struct nima_turn *turn, struct nima_branch *out);

/* prompt.c */
struct nima_prompt_texts {
    nima_str
        of[NIMA_SECTIONS]; /* as they stand in the prompt, heading included; absent: not in it */
};
/* The sections that are the same for everybody: persona, and what memory is for. */
NIMA_MUST_USE nima_rc nima_prompt_persona(struct nima_ctx *ctx, struct nima_orchestrator *o,
                                          nima_str persona, bool use_memory,
                                          struct nima_prompt_texts *out);
/* Fills the sections of the system message, each within its part of `room` tokens. */
NIMA_MUST_USE nima_rc nima_prompt_system(struct nima_ctx *ctx, struct nima_orchestrator *o,
                                         nima_str persona, nima_str client_system, bool use_memory,
                                         int64_t room, struct nima_prompt_texts *out);
NIMA_MUST_USE nima_rc nima_prompt_join(struct nima_ctx *ctx, const struct nima_prompt_texts *texts,
                                       nima_str *out);
/* The heading, a line for each, and the foot; absent when there are none. */
nima_str nima_prompt_list(struct nima_ctx *ctx, enum nima_section section,
                          const struct nima_notes *items);
nima_str nima_prompt_notes(struct nima_ctx *ctx, const struct nima_notes *notes);
/* What of a message too long for the window is kept: bytes of its two ends. */
struct nima_cut {
    int64_t head, tail;
};
/* The ends with a mark between them; `cut` NULL: all of it. */
nima_str nima_prompt_cut(struct nima_ctx *ctx, nima_str content, const struct nima_cut *cut);
struct nima_prompt {
    struct nima_llm_message *items;
    size_t count;
};
void nima_prompt_render(struct nima_ctx *ctx, nima_str system, const struct nima_history *history,
                        const struct nima_notes *notes, nima_str message, struct nima_prompt *out);

/* summary.c: the sentences that say most, of the summary so far and of the messages, in lines of
 * "- …"; absent when there are none. */
NIMA_MUST_USE nima_rc nima_summary_extract(struct nima_ctx *ctx, struct nima_orchestrator *o,
                                           nima_str so_far, const struct nima_message_rows *rows,
                                           int64_t tokens_max, nima_str *out);
/* The window has moved: the history's summary is brought up to where it begins now. */
NIMA_MUST_USE nima_rc nima_summary_move(struct nima_ctx *ctx, struct nima_orchestrator *o,
                                        nima_str conversation_id, int64_t tokens_max,
                                        struct nima_history *history);

/* voice.c: who speaks. The turn's persona (checked), else the one kept in the conversation's
 * metadata, else absent: the default. */
NIMA_MUST_USE nima_rc nima_voice_choose(struct nima_ctx *ctx, struct nima_orchestrator *o,
                                        const struct nima_turn *turn, nima_str metadata,
                                        nima_str *out);
/* What the persona cares to remember ("boats; money"); absent: nothing of its own. */
NIMA_MUST_USE nima_rc nima_voice_cares(struct nima_ctx *ctx, struct nima_orchestrator *o,
                                       nima_str persona, nima_str *out);
/* The metadata with the turn's persona in it; absent when that changes nothing. */
NIMA_MUST_USE nima_rc nima_voice_keep(struct nima_ctx *ctx, const struct nima_turn *turn,
                                      nima_str metadata, nima_str *out);

/* packs.c: which packs a turn has, and what they add to it. */
NIMA_MUST_USE nima_rc nima_packs_recall(struct nima_ctx *ctx, struct nima_orchestrator *o,
                                        const struct nima_turn *turn,
                                        const struct nima_history *history, nima_str message,
                                        struct nima_pack_turn *out);
void nima_packs_notes(struct nima_ctx *ctx, const struct nima_pack_turn *packs,
                      struct nima_notes *out);
void nima_packs_context(struct nima_ctx *ctx, const struct nima_pack_turn *packs,
                        struct nima_turn_context *out);
/* What the notes of an earlier turn say of its packs. */
void nima_packs_again(struct nima_ctx *ctx, const struct nima_notes *notes,
                      struct nima_pack_turn *out);
/* "Use the travel pack": *out has no pack when the message switches none. */
NIMA_MUST_USE nima_rc nima_packs_wish(struct nima_ctx *ctx, struct nima_orchestrator *o,
                                      const struct nima_turn *turn, nima_str message,
                                      struct nima_pack_wish *out);
NIMA_MUST_USE nima_rc nima_packs_obey(struct nima_ctx *ctx, struct nima_orchestrator *o,
                                      const struct nima_pack_wish *wish, nima_str conversation_id,
                                      nima_str *reply);

/* goals.c: the person's goals in a turn. */
struct nima_turn_goals {
    nima_str *items; /* ids */
    size_t count;
};
enum { NIMA_GOALS_NEAR = 3 };
/* "I finished chapter 3": *out NULL when the message asks nothing of goals. */
NIMA_MUST_USE nima_rc nima_turn_goals_hear(struct nima_ctx *ctx, struct nima_orchestrator *o,
                                           const struct nima_turn *turn, nima_str message,
                                           struct nima_goals_heard **out);
NIMA_MUST_USE nima_rc nima_turn_goals_act(struct nima_ctx *ctx, struct nima_orchestrator *o,
                                          const struct nima_goals_heard *heard, nima_str *text,
                                          nima_str *actions);
/* Active goals that bear on the message, as notes: NIMA_GOALS_NEAR at most. */
NIMA_MUST_USE nima_rc nima_turn_goals_recall(struct nima_ctx *ctx, struct nima_orchestrator *o,
                                             nima_str message, struct nima_notes *out);
/* Leaves out the window's notes of goals that have changed since or are gone. */
NIMA_MUST_USE nima_rc nima_turn_goals_check(struct nima_ctx *ctx, struct nima_orchestrator *o,
                                            struct nima_history *history);
/* Whose days are meant: ctx->user_id's zone, UTC where nobody knows. */
NIMA_MUST_USE nima_rc nima_turn_goals_zone(struct nima_ctx *ctx, struct nima_orchestrator *o,
                                           const struct nima_zone **out);
/* goal_told.c: whether the fact says how one of these goals stands. */
bool nima_turn_goal_tells(struct nima_ctx *ctx, const struct nima_turn_goals *goals,
                          nima_str fact_id);
void nima_turn_goals_ids(struct nima_ctx *ctx, const struct nima_notes *notes,
                         struct nima_turn_goals *out);

/* task_said.c: the same for all conversations: what a process that was killed left unsaid. */
NIMA_MUST_USE nima_rc nima_tasks_said_all(struct nima_ctx *ctx, struct nima_orchestrator *o);

/* manner.c: how the message wants to be taken, given what was recalled for it and whether it only
 * tells something; NULL: as any. */
const struct nima_note *nima_manner_of(struct nima_ctx *ctx, const struct nima_memory_hits *hits,
                                       bool tells, nima_str message);

/* fit.c: what of it all fits into the model's context. */
struct nima_room {
    int64_t tokens; /* for the prompt */
    int max_tokens; /* for the reply */
};
void nima_fit_room(struct nima_orchestrator *o, int max_tokens, struct nima_room *out);
bool nima_cut_fits(nima_str content, const struct nima_cut *cut); /* NULL does not */
struct nima_fit {
    nima_str system, system_hash;
    struct nima_notes notes;
    nima_str message;
    struct nima_cut *cut; /* of the message; NULL: it is whole */
    int64_t cut_characters;
};
/* Leaves out notes, the middle of the message and the oldest history, as much as it must; the
 * window moves in steps, so that the model's cache stays valid between them. INVALID when what
 * cannot be left out is too long already. */
/* Tokens of the prompt that these make up. */
NIMA_MUST_USE nima_rc nima_fit_count(struct nima_ctx *ctx, struct nima_orchestrator *o,
                                     const struct nima_fit *fit, const struct nima_history *history,
                                     int64_t *out);
NIMA_MUST_USE nima_rc nima_fit(struct nima_ctx *ctx, struct nima_orchestrator *o,
                               const struct nima_room *room, struct nima_fit *fit,
                               struct nima_history *history);

/* Generates, with the persona's rules at work on what comes: out->text is what on_text was given.
 * *personality stays NULL where they are not (JSON, switched off). What claims an act that nobody
 * did is left out on the way (understand/claims.h). */
NIMA_MUST_USE nima_rc nima_voice_generate(struct nima_ctx *ctx, struct nima_orchestrator *o,
                                          const struct nima_turn *turn, nima_str persona,
                                          const struct nima_llm_request *request,
                                          const struct nima_claims_options *claims,
                                          struct nima_llm_reply *out,
                                          struct nima_context_personality **personality);

/* record.c: how a prompt is put together again from what is stored. */
struct nima_record_section {
    nima_str name;
    int64_t bytes; /* of the system message */
};
struct nima_record {
    nima_str system; /* the hash of the system message's text */
    struct {
        struct nima_record_section *items;
        size_t count;
    } sections;
    int64_t from, to; /* positions: where the window began, and the person's message */
    struct {
        struct nima_left_out *items;
        size_t count;
    } without;
    nima_str hash; /* of the whole prompt */
};
extern const struct nima_shape nima_record_shape;
NIMA_MUST_USE nima_rc nima_record_make(struct nima_ctx *ctx, const struct nima_prompt_texts *texts,
                                       const struct nima_fit *fit,
                                       const struct nima_history *history,
                                       const struct nima_prompt *prompt, int64_t to,
                                       struct nima_prompt_keep *out);
nima_str nima_record_hash(struct nima_ctx *ctx, const struct nima_prompt *prompt);
/* said.c: past messages that bear on the turn, as notes (there is room for NIMA_SAID_MAX more) and
 * for the context; none that a recalled fact tells, or that stands in the window. */
enum { NIMA_SAID_MAX = 3 };
NIMA_MUST_USE nima_rc nima_said_recall(struct nima_ctx *ctx, struct nima_orchestrator *o,
                                       const struct nima_turn *turn,
                                       const struct nima_history *history,
                                       const struct nima_memory_hits *facts,
                                       struct nima_notes *notes, struct nima_context_messages *out);
/* Leaves out the window's notes of messages that were deleted or withheld, as history.c does with
 * those of facts. */
NIMA_MUST_USE nima_rc nima_said_check(struct nima_ctx *ctx, struct nima_orchestrator *o,
                                      struct nima_history *history);

/* scribe.c: titles and summaries that the model words in the background, where it may. */
struct nima_scribe *nima_scribe_new(struct nima_orchestrator *o);
void nima_scribe_free(struct nima_scribe *scribe); /* stops what it has under way */
/* A better title than `title`, the rule's, from the first message and the reply to it. */
void nima_scribe_title(struct nima_scribe *scribe, nima_str user_id, nima_str conversation_id,
                       nima_str title, nima_str asked, nima_str answered);
/* Makes the next summary, of the messages before position `to`. */
void nima_scribe_sum_up(struct nima_scribe *scribe, nima_str user_id, nima_str conversation_id,
                        int64_t to);

enum { NIMA_TITLE_TURNS = 3 }; /* in which the model may better the title */
/* title.c: a view into the message, at most 60 characters. */
nima_str nima_title_of(nima_str message);

/* shapes.c: what is kept in a message's metadata. */
struct nima_user_meta {
    struct nima_notes notes;
    const struct nima_scheduled *scheduled;
    struct nima_cut *cut;
};
struct nima_reply_meta {
    struct nima_turn_context *context;
    struct {
        struct nima_remembered *items;
        size_t count;
    } remembered;
    nima_str actions;
    nima_str asked; /* what a question of tasks is about; absent: it is none */
    bool interrupted, has_interrupted;
    nima_str system_hash; /* which system message the prompt began with */
    int64_t facts_change; /* the person's change counter when all notes of the window were true */
    bool has_facts_change;
};
extern const struct nima_shape nima_user_meta_shape;
extern const struct nima_shape nima_reply_meta_shape;
NIMA_MUST_USE nima_rc nima_meta_encode(struct nima_ctx *ctx, const struct nima_shape *shape,
                                       const void *meta, nima_str *out);

/* retract.c: "forget that", "that's wrong", of what the reply before remembered or stated. */
struct nima_retract {
    enum nima_retraction kind;
    bool answered; /* it is for memory, not for the model */
    struct nima_fact_rows meant;
    bool all;          /* what was asked about, each of it */
    nima_str *restore; /* UNDO: ids of what the turn before forgot */
    size_t restore_count;
};
/* "Which of these do you mean?", and the facts by number. */
void nima_retract_ask(const struct nima_fact_rows *meant, struct nima_buf *text);
NIMA_MUST_USE nima_rc nima_retract_find(struct nima_ctx *ctx, struct nima_orchestrator *o,
                                        const struct nima_turn *turn, nima_str message,
                                        int64_t before, struct nima_retract *out);
/* Takes back what is clear, and asks about the rest. */
NIMA_MUST_USE nima_rc nima_retract_run(struct nima_ctx *ctx, struct nima_orchestrator *o,
                                       const struct nima_retract *retract,
                                       const struct nima_utterance *said, nima_str *reply,
                                       struct nima_learned_list *out);
