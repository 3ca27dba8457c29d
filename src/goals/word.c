/*
 * The model's wording of suggestions. The rules choose the step and what it rests on; the model
 * finds words for it, in the background, one suggestion at a time, and only words that keep the
 * step, its numbers and names and add none are taken. Nobody waits for it: a suggestion has the
 * rules' words until the model's are there. Words are kept in memory, and found again by what they
 * were made from: a suggestion that has changed is worded anew.
 */
#include <ctype.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "goals/advice_int.h"
#include "llm/llm.h"
#include "search/words.h"
#include "util/digest.h"
#include "util/json.h"
#include "util/worker.h"

enum {
    KEPT_MAX = 512,
    LINE_MAX = 64,
    TOKENS_MAX = 80,
    WORD_MS_MAX = 120000,
    PIECE_BYTES_MAX = 600,
    TERMS_MAX = 128
};

static const char system_text[] =
    "You say one suggestion in other words: one friendly sentence of at most 25 words, spoken to "
    "\"you\". Keep the step, every name, number and date. Add nothing that is not there.";

static const struct nima_llm_message examples[] = {
    {NIMA_STR_INIT("user"),
     NIMA_STR_INIT("Goal: Learn to swim\nSuggestion: Do the next step: Book a course\n"
                   "Why: It is the first of 3 open milestones.")},
    {NIMA_STR_INIT("assistant"),
     NIMA_STR_INIT("{\"text\":\"Book a course next: it is the first of your 3 open "
                   "milestones.\"}")},
    {NIMA_STR_INIT("user"),
     NIMA_STR_INIT("Goal: Bake bread\nSuggestion: Plan \"Make a sourdough starter\" with this in "
                   "mind: you are allergic to rye\nWhy: It is known of you and bears on the "
                   "goal.")},
    {NIMA_STR_INIT("assistant"),
     NIMA_STR_INIT("{\"text\":\"When you make a sourdough starter, keep in mind that you are "
                   "allergic to rye.\"}")},
    {NIMA_STR_INIT("user"),
     NIMA_STR_INIT("Goal: Write a novel\nSuggestion: Cut \"Draft part 2\" into pieces of at most a "
                   "week, and do the first by 9 May 2027\nWhy: In goals of this kind that you "
                   "finished, such as \"Write a play\", 5 of 6 steps took a week or less.")},
    {NIMA_STR_INIT("assistant"),
     NIMA_STR_INIT("{\"text\":\"Cut \\\"Draft part 2\\\" into pieces of at most a week, as it "
                   "worked for \\\"Write a play\\\", and do the first by 9 May 2027.\"}")},
};
enum { EXAMPLES = sizeof(examples) / sizeof(examples[0]) };

static const char schema[] =
    "{\"type\":\"object\",\"properties\":{\"text\":{\"type\":\"string\",\"minLength\":8,"
    "\"maxLength\":240}},\"required\":[\"text\"],\"additionalProperties\":false}";

/* What says the same */

struct terms {
    uint64_t items[TERMS_MAX];
    size_t count;
};

static void terms_of(struct nima_words *words, nima_str text, struct terms *out)
{
    struct nima_terms found = nima_search_words_of(words, text, (nima_str){NULL, 0});
    for (size_t i = 0; i < found.count && out->count < TERMS_MAX; i++) {
        out->items[out->count++] = found.items[i];
    }
}

/* How many of `a` are in `b`, 0..1; of nothing all are. */
static double share_in(const struct terms *a, const struct terms *b)
{
    size_t found = 0;
    for (size_t i = 0; i < a->count; i++) {
        for (size_t n = 0; n < b->count; n++) {
            if (a->items[i] == b->items[n]) {
                found++;
                break;
            }
        }
    }
    return a->count > 0 ? (double)found / (double)a->count : 1;
}

static size_t pairs_in(const struct terms *terms, uint64_t first, uint64_t second)
{
    size_t count = 0;
    for (size_t i = 1; i < terms->count; i++) {
        count += terms->items[i - 1] == first && terms->items[i] == second;
    }
    return count;
}

