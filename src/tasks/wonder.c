/*
 * What a message asks to be done, by the chat model: only a message that asks for something with a
 * file or an address, and that no rule has understood, is put to it. Its answer fits a schema and
 * is never more than a proposal; every value of it must stand in the message, and the message must
 * have a word for the action.
 */
#include <ctype.h>
#include <string.h>

#include "llm/llm.h"
#include "tasks/tasks_int.h"
#include "tasks/words.h"

enum { TOKENS_MAX = 160, MESSAGE_BYTES_MAX = 2000, VALUES_MAX = 4, SUBJECT_WORDS = 4 };

static const char system_text[] =
    "You turn the user's request into one action on files or web addresses. Copy names and texts "
    "exactly from the message. When the user does not ask for one of the actions now, or only "
    "talks about them, the action is \"none\".";

#define SAID(text_)                                                                                \
    {                                                                                              \
        NIMA_STR_INIT("user"), NIMA_STR_INIT(text_)                                                \
    }
#define MEANT(json_)                                                                               \
    {                                                                                              \
        NIMA_STR_INIT("assistant"), NIMA_STR_INIT(json_)                                           \
    }
/* The same for every message, so that it stays evaluated. */
static const struct nima_llm_message examples[] = {
    SAID("the file essay.md can go, I have printed it"),
    MEANT("{\"action\":\"file.delete\",\"values\":[{\"name\":\"path\",\"value\":\"essay.md\"}]}"),
    SAID("I am afraid of losing essay.md"),
    MEANT("{\"action\":\"none\",\"values\":[]}"),
    SAID("x.csv is a bad name, make it sales/y.csv"),
    MEANT("{\"action\":\"file.move\",\"values\":[{\"name\":\"path\",\"value\":\"x.csv\"},{\"name\":"
          "\"to\",\"value\":\"sales/y.csv\"}]}"),
    SAID("keep another copy of q.db under the name r.db"),
    MEANT("{\"action\":\"file.copy\",\"values\":[{\"name\":\"path\",\"value\":\"q.db\"},{\"name\":"
          "\"to\",\"value\":\"r.db\"}]}"),
    SAID("I want a file a.txt in which it says \"hi all\""),
    MEANT("{\"action\":\"file.write_file\",\"values\":[{\"name\":\"path\",\"value\":\"a.txt\"},{"
          "\"name\":\"content\",\"value\":\"hi all\"}]}"),
    SAID("one thing is missing in list.txt: \"salt\""),
    MEANT("{\"action\":\"file.append_file\",\"values\":[{\"name\":\"path\",\"value\":\"list.txt\"},"
          "{\"name\":\"content\",\"value\":\"salt\"}]}"),
    SAID("write a song about list.txt"),
    MEANT("{\"action\":\"none\",\"values\":[]}"),
    SAID("I would like to know what plan.txt says"),
    MEANT(
        "{\"action\":\"file.read_file\",\"values\":[{\"name\":\"path\",\"value\":\"plan.txt\"}]}"),
    SAID("my pictures need a folder, name it pics"),
    MEANT("{\"action\":\"file.make_dir\",\"values\":[{\"name\":\"path\",\"value\":\"pics\"}]}"),
    SAID("do my files say anything about \"Rome\"?"),
    MEANT("{\"action\":\"file.search\",\"values\":[{\"name\":\"query\",\"value\":\"Rome\"}]}"),
    SAID("put \"b\" wherever \"a\" stands in c.txt"),
    MEANT("{\"action\":\"file.process\",\"values\":[{\"name\":\"path\",\"value\":\"c.txt\"},{"
          "\"name\":\"op\",\"value\":\"replace\"},{\"name\":\"find\",\"value\":\"a\"},{\"name\":"
          "\"with\",\"value\":\"b\"}]}"),
    SAID("why is x.csv so large?"),
    MEANT("{\"action\":\"none\",\"values\":[]}"),
};
enum { EXAMPLES = sizeof(examples) / sizeof(examples[0]) };

