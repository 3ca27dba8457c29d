/*
 * What a message asks to be done, by rules: "read notes.txt", "add \"eggs\" to shopping.txt and
 * then delete old.txt". A pattern must be all of a sentence, so that talk about actions is none.
 * Only what the person says now is read here.
 */
#include <string.h>

#include "tasks/tasks_int.h"
#include "tasks/words.h"

#define THE  "[the|my|a|that] "
#define FILE "[the|my|a|that] [file] "
#define DIR  "[the|my] [folder|directory] "
#define TEXT "[the|a|one] [text|sentence|line|words|word|note] "

struct rule {
    const char *name; /* "type.action" */
    const char *pattern;
    const char *key, *value; /* a field that the pattern itself says; NULL: none */
};
static const struct rule rules[] = {
    {"file.read_file", "read|open|cat|print|display|view [me] [out] " FILE "<p:path>", NULL, NULL},
    {"file.read_file", "show|give [me] [the] [text|content|contents] [of|in] " FILE "<p:path>",
     NULL, NULL},
    {"file.read_file", "show|tell [me] what's|what [is] in|inside " FILE "<p:path>", NULL, NULL},
    {"file.read_file", "what's|what [is] in|inside " FILE "<p:path>", NULL, NULL},
    {"file.read_file", "what does " FILE "<p:path> say|contain", NULL, NULL},
    {"file.read_file",
     "i'd like|love|want to see|read [the] [text|content|contents] [of|in] " FILE "<p:path>", NULL,
     NULL},
    {"file.list_dir", "list|show [me] [all] [of] [the|my] files", NULL, NULL},
    {"file.list_dir", "what|which files are there", NULL, NULL},
    {"file.list_dir", "what|which files do i have", NULL, NULL},
    {"file.list_dir", "list|show [me] [all] [the|my] files in|of|under " DIR "<d:path>", NULL,
     NULL},
    {"file.list_dir", "list|show [me] everything in|under " DIR "<d:path> [folder|directory]", NULL,
     NULL},
    {"file.list_dir", "let me see [all] [the|my] files in " DIR "<d:path> [folder|directory]", NULL,
     NULL},
    {"file.list_dir", "list|show [me] " THE "folder|directory <d:path>", NULL, NULL},
    {"file.list_dir", "what|which files are in " DIR "<d:path> [folder|directory]", NULL, NULL},
    {"file.list_dir", "what's|what [is] in " THE "folder|directory <d:path>", NULL, NULL},
    {"file.list_dir", "ls", NULL, NULL},
    {"file.list_dir", "ls <p:path>", NULL, NULL},
    {"file.make_dir",
     "make|create|add|set [up] " THE "[new] folder|directory [called|named] <d:path>", NULL, NULL},
    {"file.delete", "delete|remove|erase " FILE "<p:path>", NULL, NULL},
    {"file.delete", "delete|remove|erase " THE "[empty] folder|directory <d:path>", NULL, NULL},
    {"file.delete", "get rid of " FILE "<p:path>", NULL, NULL},
    {"file.delete", "throw away " FILE "<p:path>", NULL, NULL},
    {"file.move", "rename|move|relocate " FILE "<p:path> to|into|as <p:to>", NULL, NULL},
    {"file.copy", "copy|duplicate " FILE "<p:path> to|into|as <p:to>", NULL, NULL},
    {"file.copy", "make|take a copy of " FILE "<p:path> to|as|in|called|named <p:to>", NULL, NULL},
    {"file.copy", "back up " FILE "<p:path> to|as|in <p:to>", NULL, NULL},
    {"file.write_file",
     "write|save|put|store " TEXT "<q:content> to|into|in|as [a] [new] " FILE "<p:path>", NULL,
     NULL},
    {"file.write_file",
     "make|create|write " THE "[new] [text] [file] [called|named] <p:path> with|containing|saying "
     "[the] [text|content|contents|line|words] <q:content>",
     NULL, NULL},
    {"file.write_file", "i want|need a [new] file <p:path> that says|contains <q:content>", NULL,
     NULL},
    {"file.append_file",
     "append|add " TEXT "<q:content> to|at [the] [end|bottom] [of] " FILE "<p:path>", NULL, NULL},
    {"file.append_file",
     "note|write|jot [down] " TEXT "<q:content> at the end|bottom of " FILE "<p:path>", NULL, NULL},
    {"file.append_file", "note|jot down " TEXT "<q:content> in " FILE "<p:path>", NULL, NULL},
    {"file.append_file", "append|add <w:content> to [the] [end|bottom] [of] " FILE "<p:path>", NULL,
     NULL},
    {"file.stat", "how big|large|old is " FILE "<p:path>", NULL, NULL},
    {"file.stat", "when was " FILE "<p:path> [last] changed|modified|edited", NULL, NULL},
    {"file.stat", "what's|what [is] the size of " FILE "<p:path>", NULL, NULL},
    {"file.stat", "is there a file [called|named] <p:path>", NULL, NULL},
    {"file.stat", "does " FILE "<p:path> exist", NULL, NULL},
    {"file.search", "search|look|find [for] " TEXT "<q:query> in [all] [of] [my|the] files", NULL,
     NULL},
    {"file.search",
     "search|look|find [for] " TEXT "<q:query> in " DIR "<d:path> [folder|directory]", NULL, NULL},
    {"file.search", "search [in] [all] [of] my|the files for " TEXT "<q:query>", NULL, NULL},
    {"file.search", "which [of] [my|the] files mention|contain|have [the] [word|text] <q:query>",
     NULL, NULL},
    {"file.process", "count the lines of|in " FILE "<p:path>", "op", "lines"},
    {"file.process", "how many lines does|has " FILE "<p:path> [have]", "op", "lines"},
    {"file.process", "how many lines are in " FILE "<p:path>", "op", "lines"},
    {"file.process", "[show|give|print|read] [me] the first <n:lines> lines of|in " FILE "<p:path>",
     "op", "head"},
    {"file.process", "[show|give|print|read] [me] the last <n:lines> lines of|in " FILE "<p:path>",
     "op", "tail"},
    {"file.process", "what's|what [is] the checksum|hash|sha256|sha-256 of " FILE "<p:path>", "op",
     "hash"},
    {"file.process", "compute|calculate the checksum|hash|sha256|sha-256 of " FILE "<p:path>", "op",
     "hash"},
    {"file.process",
     "replace|swap [every|all|the] [word] <q:find> with|by|for <q:with> in " FILE "<p:path>", "op",
     "replace"},
    {"file.process", "in " FILE "<p:path> replace|change [every|all] <q:find> to|with|by <q:with>",
     "op", "replace"},
    {"api.request", "get|fetch|request|call <u:url>", NULL, NULL},
    {"api.request", "send|make a|an <m:method> [request] to <u:url>", NULL, NULL},
    {"api.request", "post to <u:url>", "method", "POST"},
    {"api.request", "what does <u:url> say|return|answer", NULL, NULL},
};

