#pragma once
/*
 * What a sentence asks of goals, by rules: private to src/goals.
 */
#include "goals/goals_int.h"

struct nima_zone;

enum { NIMA_WISH_WORDS_MAX = 48, NIMA_WISH_WORD_CHARS = 24 };

struct nima_wish_word {
    char low[NIMA_WISH_WORD_CHARS]; /* lower case, without what stands around it; cut off */
    size_t from, end;               /* where it stands in the message */
    bool colon;                     /* one follows */
};
struct nima_wish_words {
    struct nima_wish_word items[NIMA_WISH_WORDS_MAX];
    size_t count;
};
/* Lower-case word `at` is one of `list`, which is "a|b|c". */
bool nima_wish_in(const struct nima_wish_words *words, size_t at, const char *list);

enum nima_due_kind { NIMA_DUE_NONE, NIMA_DUE_SAID };
/* A day as it was said. */
struct nima_due {
    enum nima_due_kind kind;
    nima_str text;
    bool whole; /* "May" is its last day, not its first */
};
/* Reads the text as a day; false when it is none. */
bool nima_due_read(struct nima_ctx *ctx, nima_str text, bool whole, struct nima_due *out);
/* The last second of that day by the person's clock, ms since 1970; 0: there is no such day. */
int64_t nima_due_resolve(struct nima_ctx *ctx, const struct nima_due *due,
                         const struct nima_zone *zone, int64_t now_ms);

enum nima_wish_kind {
    NIMA_WISH_NONE,
    NIMA_WISH_ADD,
    NIMA_WISH_ADD_BY, /* no goal without a date that is not near */
    NIMA_WISH_LIST,
    NIMA_WISH_ASK,
    NIMA_WISH_PAUSE,
    NIMA_WISH_RESUME,
    NIMA_WISH_DROP,
    NIMA_WISH_FINISH,
    NIMA_WISH_DID, /* "I bought new shoes": finishes a milestone of just these words */
    NIMA_WISH_PROGRESS,
    NIMA_WISH_MILESTONE,
    NIMA_WISH_DUE,
    NIMA_WISH_UNDO
};
struct nima_wish {
    enum nima_wish_kind kind;
    nima_str topic; /* which goal or milestone; absent: not said */
    nima_str text;  /* the new goal's or milestone's title */
    double progress;
    struct nima_due due;
};
/* kind NONE for everything that is not as a whole one of these wishes. */
void nima_wish_read(struct nima_ctx *ctx, nima_str message, struct nima_wish *out);

/* match.c: which goals and milestones a topic means. */
struct nima_goal_match {
    const struct nima_goal *goal;
    const struct nima_milestone *milestone; /* NULL: the goal itself */
    double score;                           /* 1: its very words */
};
struct nima_goal_matches {
    struct nima_goal_match *items; /* best first */
    size_t count;
};
enum nima_match_what { NIMA_MATCH_GOALS, NIMA_MATCH_STEPS, NIMA_MATCH_BOTH };
/* "bought", "painted": it begins with something that was done. */
bool nima_goal_did(nima_str topic);
void nima_goal_match(struct nima_ctx *ctx, const struct nima_goal_rows *goals, nima_str topic,
                     enum nima_match_what what, struct nima_goal_matches *out);
/* How much of the goal's title, or of one of its open milestones, the message names, 0..1: words
 * that any goal may begin with ("learn", "write") do not count. */
void nima_goal_named(const struct nima_goal_rows *goals, nima_str message, double *out);

/* choose.c: which of several is meant, asked and answered. */
#define NIMA_GOAL_WHICH_ONE  NIMA_STR("Which one do you mean?")
#define NIMA_GOAL_WHICH_GOAL NIMA_STR("Which goal do you mean?")
bool nima_goal_question(nima_str text); /* the reply asked for one of them */
/* "\n1. …" for each; those of one title are told apart by how they stand. */
nima_str nima_goal_choices(struct nima_ctx *ctx, const struct nima_zone *zone,
                           const struct nima_goal_matches *matches);
/* Which of them the answer names, by number of the question's line or by words; NULL: none. */
const struct nima_goal_match *nima_goal_chosen(struct nima_ctx *ctx, const struct nima_zone *zone,
                                               const struct nima_goal_matches *matches,
                                               nima_str question, nima_str answer);

/* actions.c: what a reply in chat did, as it goes out, and what takes it back. */
struct nima_goal_record {
    struct nima_goal goal;
    bool has_deadline, has_completed_at;
    struct nima_goal_entries history; /* of a goal that was deleted */
};
struct nima_goal_action {
    nima_str type, event;
    struct nima_goal_record *goal;   /* after it */
    struct nima_goal_record *before; /* NULL: there was none, or it cannot be taken back */
};
struct nima_goal_record *nima_goal_record_of(struct nima_ctx *ctx, const struct nima_goal *goal);
void nima_goal_actions_write(struct nima_ctx *ctx, const struct nima_goal_action *actions,
                             size_t count, nima_str *out);
/* The change in the actions of the reply before that can be taken back; false: there is none. */
bool nima_goal_actions_read(struct nima_ctx *ctx, nima_str actions, struct nima_goal_action *out);
/* Takes it back, unless the goal has changed since: CONFLICT. */
NIMA_MUST_USE nima_rc nima_goal_undo(struct nima_ctx *ctx, struct nima_goals *goals,
                                     const struct nima_goal_action *action, struct nima_goal *out);

/* tell.c: goals in words. */
/* A line for each. */
nima_str nima_goal_lines(struct nima_ctx *ctx, const struct nima_zone *zone,
                         const struct nima_goal_rows *rows);
/* "Your goal … is overdue", as it is raised once. */
nima_str nima_goal_alert_text(struct nima_ctx *ctx, const struct nima_zone *zone,
                              const struct nima_goal_course *course);