static const char schema[] =
    "{\"type\":\"object\",\"properties\":{\"action\":{\"type\":\"string\",\"enum\":[\"none\","
    "\"file.read_file\",\"file.list_dir\",\"file.stat\",\"file.search\",\"file.process\","
    "\"file.write_file\",\"file.append_file\",\"file.make_dir\",\"file.move\",\"file.copy\","
    "\"file.delete\",\"api.request\"]},\"values\":{\"type\":\"array\",\"maxItems\":4,\"items\":"
    "{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\",\"enum\":[\"path\",\"to\","
    "\"content\",\"query\",\"op\",\"lines\",\"find\",\"with\",\"url\",\"method\"]},\"value\":"
    "{\"type\":\"string\",\"maxLength\":400}},\"required\":[\"name\",\"value\"],"
    "\"additionalProperties\":false}}},\"required\":[\"action\",\"values\"],"
    "\"additionalProperties\":false}";

/* Does the message ask for anything? */

static bool any_word(const struct nima_task_words *words, const char *choices)
{
    for (size_t i = 0; i < words->count; i++) {
        if (nima_task_word_is(&words->items[i], choices)) {
            return true;
        }
    }
    return false;
}

static bool names_something(const struct nima_task_words *words)
{
    for (size_t i = 0; i < words->count; i++) {
        const struct nima_task_word *word = &words->items[i];
        if (!word->quoted && (nima_task_is_path(word->text) ||
                              nima_str_find(word->text, NIMA_STR("://"), 0) != SIZE_MAX)) {
            return true;
        }
    }
    return any_word(words, "file|files|folder|folders|directory");
}

/* "The file notes.txt is too long to read": how something is. */
static bool describes(const struct nima_task_words *words, size_t from)
{
    bool thing = nima_task_word_is(&words->items[from], "the|this|that|these|my|our|it|a|an");
    for (size_t i = from + 1; thing && i < words->count && i <= from + SUBJECT_WORDS; i++) {
        if (nima_task_word_is(&words->items[i], "is|are|was|were|isn't|aren't")) {
            return true;
        }
    }
    return false;
}

/* Words that a request does not begin with, and words that make it talk. */
bool nima_task_asks(const struct nima_task_words *words)
{
    static const char beginnings[] =
        "how|why|who|when|if|should|is|was|were|did|do|does|don't|dont|never|he|she|they|we|"
        "explain|"
        "translate|remember|summarise|summarize|review|remind|suppose|imagine|yes|no|deleting|"
        "reading|writing|moving|copying|renaming";
    static const char doubts[] =
        "yesterday|should|would've|wouldn't|never|don't|didn't|doesn't|won't|can't|cannot|not|if|"
        "said|says|told|wrote|asked|asks|mean|means|meant|why|script|command|error|sentence|shall";
    size_t from = 0, end = words->count;
    nima_task_words_polite(words, &from, &end);
    const struct nima_task_word *first = &words->items[from];
    bool own = nima_task_word_is(first, "where|which|i") || !nima_task_word_is(first, beginnings);
    bool wish = !nima_task_word_is(first, "i") || any_word(words, "need|want|like");
    bool doubt = any_word(words, doubts) && !any_word(words, "please") &&
                 !(nima_task_word_is(first, "i") && any_word(words, "says"));
    return !first->quoted && own && wish && !doubt && !describes(words, from) &&
           names_something(words);
}

/* Is the answer the person's own? */

static bool is_inner(char c)
{
    return isalnum((unsigned char)c) || c == '/' || c == '_' || c == '-' || (c & 0x80) != 0;
}