static nima_str name_part(const char *name, bool type)
{
    nima_str text = nima_str_of(name);
    size_t dot = nima_str_find(text, NIMA_STR("."), 0);
    return type ? nima_str_sub(text, 0, dot) : nima_str_sub(text, dot + 1, text.len);
}

static void write_field(struct nima_ctx *ctx, struct nima_buf *buf, const struct rule *rule,
                        nima_str field, nima_str value)
{
    bool number = nima_str_eq(field, NIMA_STR("lines"));
    /* A line that is added is a whole line. */
    bool line =
        nima_str_eq(field, NIMA_STR("content")) && strcmp(rule->name, "file.append_file") == 0;
    nima_buf_add(buf, buf->len > 1 ? NIMA_STR(",") : NIMA_STR(""));
    nima_json_write_str(buf, field);
    nima_buf_add_char(buf, ':');
    if (number) {
        nima_buf_add(buf, value);
    } else {
        nima_json_write_str(buf, line ? nima_fmt(ctx, NIMA_FMT "\n", NIMA_ARG(value)) : value);
    }
}

static bool heard_one(struct nima_ctx *ctx, const struct nima_task_words *words, size_t from,
                      size_t end, struct nima_tasks_step *out)
{
    struct nima_task_match match;
    nima_task_words_polite(words, &from, &end);
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        const struct rule *rule = &rules[i];
        if (!nima_task_pattern(rule->pattern, words, from, end, &match)) {
            continue;
        }
        struct nima_buf buf;
        nima_buf_init(&buf, NIMA_TASK_PARAMS_BYTES_MAX);
        nima_buf_add_char(&buf, '{');
        for (size_t n = 0; n < match.count; n++) {
            write_field(ctx, &buf, rule, match.slots[n].field, match.slots[n].value);
        }
        if (rule->key != NULL) {
            write_field(ctx, &buf, rule, nima_str_of(rule->key), nima_str_of(rule->value));
        }
        if (strcmp(rule->name, "file.append_file") == 0) {
            nima_buf_add(&buf, NIMA_STR(",\"line\":true"));
        }
        nima_buf_add_char(&buf, '}');
        *out = (struct nima_tasks_step){.type = name_part(rule->name, true),
                                        .action = name_part(rule->name, false),
                                        .params = nima_str_copy(ctx->arena, nima_buf_view(&buf))};
        nima_buf_done(&buf);
        return true;
    }
    return nima_github_heard(ctx, words, from, end, out) ||
           nima_k8s_heard(ctx, words, from, end, out);
}

