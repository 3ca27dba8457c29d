/*
 * From the words of a sentence to clauses about the speaker. Everything that makes a sentence
 * something else (a question, a supposition, somebody else's words) drops it here, before any rule
 * is asked: precision comes first.
 */
#include <string.h>

#include "memory/lexicon.h"
#include "memory/said.h"

enum { PREFIX_TOKENS_MAX = 7, LOOK_FOR_VERB = 6, QUESTION_HEAD_MIN = 3 };

static bool is(const struct nima_said_word *token, const char *low)
{
    return nima_memory_token_is(token, low);
}

static bool in(const struct nima_said_word *token, const char *list)
{
    return nima_memory_token_in(token, list);
}

static bool listed(enum nima_word_list list, const struct nima_said_word *token)
{
    return nima_memory_listed(list, token->low);
}

static bool subject(const struct nima_said_word *t)
{
    return in(t, " i my we our ");
}

/* Openings that say nothing themselves, longest first where one begins another. */
static const char *const openings[] = {
    "i think you should know that",
    "i think you should know",
    "you should know that",
    "you should know",
    "i want you to know that",
    "i want you to know",
    "i should mention that",
    "i should mention",
    "i forgot to mention that",
    "i forgot to mention",
    "let me tell you",
    "just so you know",
    "so you know",
    "as you know",
    "as i said",
    "as i mentioned",
    "a bit about me",
    "a little about me",
    "about me",
    "some background",
    "background",
    "for your information",
    "for the record",
    "for context",
    "for reference",
    "to be honest",
    "fun fact",
    "guess what",
    "by the way",
    "good morning",
    "good evening",
    "good afternoon",
    "thank you",
    "in fact",
    "these days",
    "at the moment",
    "right now",
    "and now",
    "quick intro",
    "quick introduction",
    "intro",
    "context",
    "info",
    "hi there",
    "hello there",
    "hey there",
    "hi",
    "hello",
    "hey",
    "nima",
    "well",
    "so",
    "ok",
    "okay",
    "yes",
    "yeah",
    "yep",
    "no",
    "nope",
    "oh",
    "ah",
    "um",
    "also",
    "and",
    "but",
    "plus",
    "btw",
    "fyi",
    "ps",
    "p.s",
    "actually",
    "anyway",
    "additionally",
    "furthermore",
    "moreover",
    "honestly",
    "please note",
    "note",
    "thanks",
    "sorry",
    "now",
    "first",
    "second",
    "firstly",
    "secondly",
    "unfortunately",
    "luckily",
    "fortunately",
    "sadly",
    "lately",
    "nowadays",
    "currently",
    "recently",
    "correction",
    "update",
    "personally",
    "basically",
    "still",
    "then",
    "later",
    "today",
};
static const char *const askings[] = {
    "please do not forget that",
    "please do not forget",
    "do not forget that",
    "do not forget",
    "please remember this",
    "please remember that",
    "please remember",
    "remember this",
    "remember that",
    "remember",
    "keep in mind that",
    "keep in mind",
    "please keep in mind that",
    "please keep in mind",
    "bear in mind that",
    "make a note that",
    "please make a note that",
    "please take note that",
    "take note that",
    "please note that",
    "note that",
    "also note that",
    "please memorize that",
    "memorize that",
    "please save that",
    "write down that",
};

/* The same, with a comma behind: what follows is how it is. */
static const char *const corrections[] = {
    "that's not true anymore",
    "that is not true anymore",
    "that's not true any more",
    "that is not true any more",
    "that's no longer true",
    "that is no longer true",
    "that's not true",
    "that is not true",
    "that's not right",
    "that is not right",
    "that's not correct",
    "that is not correct",
    "that's wrong",
    "that is wrong",
    "that was wrong",
    "that's incorrect",
    "that is incorrect",
    "not anymore",
    "not any more",
    "not true",
    "wrong",
    "forget that",
    "scratch that",
};

/* How many tokens the phrase takes at the start; 0: it does not stand there. */
static size_t starts_with(const struct nima_said_word *t, size_t count, const char *phrase)
{
    size_t taken = 0;
    nima_str rest = nima_str_of(phrase);
    nima_str word;
    while (nima_str_next(&rest, ' ', &word)) {
        if (taken >= count || !nima_str_eq(nima_str_of(t[taken].low), word)) {
            return 0;
        }
        taken++;
    }
    return taken;
}