/* The value stands in the message, as a whole: not "b.txt" of "ab.txt". */
static bool stands_in(nima_str value, nima_str message)
{
    size_t at = nima_str_find(message, value, 0);
    for (; value.len > 0 && at != SIZE_MAX; at = nima_str_find(message, value, at + 1)) {
        size_t end = at + value.len;
        bool dotted =
            end + 1 < message.len && message.ptr[end] == '.' && is_inner(message.ptr[end + 1]);
        bool before = at == 0 || !(is_inner(message.ptr[at - 1]) || message.ptr[at - 1] == '.');
        if (before && !dotted && (end == message.len || !is_inner(message.ptr[end]))) {
            return true;
        }
    }
    return false;
}

/* An action that changes something has a word in the message. */
static const struct {
    const char *action, *words;
} wanted[] = {
    {"file.delete", "delete|remove|erase|rid|throw|drop|trash|discard|wipe|go|bin"},
    {"file.move", "rename|move|relocate|name|call|called|transfer"},
    {"file.copy", "copy|duplicate|clone|back|backup"},
    {"file.write_file", "write|save|create|make|put|store|new|want|need"},
    {"file.append_file", "append|add|note|put|jot|line|write|log|record|needs|missing"},
    {"file.make_dir", "folder|directory"},
};

static bool has_its_word(nima_str action, const struct nima_task_words *words)
{
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        if (nima_str_eq(action, nima_str_of(wanted[i].action))) {
            return any_word(words, wanted[i].words);
        }
    }
    return true;
}

static bool is_own(nima_str name, nima_str value, nima_str message,
                   const struct nima_task_words *words)
{
    if (nima_str_eq(name, NIMA_STR("op"))) {
        return !nima_str_eq(value, NIMA_STR("replace")) ||
               any_word(words, "replace|swap|change|substitute|put|turn");
    }
    if (nima_str_eq(name, NIMA_STR("method"))) {
        return nima_str_eq_nocase(value, NIMA_STR("GET")) ||
               nima_str_find_nocase(message, value, 0) != SIZE_MAX;
    }
    return stands_in(value, message);
}

static void write_value(struct nima_buf *buf, nima_str action, nima_str name, nima_str value)
{
    int64_t number;
    nima_buf_add(buf, buf->len > 1 ? NIMA_STR(",") : NIMA_STR(""));
    nima_json_write_str(buf, name);
    nima_buf_add_char(buf, ':');
    if (nima_str_eq(name, NIMA_STR("lines")) && nima_str_to_i64(value, &number)) {
        nima_buf_fmt(buf, "%lld", (long long)number);
        return;
    }
    bool line = nima_str_eq(action, NIMA_STR("file.append_file")) &&
                nima_str_eq(name, NIMA_STR("content")) && !nima_str_ends(value, NIMA_STR("\n"));
    struct nima_buf text;
    nima_buf_init(&text, MESSAGE_BYTES_MAX);
    nima_buf_add(&text, value);
    nima_buf_add(&text, line ? NIMA_STR("\n") : NIMA_STR(""));
    nima_json_write_str(buf, nima_buf_view(&text));
    nima_buf_done(&text);
}

/* The model's values as params; false where one is not the person's own. */
static bool params_of(struct nima_ctx *ctx, const struct nima_json *tree, nima_str message,
                      const struct nima_task_words *words, nima_str *out)
{
    const struct nima_json *values = nima_json_get(tree, "values");
    nima_str action = nima_json_str(nima_json_get(tree, "action"));
    struct nima_buf buf;
    nima_buf_init(&buf, NIMA_TASK_PARAMS_BYTES_MAX);
    nima_buf_add_char(&buf, '{');
    bool own = has_its_word(action, words);
    for (size_t i = 0; own && i < nima_json_count(values) && i < VALUES_MAX; i++) {
        const struct nima_json *pair = nima_json_at(values, i, NULL);
        nima_str name = nima_json_str(nima_json_get(pair, "name"));
        nima_str value = nima_str_trim(nima_json_str(nima_json_get(pair, "value")));
        own = value.len > 0 && is_own(name, value, message, words);
        write_value(&buf, action, name, value);
    }
    nima_buf_add_char(&buf, '}');
    *out = nima_str_copy(ctx->arena, nima_buf_view(&buf));
    nima_buf_done(&buf);
    return own;
}