static bool is_between(const struct nima_task_word *word)
{
    return nima_task_word_is(word, "and|then|after|that|finally|afterwards");
}

size_t nima_task_heard(struct nima_ctx *ctx, nima_str message, struct nima_tasks_step *steps)
{
    return nima_task_heard_after(ctx, message, (nima_str){NULL, 0}, steps);
}

size_t nima_task_heard_after(struct nima_ctx *ctx, nima_str message, nima_str last_type,
                             struct nima_tasks_step *steps)
{
    struct nima_task_words words;
    size_t count = 0, from = 0;
    if (!nima_task_words_read(message, &words)) {
        return 0;
    }
    words.after = last_type;
    while (from < words.count && count < NIMA_TASKS_STEPS_MAX) {
        size_t end = words.count;
        bool found = heard_one(ctx, &words, from, end, &steps[count]);
        while (!found && end > from + 1) {
            end--;
            found =
                is_between(&words.items[end]) && heard_one(ctx, &words, from, end, &steps[count]);
        }
        if (!found) {
            return 0; /* one step that is not understood, and none is done */
        }
        count++;
        from = end;
        while (from < words.count && is_between(&words.items[from])) {
            from++;
        }
    }
    return from >= words.count ? count : 0;
}

/* The answer to a proposal that changes it */

#define ANSWER "[yes|yeah|ok|okay|sure|no] [but|and] [please|rather] "
static const char *const changes[] = {
    ANSWER "call|name it <d:name>",
    ANSWER "[put|write|save|move|copy|add] [it] to|into|in|as <p:name>",
    ANSWER "[make|write|put|with] [it] [say] [the] [text|content] <q:content>",
};

/* Which of the params a change is about: the new name of two, or the only one. */
static const char *key_of(const struct nima_json *params, nima_str field)
{
    if (nima_str_eq(field, NIMA_STR("content"))) {
        return "content";
    }
    return nima_json_get(params, "to") != NULL ? "to" : "path";
}

static nima_str with_value(struct nima_ctx *ctx, const struct nima_json *params, const char *key,
                           nima_str value)
{
    struct nima_buf buf;
    nima_buf_init(&buf, NIMA_TASK_PARAMS_BYTES_MAX);
    nima_buf_add_char(&buf, '{');
    for (size_t i = 0; i < nima_json_count(params); i++) {
        nima_str name;
        const struct nima_json *old = nima_json_at(params, i, &name);
        nima_buf_add(&buf, i > 0 ? NIMA_STR(",") : NIMA_STR(""));
        nima_json_write_str(&buf, name);
        nima_buf_add_char(&buf, ':');
        if (nima_str_eq(name, nima_str_of(key))) {
            nima_json_write_str(&buf, value);
        } else {
            nima_buf_add(&buf, nima_json_text(ctx, old));
        }
    }
    nima_buf_add_char(&buf, '}');
    nima_str changed = nima_str_copy(ctx->arena, nima_buf_view(&buf));
    bool whole = !buf.overflowed;
    nima_buf_done(&buf);
    return whole ? changed : (nima_str){NULL, 0};
}

nima_str nima_task_changed(struct nima_ctx *ctx, nima_str message,
                           const struct nima_task_row *proposal)
{
    struct nima_task_words words;
    struct nima_task_match match;
    const struct nima_json *params;
    if (!nima_task_words_read(message, &words) ||
        nima_json_parse(ctx, proposal->params, &params) != NIMA_OK) {
        return (nima_str){NULL, 0};
    }
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        if (!nima_task_pattern(changes[i], &words, 0, words.count, &match)) {
            continue;
        }
        const char *key = key_of(params, match.slots[0].field);
        bool known = nima_json_get(params, key) != NULL;
        return known ? with_value(ctx, params, key, match.slots[0].value) : (nima_str){NULL, 0};
    }
    return (nima_str){NULL, 0};
}