static size_t starts_with_one(const struct nima_said_word *t, size_t count,
                              const char *const *phrases, size_t phrase_count)
{
    for (size_t i = 0; i < phrase_count; i++) {
        size_t taken = starts_with(t, count, phrases[i]);
        if (taken > 0) {
            return taken;
        }
    }
    return 0;
}

/* Steps over openings; a greeting takes the name after it along ("Hey Nima, …"). */
static size_t skip_openings(const struct nima_said_word *t, size_t count)
{
    size_t at = 0;
    for (;;) {
        size_t taken =
            starts_with_one(t + at, count - at, openings, sizeof(openings) / sizeof(openings[0]));
        if (taken == 0) {
            taken = starts_with_one(t + at, count - at, corrections,
                                    sizeof(corrections) / sizeof(corrections[0]));
            taken = taken > 0 && t[at + taken - 1].comma ? taken : 0;
        }
        bool asks = taken > 0 && is(&t[at + taken - 1], "note") && at + taken < count &&
                    is(&t[at + taken], "that"); /* "note that …" is a wish */
        if (taken == 0 || asks) {
            return at;
        }
        bool greeting = in(&t[at], " hi hello hey ") && !t[at + taken - 1].comma;
        at += taken;
        if (greeting && at < count && t[at].comma && !subject(&t[at])) {
            at++;
        }
    }
}

bool nima_memory_said_begins_text(const struct nima_said_word *t, size_t count)
{
    static const char commands[] =
        " translate rewrite rephrase paraphrase proofread summarize summarise fix correct edit"
        " complete continue improve draft write create act pretend roleplay role-play simulate"
        " compose generate imagine explain reply respond give finish convert spell say quote recite"
        " analyze analyse grade review shorten polish invent ";
    size_t at = skip_openings(t, count);
    size_t polite = starts_with(t + at, count - at, "please");
    polite += starts_with(t + at + polite, count - at - polite, "can you");
    polite += starts_with(t + at + polite, count - at - polite, "could you");
    polite += starts_with(t + at + polite, count - at - polite, "please");
    at += polite;
    if (at < count && in(&t[at], commands)) {
        return true;
    }
    for (size_t i = at; i < count; i++) {
        if (in(&t[i], " role-play roleplay roleplaying role-playing pretend ")) {
            return true;
        }
    }
    bool you_are = starts_with(t + at, count - at, "you are") > 0 ||
                   starts_with(t + at, count - at, "you're") > 0;
    return you_are && at + 2 < count && in(&t[at + 2], " a an the my ");
}

/* A supposition anywhere makes the whole sentence one; "I'd like to" is a wish, for a rule. */
static bool unreal(const struct nima_said_word *t, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool wish = is(&t[i], "would") && i > 0 && is(&t[i - 1], "i") && i + 2 < count &&
                    in(&t[i + 1], " like love ") && is(&t[i + 2], "to");
        bool may = is(&t[i], "may") && i > 0 && in(&t[i - 1], " i we ");
        bool courtesy =
            is(&t[i], "if") && i >= 3 && i + 1 < count && in(&t[i + 1], " that you anyone it ");
        bool cited = i > 1 && t[i - 1].comma && in(&t[i], " said says wrote replied shouted ");
        if (cited) {
            return true;
        }
        if ((listed(NIMA_LIST_UNREAL, &t[i]) && !wish && !courtesy) || may) {
            return true;
        }
    }
    return false;
}

/* Of "I'm vegetarian, any ideas for dinner?" the part before the question; 0: nothing. */
static size_t statement_before_question(const struct nima_said_word *t, size_t count)
{
    if (listed(NIMA_LIST_ASKING, &t[0])) {
        return 0;
    }
    for (size_t i = QUESTION_HEAD_MIN; i < count; i++) {
        bool turn = t[i - 1].comma || in(&t[i - 1], " so and but ");
        if (turn && (listed(NIMA_LIST_ASKING, &t[i]) ||
                     (i + 1 < count && is(&t[i], "so") && listed(NIMA_LIST_ASKING, &t[i + 1])))) {
            return i;
        }
    }
    return 0;
}