static enum nima_wondered read_reply(struct nima_ctx *ctx, nima_str reply, nima_str message,
                                     const struct nima_task_words *words,
                                     struct nima_tasks_step *out)
{
    const struct nima_integration *integration;
    const struct nima_action *action;
    const struct nima_json *tree;
    void *params;
    if (nima_json_parse(ctx, reply, &tree) != NIMA_OK) {
        return NIMA_WONDERED_TALK; /* cut off in the middle */
    }
    nima_str name = nima_json_str(nima_json_get(tree, "action"));
    size_t dot = nima_str_find(name, NIMA_STR("."), 0);
    if (name.ptr == NULL || dot == SIZE_MAX) {
        return NIMA_WONDERED_TALK;
    }
    *out = (struct nima_tasks_step){.type = nima_str_sub(name, 0, dot),
                                    .action = nima_str_sub(name, dot + 1, name.len)};
    bool own = params_of(ctx, tree, message, words, &out->params);
    if (nima_action_find(ctx, NULL, out->type, out->action, &integration, &action) != NIMA_OK) {
        return NIMA_WONDERED_TALK;
    }
    return own && nima_action_params(ctx, action, out->params, &params) == NIMA_OK
               ? NIMA_WONDERED_ACTION
               : NIMA_WONDERED_UNCLEAR;
}

nima_rc nima_task_wonder(struct nima_ctx *ctx, struct nima_llm *llm, nima_str message,
                         struct nima_tasks_step *step, enum nima_wondered *out)
{
    struct nima_task_words words;
    struct nima_llm_message messages[EXAMPLES + 2];
    struct nima_llm_reply reply;
    *out = NIMA_WONDERED_TALK;
    message = nima_str_trim(message);
    if (message.len > MESSAGE_BYTES_MAX || !nima_task_words_read(message, &words) ||
        !nima_task_asks(&words)) {
        return NIMA_OK;
    }
    messages[0] = (struct nima_llm_message){NIMA_STR("system"), nima_str_of(system_text)};
    memcpy(messages + 1, examples, sizeof(examples));
    messages[EXAMPLES + 1] = (struct nima_llm_message){NIMA_STR("user"), message};
    struct nima_llm_request request = {.messages = messages,
                                       .count = EXAMPLES + 2,
                                       .max_tokens = TOKENS_MAX,
                                       .json_schema = nima_str_of(schema),
                                       .slot_key = NIMA_STR("tasks")};
    nima_rc rc = nima_llm_generate(ctx, llm, &request, NULL, NULL, &reply);
    if (rc == NIMA_E_CANCELLED || rc == NIMA_E_TIMEOUT) {
        return rc;
    }
    if (rc == NIMA_OK) {
        *out = read_reply(ctx, reply.text, message, &words, step);
    }
    ctx->error = (struct nima_error){0}; /* a model that fails is no failure */
    return NIMA_OK;
}

nima_rc nima_tasks_wonder(struct nima_ctx *ctx, struct nima_tasks *tasks, nima_str message,
                          struct nima_tasks_spoken *out)
{
    const struct nima_tasks_options *options = &tasks->options;
    struct nima_tasks_step step;
    enum nima_wondered wondered = NIMA_WONDERED_TALK;
    *out = (struct nima_tasks_spoken){.said = NIMA_SAID_NOTHING};
    if (options->llm != NULL && nima_llm_may(options->llm, options->ask_model)) {
        NIMA_TRY(nima_task_wonder(ctx, options->llm, message, &step, &wondered));
    }
    if (wondered == NIMA_WONDERED_TALK) {
        return NIMA_OK;
    }
    out->said = NIMA_SAID_DO;
    out->type = step.type;
    out->action = step.action;
    out->params = step.params;
    out->propose = true;
    out->unclear = wondered == NIMA_WONDERED_UNCLEAR;
    return NIMA_OK;
}