/* Two words that follow each other more often than in `from`, and more than once. */
static bool repeats_itself(const struct terms *said, const struct terms *from)
{
    for (size_t i = 1; i < said->count; i++) {
        uint64_t first = said->items[i - 1], second = said->items[i];
        size_t count = pairs_in(said, first, second);
        if (count > 1 && count > pairs_in(from, first, second)) {
            return true;
        }
    }
    return false;
}

static bool is_digit_at(nima_str text, size_t at)
{
    return at < text.len && isdigit((unsigned char)text.ptr[at]) != 0;
}

static bool has_number(nima_str text, nima_str number)
{
    for (size_t at = nima_str_find(text, number, 0); at != SIZE_MAX;
         at = nima_str_find(text, number, at + 1)) {
        bool begins = at == 0 || !is_digit_at(text, at - 1);
        if (begins && !is_digit_at(text, at + number.len)) {
            return true;
        }
    }
    return false;
}

/* Every number of `from` stands in `text`. */
static bool has_numbers(nima_str text, nima_str from)
{
    for (size_t i = 0; i < from.len; i++) {
        size_t end = i;
        while (is_digit_at(from, end)) {
            end++;
        }
        if (end > i && !has_number(text, nima_str_sub(from, i, end))) {
            return false;
        }
        i = end > i ? end : i;
    }
    return true;
}

/* Every word of `text` with a capital, but the first of a sentence, stands in `from`. */
static bool has_names(nima_str from, nima_str text)
{
    for (size_t i = 1; i < text.len; i++) {
        bool begins =
            isupper((unsigned char)text.ptr[i]) && strchr(" \"(", text.ptr[i - 1]) != NULL;
        bool sentence = i >= 2 && strchr(".!:", text.ptr[i - 2]) != NULL;
        size_t end = i;
        while (end < text.len &&
               (isalnum((unsigned char)text.ptr[end]) || (unsigned char)text.ptr[end] >= 0x80)) {
            end++;
        }
        nima_str word = nima_str_sub(text, i, end);
        if (begins && !sentence && !nima_str_eq(word, NIMA_STR("I")) &&
            nima_str_find_nocase(from, word, 0) == SIZE_MAX) {
            return false;
        }
    }
    return true;
}

static bool is_plain_sentence(nima_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] < ' ' || strchr("{}[]<>?", text.ptr[i]) != NULL) {
            return false;
        }
    }
    return text.len >= 8 && nima_utf8_valid(text) && !nima_utf8_blank(text);
}

bool nima_advice_says(struct nima_ctx *ctx, const struct nima_goal *goal,
                      const struct nima_goal_suggestion *rule, nima_str worded)
{
    nima_str from = nima_fmt(ctx, NIMA_FMT "\n" NIMA_FMT "\n" NIMA_FMT, NIMA_ARG(rule->action),
                             NIMA_ARG(rule->reason), NIMA_ARG(goal->title));
    if (!is_plain_sentence(worded) || !has_numbers(worded, rule->action) ||
        !has_numbers(from, worded) || !has_names(from, worded)) {
        return false;
    }
    struct nima_words *words = nima_search_words_open();
    struct terms said = {.count = 0}, all = {.count = 0}, action = {.count = 0};
    struct terms subject = {.count = 0};
    terms_of(words, worded, &said);
    terms_of(words, from, &all);
    terms_of(words, rule->action, &action);
    terms_of(words, rule->subject, &subject);
    nima_search_words_close(words);
    return !repeats_itself(&said, &all) && share_in(&subject, &said) >= 1 &&
           share_in(&action, &said) >= 0.5 && share_in(&said, &all) >= 0.7;
}

/* Kept words */