/* "In my free time I …": the words before the subject, or 0. What stands in a story is none. */
static size_t prefix_length(const struct nima_said_word *t, size_t count)
{
    if (!listed(NIMA_LIST_PREPOSITIONS, &t[0])) {
        return 0;
    }
    for (size_t i = 1; i < count && i <= PREFIX_TOKENS_MAX; i++) {
        if (i == 1 && (subject(&t[1]) || in(&t[1], " it he she they we "))) {
            return 0; /* "since I moved" is a clause of its own */
        }
        bool story =
            nima_memory_listed_noun(NIMA_LIST_FICTION, t[i].low) ||
            in(&t[i], " it he she they you your this that who said says ai sake argument fun ");
        if (story) {
            return 0;
        }
        if (in(&t[i], " i we ") && (t[i - 1].comma || i <= 5)) {
            return i;
        }
        if (in(&t[i], " my our ") && t[i - 1].comma) {
            return i;
        }
    }
    return 0;
}

static bool verb_near(const struct nima_said_word *t, size_t count)
{
    for (size_t i = 1; i < count && i < LOOK_FOR_VERB; i++) {
        size_t len = strlen(t[i].low);
        bool copula = in(&t[i], " is are was were has have ");
        bool third = len > 3 && t[i].low[len - 1] == 's' && t[i].low[len - 2] != 's' &&
                     !nima_memory_listed_noun(NIMA_LIST_FAMILY, t[i].low) &&
                     !nima_memory_listed_noun(NIMA_LIST_PETS, t[i].low);
        if (copula || third) {
            return true;
        }
    }
    return false;
}

/* Verbs that begin a clause of their own after "and": "I live in Rome and work at …". */
static bool strong_verb(const struct nima_said_word *t, bool after_but)
{
    return in(t,
              " live work own have speak study am teach drive worked moved lived studied grew ") ||
           (after_but && in(t, " hate love like dislike prefer enjoy play use run eat drink can "));
}

struct splitting {
    const struct nima_said_word *t;
    size_t count;
    struct nima_clauses *out;
    struct nima_clause *now; /* NULL: within what is cut off */
    bool first_is_mine;      /* the sentence begins with a subject of ours */
};

static void push(struct splitting *s, const struct nima_said_word *token)
{
    if (s->now != NULL && s->now->count < NIMA_TOKENS_MAX) {
        s->now->t[s->now->count++] = *token;
    }
}

static void open_clause(struct splitting *s)
{
    if (s->out->count == NIMA_CLAUSES_MAX) {
        s->now = NULL;
        return;
    }
    s->now = &s->out->items[s->out->count++];
    s->now->count = 0;
    s->now->tail_count = 0;
}

/* Takes "and", "but now" and the like off the end of the clause that closes. */
static void close_clause(struct splitting *s)
{
    while (s->now != NULL && s->now->count > 0 &&
           in(&s->now->t[s->now->count - 1], " and but so then now plus yet or also currently "
                                             "recently while because ")) {
        s->now->count--;
    }
}

static bool coordinated(const struct nima_said_word *t, size_t i)
{
    static const char joins[] = " and but so then plus yet or therefore ";
    if (t[i - 1].comma || in(&t[i - 1], joins)) {
        return true;
    }
    bool adverb =
        i >= 2 && (listed(NIMA_LIST_ADVERBS, &t[i - 1]) || in(&t[i - 1], " then recently "));
    return adverb && (t[i - 2].comma || in(&t[i - 2], joins));
}

/* The place behind ", who is 78," or where the cut-off clause begins, if it goes to the end. */
static size_t relative_end(const struct splitting *s, size_t i)
{
    bool inserted = s->t[i - 1].comma && in(&s->t[i], " who which whose ");
    for (size_t k = i; inserted && k + 1 < s->count; k++) {
        if (s->t[k].comma) {
            return k + 1;
        }
    }
    return i;
}

static bool begins_clause(const struct splitting *s, size_t i)
{
    const struct nima_said_word *t = &s->t[i];
    bool company = is(&s->t[0], "my") && i <= 5 && is(&s->t[i - 1], "and") && is(t, "i") &&
                   !verb_near(s->t, i); /* "My partner and I" is one subject */
    if (!subject(t) || !coordinated(s->t, i) || company) {
        return false;
    }
    return in(t, " i we ") || verb_near(t, s->count - i);
}

static bool elided_subject(const struct splitting *s, size_t i)
{
    bool mine = s->now != NULL && s->now->count > 1 && in(&s->now->t[0], " i we ");
    if (!mine || !coordinated(s->t, i)) {
        return false;
    }
    bool but = is(&s->t[i - 1], "but") || (i >= 2 && is(&s->t[i - 2], "but"));
    bool then = in(&s->t[i - 1], " then now ");
    return strong_verb(&s->t[i], but || then);
}

