/*
 * What the model words while nobody waits for a reply: the title of a conversation, and the summary
 * of what will leave its window next. Both are there by rule before (title.c, summary.c), and stay
 * so where the model is too small, busy, or says what nobody said.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "memory/rules.h"
#include "orchestrator/orchestrator_int.h"
#include "search/words.h"
#include "util/buf.h"
#include "util/worker.h"

enum {
    LINE_MAX = 64,
    JOB_MS_MAX = 300000,
    TITLE_CHARS_MAX = 60,
    TITLE_TOKENS_MAX = 40,
    ASKED_BYTES_MAX = 600,
    ANSWERED_BYTES_MAX = 300,
    PART_BYTES_MAX = 5000,    /* of a conversation that is summed up at once: about 1,400 tokens */
    MESSAGE_BYTES_MAX = 1500, /* of one message in it */
    NOTES_MAX = 6,
    NOTES_LEAST = 2, /* fewer that stand on what was said: the rule's summary is the better one */
    NOTES_TOKENS_MAX = 260,
    SAID_TERMS_MAX = 4096
};

struct job {
    char *conversation_id;
    char *title; /* by the rule; NULL: a summary is wanted */
    char *asked, *answered;
    int64_t to; /* of a summary: the position it is to reach */
};

struct nima_scribe {
    struct nima_orchestrator *o;
    struct nima_worker *worker;
};

static void job_done(void *user)
{
    struct job *job = user;
    free(job->conversation_id);
    free(job->title);
    free(job->asked);
    free(job->answered);
    free(job);
}

/* What was said, to hold what the model says against it. */
struct said {
    struct nima_words *words;
    uint64_t terms[SAID_TERMS_MAX];
    size_t count;
    nima_str text;
};