struct kept {
    char key[NIMA_SHA256_HEX + 1];
    char *user_id, *text; /* text NULL: the model found none that may be taken */
};
struct job {
    char key[NIMA_SHA256_HEX + 1];
    char *title, *action, *reason, *subject;
};
struct nima_wording {
    struct nima_llm *llm;
    enum nima_llm_use use; /* set before the first job */
    struct nima_worker *worker;
    pthread_mutex_t lock;       /* guards all below */
    struct kept kept[KEPT_MAX]; /* a ring, the oldest is taken first */
    size_t kept_next;
};

static void job_done(void *user)
{
    struct job *job = user;
    free(job->title);
    free(job->action);
    free(job->reason);
    free(job->subject);
    free(job);
}

static void kept_done(struct kept *kept)
{
    free(kept->user_id);
    free(kept->text);
    *kept = (struct kept){.user_id = NULL};
}

/* Holds the lock. */
static const struct kept *find(const struct nima_wording *wording, nima_str key)
{
    for (size_t i = 0; i < KEPT_MAX; i++) {
        if (wording->kept[i].user_id != NULL &&
            nima_str_eq(nima_str_of(wording->kept[i].key), key)) {
            return &wording->kept[i];
        }
    }
    return NULL;
}

/* `text` absent: there are no words that may be taken. */
static void keep(struct nima_wording *wording, nima_str user_id, const struct job *job,
                 nima_str text)
{
    pthread_mutex_lock(&wording->lock);
    struct kept *place = &wording->kept[wording->kept_next];
    wording->kept_next = (wording->kept_next + 1) % KEPT_MAX;
    kept_done(place);
    memcpy(place->key, job->key, sizeof(place->key));
    place->user_id = nima_xstrdup(user_id);
    place->text = text.ptr != NULL ? nima_xstrdup(text) : NULL;
    pthread_mutex_unlock(&wording->lock);
}

/* Asking the model */

/* The model's words; absent: it has none that may be taken. */
static nima_rc ask(struct nima_ctx *ctx, struct nima_wording *wording, const struct job *job,
                   nima_str *out)
{
    struct nima_llm_message messages[EXAMPLES + 2];
    struct nima_goal goal = {.title = nima_str_of(job->title)};
    struct nima_goal_suggestion rule = {.action = nima_str_of(job->action),
                                        .reason = nima_str_of(job->reason),
                                        .subject = nima_str_of(job->subject)};
    messages[0] = (struct nima_llm_message){NIMA_STR("system"), nima_str_of(system_text)};
    memcpy(messages + 1, examples, sizeof(examples));
    messages[EXAMPLES + 1] = (struct nima_llm_message){
        NIMA_STR("user"),
        nima_fmt(ctx, "Goal: %s\nSuggestion: %s\nWhy: %s", job->title, job->action, job->reason)};
    struct nima_llm_request request = {.messages = messages,
                                       .count = EXAMPLES + 2,
                                       .max_tokens = TOKENS_MAX,
                                       .json_schema = nima_str_of(schema),
                                       .slot_key = NIMA_STR("advice"),
                                       .background = true};
    struct nima_llm_reply reply;
    const struct nima_json *tree;
    NIMA_TRY(nima_llm_generate(ctx, wording->llm, &request, NULL, NULL, &reply));
    NIMA_TRY(nima_json_parse(ctx, reply.text, &tree));
    nima_str text = nima_str_trim(nima_json_str(nima_json_get(tree, "text")));
    *out = nima_advice_says(ctx, &goal, &rule, text) ? text : (nima_str){NULL, 0};
    return NIMA_OK;
}

/* One whose words are there already, asked for again while the model was at them, is done. */
static nima_rc run(struct nima_ctx *ctx, void *user, void *item)
{
    struct nima_wording *wording = user;
    const struct job *job = item;
    nima_str text = {NULL, 0};
    pthread_mutex_lock(&wording->lock);
    bool known = find(wording, nima_str_of(job->key)) != NULL;
    pthread_mutex_unlock(&wording->lock);
    if (known) {
        return NIMA_OK;
    }
    nima_rc rc = ask(ctx, wording, job, &text);
    if (rc == NIMA_OK || rc == NIMA_E_INVALID || rc == NIMA_E_MODEL) {
        keep(wording, ctx->user_id, job, text);
    }
    return rc;
}