static bool cuts_off(const struct splitting *s, size_t i)
{
    const struct nima_said_word *t = &s->t[i];
    const struct nima_said_word *next = i + 1 < s->count ? t + 1 : NULL;
    if (listed(NIMA_LIST_SUBORDINATE, t)) {
        return true;
    }
    bool clause_next = next != NULL && in(next, " i i've it he she they we the there my this ");
    return (in(t, " since as ") && clause_next) || (is(t, "if") && i >= 3) || is(t, "\x01");
}

static void split(struct splitting *s)
{
    open_clause(s);
    push(s, &s->t[0]);
    for (size_t i = 1; i < s->count; i++) {
        if (begins_clause(s, i)) {
            close_clause(s);
            open_clause(s);
        } else if (elided_subject(s, i)) {
            struct nima_said_word who = s->now->t[0];
            close_clause(s);
            open_clause(s);
            push(s, &who);
        } else if (cuts_off(s, i)) {
            size_t end = relative_end(s, i);
            if (end > i) {
                i = end - 1;
                continue;
            }
            s->now = NULL;
        }
        push(s, &s->t[i]);
    }
    close_clause(s);
}

/* "My partner and I live …" is I, with my partner. */
static void fold_company(struct nima_clause *clause)
{
    for (size_t i = 2; i < clause->count && i <= 5 && is(&clause->t[0], "my"); i++) {
        if (is(&clause->t[i], "i") && is(&clause->t[i - 1], "and") &&
            clause->tail_count + i <= NIMA_TAIL_MAX) {
            static const struct nima_said_word with = {.raw = NIMA_STR_INIT("with"), .low = "with"};
            clause->tail[clause->tail_count++] = with;
            for (size_t k = 0; k + 1 < i; k++) {
                clause->tail[clause->tail_count++] = clause->t[k];
            }
            memmove(clause->t, clause->t + i, (clause->count - i) * sizeof(clause->t[0]));
            clause->count -= i;
            return;
        }
    }
}

/* Whether ", I …" after other words makes a clause of ours: only when the sentence began as ours.
 */
static void take_clauses(const struct nima_said_word *t, size_t count, struct nima_clauses *out)
{
    size_t prefix = prefix_length(t, count);
    if (!subject(&t[prefix])) {
        return;
    }
    struct splitting s = {.t = t + prefix, .count = count - prefix, .out = out};
    size_t first = out->count;
    split(&s);
    for (size_t i = first; i < out->count; i++) {
        fold_company(&out->items[i]);
    }
    if (prefix > 0 && prefix <= NIMA_TAIL_MAX && first < out->count) {
        struct nima_clause *clause = &out->items[first];
        memcpy(clause->tail, t, prefix * sizeof(*t));
        clause->tail_count = prefix;
        clause->tail[0].capital = false;
    }
}

/* "Remember to call", "remember the milk", "remember when we …": nothing to keep. */
static bool asks_for_a_task(const struct nima_said_word *t, size_t count, size_t asked)
{
    if (asked >= count || is(&t[asked - 1], "that")) {
        return asked >= count;
    }
    bool thing = in(&t[asked], " the me you us ");
    for (size_t i = asked + 1; thing && i < count; i++) {
        if (in(&t[i],
               " is are was were has have will can must should comes goes starts opens closes"
               " ends begins leaves arrives works lives needs likes hates means costs takes ")) {
            return false;
        }
    }
    return thing || in(&t[asked], " to when how what why where who which ");
}

void nima_memory_said_clauses(const struct nima_said_word *t, size_t count, bool question,
                              struct nima_clauses *out)
{
    out->count = 0;
    out->rest_count = 0;
    out->asked_to_remember = false;
    size_t at = skip_openings(t, count);
    size_t asked =
        starts_with_one(t + at, count - at, askings, sizeof(askings) / sizeof(askings[0]));
    bool task = asked > 0 && asks_for_a_task(t + at, count - at, asked);
    out->asked_to_remember = asked > 0 && !task && !question;
    at += asked;
    at += skip_openings(t + at, count - at);
    if (out->asked_to_remember) {
        memcpy(out->rest, t + at, (count - at) * sizeof(*t));
        out->rest_count = count - at;
    }
    t += at;
    count -= at;
    if (count < 2 || task) {
        return;
    }
    if (question) {
        count = statement_before_question(t, count);
    } else if (listed(NIMA_LIST_ASKING, &t[0])) {
        return;
    }
    if (count >= 2 && !unreal(t, count)) {
        take_clauses(t, count, out);
    }
}