static int by_value(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

static struct said *said_new(struct nima_ctx *ctx, nima_str text)
{
    struct said *said = NIMA_NEW(ctx->arena, struct said, 1);
    said->words = nima_search_words_open();
    said->text = text;
    struct nima_terms terms = nima_search_words_of(said->words, text, (nima_str){NULL, 0});
    said->count = terms.count < SAID_TERMS_MAX ? terms.count : SAID_TERMS_MAX;
    if (said->count > 0) {
        memcpy(said->terms, terms.items, said->count * sizeof(*said->terms));
    }
    qsort(said->terms, said->count, sizeof(*said->terms), by_value);
    return said;
}

/* Whether a word has a figure or a capital that is not its sentence's first letter: what a model
 * makes up does most harm there. */
static bool is_precise(nima_str word, bool first)
{
    for (size_t i = 0; i < word.len; i++) {
        if (isdigit((unsigned char)word.ptr[i])) {
            return true;
        }
    }
    return !first && word.len > 0 && isupper((unsigned char)word.ptr[0]);
}

static bool precise_words_said(nima_str text, const struct said *said)
{
    size_t at = 0;
    for (bool first = true; at < text.len; first = false) {
        size_t end = at;
        while (end < text.len &&
               (isalnum((unsigned char)text.ptr[end]) || (unsigned char)text.ptr[end] >= 0x80)) {
            end++;
        }
        nima_str word = nima_str_sub(text, at, end);
        if (is_precise(word, first) && nima_str_find_nocase(said->text, word, 0) == SIZE_MAX) {
            return false;
        }
        at = end;
        while (at < text.len && !isalnum((unsigned char)text.ptr[at]) &&
               (unsigned char)text.ptr[at] < 0x80) {
            at++;
        }
    }
    return true;
}

/* Whether `percent` of the text's words were said, and all its names and figures; no secrets. */
static bool stands_on(nima_str text, const struct said *said, size_t percent)
{
    struct nima_terms terms = nima_search_words_of(said->words, text, (nima_str){NULL, 0});
    size_t found = 0;
    for (size_t i = 0; i < terms.count; i++) {
        found += bsearch(&terms.items[i], said->terms, said->count, sizeof(*said->terms),
                         by_value) != NULL;
    }
    return found > 0 && found * 100 >= terms.count * percent && precise_words_said(text, said) &&
           nima_memory_secret(text) == NULL;
}

/* A JSON object from the model, when nothing else is to be done; *out NULL: it could not say. */
static nima_rc ask(struct nima_ctx *ctx, struct nima_orchestrator *o,
                   const struct nima_llm_request *wanted, const struct nima_json **out)
{
    struct nima_llm_request request = *wanted;
    request.background = true;
    struct nima_llm_reply reply;
    *out = NULL;
    nima_rc rc = nima_llm_generate(ctx, o->llm, &request, NULL, NULL, &reply);
    if (rc == NIMA_OK && nima_json_parse(ctx, reply.text, out) != NIMA_OK) {
        ctx->error = (struct nima_error){0}; /* cut off in the middle */
        *out = NULL;
    }
    return rc;
}

/* Titles */

static const struct nima_llm_message title_examples[] = {
    {NIMA_STR_INIT("system"),
     NIMA_STR_INIT("You name conversations. A title is two to six words that say what it is about, "
                   "in the words and the language of the user. No full stop, no quotes.")},
    {NIMA_STR_INIT("user"),
     NIMA_STR_INIT("User: hey, so my tomatoes get brown spots on the leaves since last week, what "
                   "can i do\nAssistant: That is early blight, most likely. Remove the leaves.")},
    {NIMA_STR_INIT("assistant"), NIMA_STR_INIT("{\"title\":\"Brown spots on tomato leaves\"}")},
    {NIMA_STR_INIT("user"),
     NIMA_STR_INIT("User: Can you explain to me how git rebase differs from merge?\nAssistant: A "
                   "merge keeps both histories, a rebase writes yours anew.")},
    {NIMA_STR_INIT("assistant"), NIMA_STR_INIT("{\"title\":\"Git rebase or merge\"}")},
    {NIMA_STR_INIT("user"),
     NIMA_STR_INIT("User: I'm Bea and I keep bees near Graz. My first hive swarmed.\nAssistant: "
                   "Look for the swarm within fifty metres.")},
    {NIMA_STR_INIT("assistant"), NIMA_STR_INIT("{\"title\":\"First hive swarmed\"}")},
};
enum { TITLE_EXAMPLES = sizeof(title_examples) / sizeof(title_examples[0]) };

static const char title_schema[] =
    "{\"type\":\"object\",\"properties\":{\"title\":{\"type\":\"string\",\"maxLength\":60}},"
    "\"required\":[\"title\"],\"additionalProperties\":false}";

static nima_str without_marks(nima_str text)
{
    text = nima_str_trim(text);
    while (text.len > 0 && strchr(".!\"' ", text.ptr[text.len - 1]) != NULL) {
        text.len--;
    }
    while (text.len > 0 && strchr("\"' ", text.ptr[0]) != NULL) {
        text = nima_str_sub(text, 1, text.len);
    }
    return text;
}

static nima_rc write_title(struct nima_ctx *ctx, struct nima_orchestrator *o, const struct job *job)
{
    struct nima_llm_message messages[TITLE_EXAMPLES + 1];
    memcpy(messages, title_examples, sizeof(title_examples));
    nima_str text = nima_fmt(ctx, "User: %s\nAssistant: %s", job->asked, job->answered);
    messages[TITLE_EXAMPLES] = (struct nima_llm_message){NIMA_STR("user"), text};
    struct nima_llm_request request = {.messages = messages,
                                       .count = TITLE_EXAMPLES + 1,
                                       .max_tokens = TITLE_TOKENS_MAX,
                                       .json_schema = nima_str_of(title_schema),
                                       .slot_key = NIMA_STR("titles")};
    const struct nima_json *reply;
    NIMA_TRY(ask(ctx, o, &request, &reply));
    nima_str title = without_marks(nima_json_str(nima_json_get(reply, "title")));
    struct said *said = said_new(ctx, text);
    bool fits = title.len > 2 && nima_utf8_count(title) <= TITLE_CHARS_MAX &&
                nima_str_find(title, NIMA_STR("\n"), 0) == SIZE_MAX && stands_on(title, said, 60);
    nima_search_words_close(said->words);
    return fits ? nima_conversation_retitle(ctx, o->store, nima_str_of(job->conversation_id),
                                            nima_str_of(job->title), title)
                : NIMA_OK;
}

/* Summaries */

static const struct nima_llm_message note_examples[] = {
    {NIMA_STR_INIT("system"),
     NIMA_STR_INIT("You take notes of a part of a conversation, so that it can go on without it: "
                   "what the user told, wants and decided, and what was answered that still "
                   "matters. Two to six short sentences with the names and figures of the "
                   "conversation, and nothing that is not in it.")},
    {NIMA_STR_INIT("user"),
     NIMA_STR_INIT(
         "User: We have 40 seats and 55 people signed up. The room at the library holds 60.\n"
         "Assistant: Take the library, if it is free on that day.\n"
         "User: It is, for 120 euros. Let's do that. Who could speak?\n"
         "Assistant: Ask somebody who has built a boat, not somebody who sells them.\n"
         "User: Then I ask Ruta, she built two.")},
    {NIMA_STR_INIT("assistant"),
     NIMA_STR_INIT("{\"notes\":[\"The user has 55 people signed up and decided to take the room at "
                   "the library, which holds 60, for 120 euros\",\"The user will ask Ruta to "
                   "speak, who built two boats\"]}")},
};
enum { NOTE_EXAMPLES = sizeof(note_examples) / sizeof(note_examples[0]) };

static const char note_schema[] =
    "{\"type\":\"object\",\"properties\":{\"notes\":{\"type\":\"array\",\"maxItems\":6,\"items\":"
    "{\"type\":\"string\",\"maxLength\":180}}},\"required\":[\"notes\"],"
    "\"additionalProperties\":false}";

/* A part of the conversation as the model reads it. What is not to be told again is left out;
 * `rows` is cut to what went into the part, and *usable counts it. */
static nima_str part_of(struct nima_ctx *ctx, struct nima_message_rows *rows, int64_t *usable)
{
    struct nima_buf text;
    nima_buf_init(&text, PART_BYTES_MAX + 2 * MESSAGE_BYTES_MAX);
    size_t i = 0;
    for (*usable = 0; i < rows->count && text.len < PART_BYTES_MAX; i++) {
        const struct nima_message_row *row = &rows->items[i];
        if (row->left || row->withheld.ptr != NULL) {
            continue;
        }
        ++*usable;
        bool by_user = nima_str_eq(row->role, NIMA_STR("user"));
        if (by_user || nima_str_eq(row->role, NIMA_STR("assistant"))) {
            nima_str shown = nima_utf8_prefix(row->content, MESSAGE_BYTES_MAX);
            nima_buf_fmt(&text, "%s%s: " NIMA_FMT "%s", text.len > 0 ? "\n" : "",
                         by_user ? "User" : "Assistant", NIMA_ARG(shown),
                         shown.len < row->content.len ? " […]" : "");
        }
    }
    rows->count = i;
    nima_str part = nima_str_copy(ctx->arena, nima_buf_view(&text));
    nima_buf_done(&text);
    return part;
}

/* The model's notes that stand on what was said, as lines behind those so far; *kept: how many. */
static nima_rc take_notes(struct nima_ctx *ctx, struct nima_orchestrator *o, nima_str part,
                          nima_str so_far, nima_str *out, int *kept)
{
    struct nima_llm_message messages[NOTE_EXAMPLES + 1];
    memcpy(messages, note_examples, sizeof(note_examples));
    messages[NOTE_EXAMPLES] = (struct nima_llm_message){NIMA_STR("user"), part};
    struct nima_llm_request request = {.messages = messages,
                                       .count = NOTE_EXAMPLES + 1,
                                       .max_tokens = NOTES_TOKENS_MAX,
                                       .json_schema = nima_str_of(note_schema),
                                       .slot_key = NIMA_STR("notes")};
    const struct nima_json *reply;
    NIMA_TRY(ask(ctx, o, &request, &reply));
    const struct nima_json *notes = nima_json_get(reply, "notes");
    struct said *said = said_new(ctx, part);
    *out = so_far;
    *kept = 0;
    for (size_t i = 0; i < nima_json_count(notes) && i < NOTES_MAX; i++) {
        nima_str note = without_marks(nima_json_str(nima_json_at(notes, i, NULL)));
        if (note.len > 0 && nima_str_find(note, NIMA_STR("\n"), 0) == SIZE_MAX &&
            stands_on(note, said, 70)) {
            *out = nima_fmt(ctx, NIMA_FMT "%s- " NIMA_FMT, NIMA_ARG(*out), out->len > 0 ? "\n" : "",
                            NIMA_ARG(note));
            ++*kept;
        }
    }
    nima_search_words_close(said->words);
    return NIMA_OK;
}

static nima_rc write_summary(struct nima_ctx *ctx, struct nima_scribe *scribe, struct job *job)
{
    struct nima_orchestrator *o = scribe->o;
    nima_str id = nima_str_of(job->conversation_id);
    struct nima_conversation talk;
    NIMA_TRY(nima_conversation_get(ctx, o->store, id, &talk));
    bool ahead = talk.next_position > talk.summary_position;
    int64_t from = ahead ? talk.next_position : talk.summary_position;
    nima_str so_far = ahead ? talk.next_summary : talk.context_summary;
    struct nima_message_rows rows = {0};
    if (from >= job->to) {
        return NIMA_OK;
    }
    NIMA_TRY(nima_messages_between(ctx, o->store, id, from, job->to, NIMA_MESSAGES_MAX, &rows));
    struct nima_summary_ahead made = {.id = id, .was = so_far};
    nima_str part = part_of(ctx, &rows, &made.usable);
    if (rows.count == 0) {
        return NIMA_OK;
    }
    made.from = from;
    made.to = rows.items[rows.count - 1].position + 1;
    nima_str notes;
    int kept;
    NIMA_TRY(take_notes(ctx, o, part, so_far, &notes, &kept));
    struct nima_room room;
    nima_fit_room(o, 0, &room);
    struct nima_message_rows none = {0};
    NIMA_TRY(nima_summary_extract(
        ctx, o, kept >= NOTES_LEAST ? notes : so_far, kept >= NOTES_LEAST ? &none : &rows,
        nima_section_budget(NIMA_SECTION_SUMMARY, room.tokens), &made.text));
    bool stored;
    NIMA_TRY(nima_conversation_prepare(ctx, o->store, &made, &stored));
    if (stored && made.to < job->to) {
        nima_scribe_sum_up(scribe, ctx->user_id, id, job->to);
    }
    return NIMA_OK;
}

static nima_rc run(struct nima_ctx *ctx, void *user, void *item)
{
    struct nima_scribe *scribe = user;
    struct job *job = item;
    if (!nima_llm_may(scribe->o->llm, scribe->o->writes)) {
        return NIMA_OK;
    }
    return job->title != NULL ? write_title(ctx, scribe->o, job) : write_summary(ctx, scribe, job);
}

struct nima_scribe *nima_scribe_new(struct nima_orchestrator *o)
{
    struct nima_scribe *scribe = NIMA_XNEW(struct nima_scribe, 1);
    struct nima_worker_options options = {.name = "no title or summary was written",
                                          .line_max = LINE_MAX,
                                          .job_ms_max = JOB_MS_MAX,
                                          .run = run,
                                          .done = job_done,
                                          .user = scribe};
    scribe->o = o;
    scribe->worker = nima_worker_new(&options);
    return scribe;
}

void nima_scribe_free(struct nima_scribe *scribe)
{
    if (scribe != NULL) {
        nima_worker_free(scribe->worker);
        free(scribe);
    }
}

void nima_scribe_title(struct nima_scribe *scribe, nima_str user_id, nima_str conversation_id,
                       nima_str title, nima_str asked, nima_str answered)
{
    struct job *job = NIMA_XNEW(struct job, 1);
    *job = (struct job){.conversation_id = nima_xstrdup(conversation_id),
                        .title = nima_xstrdup(title),
                        .asked = nima_xstrdup(nima_utf8_prefix(asked, ASKED_BYTES_MAX)),
                        .answered = nima_xstrdup(nima_utf8_prefix(answered, ANSWERED_BYTES_MAX))};
    (void)nima_worker_push(scribe->worker, user_id, (nima_str){NULL, 0}, job); /* full: it stays */
}

void nima_scribe_sum_up(struct nima_scribe *scribe, nima_str user_id, nima_str conversation_id,
                        int64_t to)
{
    struct job *job = NIMA_XNEW(struct job, 1);
    *job = (struct job){.conversation_id = nima_xstrdup(conversation_id), .to = to};
    (void)nima_worker_push(scribe->worker, user_id, conversation_id, job);
}