struct nima_wording *nima_wording_new(struct nima_llm *llm)
{
    struct nima_wording *wording = NIMA_XNEW(struct nima_wording, 1);
    struct nima_worker_options options = {.name = "a suggestion was not worded",
                                          .line_max = LINE_MAX,
                                          .job_ms_max = WORD_MS_MAX,
                                          .run = run,
                                          .done = job_done,
                                          .user = wording};
    wording->llm = llm;
    wording->worker = nima_worker_new(&options);
    pthread_mutex_init(&wording->lock, NULL);
    return wording;
}

void nima_wording_free(struct nima_wording *wording)
{
    if (wording == NULL) {
        return;
    }
    nima_worker_free(wording->worker);
    for (size_t i = 0; i < KEPT_MAX; i++) {
        kept_done(&wording->kept[i]);
    }
    pthread_mutex_destroy(&wording->lock);
    free(wording);
}

void nima_goals_wording(struct nima_goals *goals, enum nima_llm_use use)
{
    goals->wording->use = use;
}

void nima_goals_forget(struct nima_ctx *ctx, struct nima_goals *goals)
{
    struct nima_wording *wording = goals->wording;
    nima_worker_drop(wording->worker, ctx->user_id);
    pthread_mutex_lock(&wording->lock);
    for (size_t i = 0; i < KEPT_MAX; i++) {
        const char *whose = wording->kept[i].user_id;
        if (whose != NULL && nima_str_eq(nima_str_of(whose), ctx->user_id)) {
            kept_done(&wording->kept[i]);
        }
    }
    pthread_mutex_unlock(&wording->lock);
}

static void push(struct nima_ctx *ctx, struct nima_wording *wording, const struct nima_goal *goal,
                 const struct nima_goal_suggestion *rule, nima_str key)
{
    struct job *job = NIMA_XNEW(struct job, 1);
    *job = (struct job){.title = nima_xstrdup(goal->title),
                        .action = nima_xstrdup(rule->action),
                        .reason = nima_xstrdup(rule->reason),
                        .subject = nima_xstrdup(rule->subject)};
    snprintf(job->key, sizeof(job->key), NIMA_FMT, NIMA_ARG(key));
    (void)nima_worker_push(wording->worker, ctx->user_id, key, job); /* full: the rules' words */
}

void nima_advice_word(struct nima_ctx *ctx, struct nima_goals *goals, const struct nima_goal *goal,
                      struct nima_goal_suggestions *suggestions)
{
    struct nima_wording *wording = goals->wording;
    if (wording->llm == NULL || !nima_llm_may(wording->llm, wording->use)) {
        return;
    }
    for (size_t i = 0; i < suggestions->count; i++) {
        struct nima_goal_suggestion *one = &suggestions->items[i];
        if (one->action.len + one->reason.len + goal->title.len > PIECE_BYTES_MAX) {
            continue; /* a long one keeps the rules' words */
        }
        nima_str key = nima_sha256_hex(
            ctx, nima_fmt(ctx, NIMA_FMT "\n" NIMA_FMT "\n" NIMA_FMT "\n" NIMA_FMT "\n" NIMA_FMT,
                          NIMA_ARG(ctx->user_id), NIMA_ARG(goal->id), NIMA_ARG(goal->title),
                          NIMA_ARG(one->action), NIMA_ARG(one->reason)));
        pthread_mutex_lock(&wording->lock);
        const struct kept *kept = find(wording, key);
        if (kept != NULL && kept->text != NULL) {
            one->action = nima_str_copy(ctx->arena, nima_str_of(kept->text));
            one->worded = true;
        }
        pthread_mutex_unlock(&wording->lock);
        if (kept == NULL) {
            push(ctx, wording, goal, one, key);
        }
    }
}
