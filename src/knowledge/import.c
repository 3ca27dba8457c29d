/* Lorebooks of SillyTavern and folders of Markdown as packs. */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "knowledge/knowledge_int.h"
#include "util/json.h"

enum {
    FACTS_MAX = NIMA_PACK_FACTS_MAX,
    CUT_CHARS = 400, /* a longer text becomes several facts, at the ends of sentences */
    TOPICS_MAX = 200,
    TOPIC_CHARS_MAX = 60,
    KEYS_MAX = 64,
    MARKDOWN_FILES_MAX = 1000,
    SEEN_SLOTS = 1 << 17,
};

struct import {
    struct nima_pack_draft draft;
    uint32_t *seen; /* texts by their hash: a fact's place and one, 0: free */
    bool overfull;
};

/* Whether that text is new; then it counts as seen, at the next fact's place. */
static bool first_time(struct import *in, nima_str text)
{
    size_t at = nima_str_hash(text) % SEEN_SLOTS;
    while (in->seen[at] != 0) {
        if (nima_str_eq(in->draft.facts[in->seen[at] - 1].fact, text)) {
            return false;
        }
        at = (at + 1) % SEEN_SLOTS;
    }
    in->seen[at] = (uint32_t)in->draft.count + 1;
    return true;
}

static void add_fact(struct nima_ctx *ctx, struct import *in, nima_str text, nima_str source,
                     const struct nima_pack_texts *keys)
{
    struct nima_pack_draft *d = &in->draft;
    nima_str line = nima_pack_line(ctx, text);
    in->overfull = in->overfull || d->count == FACTS_MAX;
    if (line.len == 0 || nima_utf8_blank(line) || in->overfull || !first_time(in, line)) {
        return;
    }
    d->facts[d->count++] = (struct nima_pack_fact){
        .fact = line, .category = NIMA_STR("imported"), .source = source, .keys = *keys};
}

/* Where a piece of at most CUT_CHARS may end: behind a sentence, a word, or anywhere. */
static size_t cut_at(nima_str text)
{
    size_t bytes = 0, sentence = 0, word = 0;
    uint32_t point;
    for (int chars = 0; chars < CUT_CHARS && bytes < text.len; chars++) {
        bytes += (size_t)nima_utf8_decode(text, bytes, &point);
        bool blank_next = bytes == text.len || isspace((unsigned char)text.ptr[bytes]);
        sentence =
            blank_next && strchr(".!?", (int)point & 0x7F) != NULL && point < 0x80 && point != 0
                ? bytes
                : sentence;
        word = blank_next ? bytes : word;
    }
    return bytes == text.len ? bytes : (sentence > 0 ? sentence : (word > 0 ? word : bytes));
}

static void add_text(struct nima_ctx *ctx, struct import *in, nima_str text, nima_str source,
                     const struct nima_pack_texts *keys)
{
    text = nima_str_trim(text);
    while (text.len > 0) {
        size_t end = cut_at(text);
        add_fact(ctx, in, nima_str_sub(text, 0, end), source, keys);
        text = nima_str_trim(nima_str_sub(text, end, text.len));
    }
}

static void add_topic(struct import *in, nima_str topic)
{
    struct nima_pack_texts *topics = &in->draft.topics;
    topic = nima_str_trim(topic);
    bool fits = topic.len > 2 && nima_utf8_count(topic) <= TOPIC_CHARS_MAX &&
                topics->count < TOPICS_MAX && topic.ptr[0] != '/'; /* no regular expressions */
    for (size_t i = 0; fits && i < topics->count; i++) {
        fits = !nima_str_eq_nocase(topics->items[i], topic);
    }
    if (fits) {
        topics->items[topics->count++] = topic;
    }
}

static struct import import_new(struct nima_ctx *ctx, nima_str id, nima_str name)
{
    struct import in = {.seen = NIMA_NEW(ctx->arena, uint32_t, SEEN_SLOTS)};
    in.draft = (struct nima_pack_draft){.id = id, .name = name, .category = NIMA_STR("imported")};
    in.draft.facts = NIMA_NEW(ctx->arena, struct nima_pack_fact, FACTS_MAX);
    in.draft.topics.items = NIMA_NEW(ctx->arena, nima_str, TOPICS_MAX);
    return in;
}

/* Topics that hold no word that counts would fail the check of the pack. */
static void drop_wordless(struct import *in)
{
    struct nima_pack_texts *topics = &in->draft.topics;
    struct nima_words *words = nima_search_words_open();
    size_t kept = 0;
    for (size_t i = 0; i < topics->count; i++) {
        struct nima_terms terms = nima_search_words_of(words, topics->items[i], (nima_str){0});
        if (terms.count > 0 && terms.count <= NIMA_PACK_PHRASE_TERMS_MAX) {
            topics->items[kept++] = topics->items[i];
        }
    }
    topics->count = kept;
    nima_search_words_close(words);
}

static nima_rc write_import(struct nima_ctx *ctx, nima_str packs, struct import *in,
                            struct nima_pack_summary *out, nima_str *folder_out)
{
    if (in->draft.count == 0) {
        return nima_fail(ctx, NIMA_E_INVALID, "there is nothing in it that could be a fact");
    }
    if (in->overfull) {
        return nima_fail(ctx, NIMA_E_TOO_LARGE, "it holds more than %d facts", FACTS_MAX);
    }
    drop_wordless(in);
    return nima_pack_write(ctx, packs, &in->draft, out, folder_out);
}

/* SillyTavern: {"entries": {"0": {"key": […], "content": "…", "disable": false}}}; character cards
 * have {"entries": [{"keys": […], "content": "…", "enabled": true}]}. */
static void add_entry(struct nima_ctx *ctx, struct import *in, const struct nima_json *entry)
{
    const struct nima_json *keys = nima_json_get(entry, "key");
    keys = keys != NULL ? keys : nima_json_get(entry, "keys");
    nima_str content = nima_json_str(nima_json_get(entry, "content"));
    bool off = nima_json_bool(nima_json_get(entry, "disable"), false) ||
               !nima_json_bool(nima_json_get(entry, "enabled"), true);
    if (off || content.ptr == NULL) {
        return;
    }
    size_t count = nima_json_count(keys);
    struct nima_pack_texts list = {
        NIMA_NEW(ctx->arena, nima_str, count < KEYS_MAX ? count : KEYS_MAX), 0};
    for (size_t i = 0; i < count && list.count < KEYS_MAX; i++) {
        nima_str key = nima_json_str(nima_json_at(keys, i, NULL));
        if (key.len > 0 && nima_utf8_count(key) <= TOPIC_CHARS_MAX) {
            list.items[list.count++] = key;
            add_topic(in, key);
        }
    }
    add_text(ctx, in, content, (nima_str){NULL, 0}, &list);
}

nima_rc nima_pack_import_lorebook(struct nima_ctx *ctx, nima_str packs, nima_str id, nima_str text,
                                  struct nima_pack_summary *out, nima_str *folder_out)
{
    const struct nima_json *root;
    NIMA_TRY(nima_pack_id_check(ctx, id));
    NIMA_TRY(nima_json_parse(ctx, text, &root));
    const struct nima_json *entries = nima_json_get(root, "entries");
    size_t count = nima_json_count(entries);
    if (count == 0) {
        return nima_fail(ctx, NIMA_E_INVALID, "this is no lorebook: it has no \"entries\"");
    }
    if (count > FACTS_MAX) {
        return nima_fail(ctx, NIMA_E_TOO_LARGE, "the lorebook has more than %d entries", FACTS_MAX);
    }
    nima_str name = nima_json_str(nima_json_get(root, "name"));
    struct import in = import_new(ctx, id, name.len > 0 ? nima_utf8_prefix(name, 90) : id);
    for (size_t i = 0; i < count; i++) {
        add_entry(ctx, &in, nima_json_at(entries, i, NULL));
    }
    return write_import(ctx, packs, &in, out, folder_out);
}

/* Markdown: paragraphs and list items are facts, headings are topics and the facts' keys. */
struct markdown {
    struct import *in;
    nima_str source;
    struct nima_pack_texts keys;
    struct nima_buf paragraph;
    bool code;
};

static void end_paragraph(struct nima_ctx *ctx, struct markdown *m)
{
    nima_str text = nima_str_copy(ctx->arena, nima_buf_view(&m->paragraph));
    if (text.len > 0) {
        add_text(ctx, m->in, text, m->source, &m->keys);
    }
    nima_buf_clear(&m->paragraph);
}

static void add_heading(struct nima_ctx *ctx, struct markdown *m, nima_str line)
{
    while (nima_str_starts(line, NIMA_STR("#"))) {
        line = nima_str_sub(line, 1, line.len);
    }
    line = nima_str_trim(line);
    add_topic(m->in, line);
    m->keys = (struct nima_pack_texts){NIMA_NEW(ctx->arena, nima_str, 1), 0};
    if (line.len > 0 && nima_utf8_count(line) <= TOPIC_CHARS_MAX) {
        m->keys.items[m->keys.count++] = line;
    }
}

static void add_line(struct nima_ctx *ctx, struct markdown *m, nima_str line)
{
    line = nima_str_trim(line);
    if (nima_str_starts(line, NIMA_STR("```"))) {
        m->code = !m->code;
        end_paragraph(ctx, m);
        return;
    }
    if (m->code || nima_str_starts(line, NIMA_STR("|"))) { /* nor is a table's row a sentence */
        return;
    }
    while (nima_str_starts(line, NIMA_STR(">"))) {
        line = nima_str_trim(nima_str_sub(line, 1, line.len));
    }
    bool item = nima_str_starts(line, NIMA_STR("- ")) || nima_str_starts(line, NIMA_STR("* "));
    bool heading = nima_str_starts(line, NIMA_STR("#"));
    if (line.len == 0 || item || heading) {
        end_paragraph(ctx, m);
    }
    if (heading) {
        add_heading(ctx, m, line);
    } else if (line.len > 0) {
        nima_buf_add(&m->paragraph, m->paragraph.len > 0 ? NIMA_STR(" ") : NIMA_STR(""));
        nima_buf_add(&m->paragraph, item ? nima_str_sub(line, 2, line.len) : line);
    }
}

static nima_rc add_markdown(struct nima_ctx *ctx, struct import *in, nima_str name, nima_str text)
{
    nima_str line;
    if (!nima_utf8_valid(text)) {
        return nima_fail(ctx, NIMA_E_INVALID, NIMA_FMT ": is not UTF-8", NIMA_ARG(name));
    }
    struct markdown m = {.in = in, .source = name};
    nima_buf_init(&m.paragraph, (size_t)NIMA_PACK_FILE_BYTES_MAX);
    while (nima_str_next(&text, '\n', &line)) {
        add_line(ctx, &m, line);
    }
    end_paragraph(ctx, &m);
    nima_buf_done(&m.paragraph);
    return NIMA_OK;
}

static int by_name(const void *a, const void *b)
{
    return nima_str_cmp(*(const nima_str *)a, *(const nima_str *)b);
}

/* Plain files that end in .md, by name. */
static nima_rc markdown_files(struct nima_ctx *ctx, int fd, nima_str names[MARKDOWN_FILES_MAX],
                              size_t *count_out)
{
    size_t count = 0;
    bool more = false;
    DIR *dir = fdopendir(dup(fd));
    for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
        nima_str name = nima_str_of(e->d_name);
        if (!nima_str_ends(name, NIMA_STR(".md")) || name.ptr[0] == '.') {
            continue;
        }
        if (count < MARKDOWN_FILES_MAX) {
            names[count++] = nima_str_copy(ctx->arena, name);
        } else {
            more = true;
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
    if (more) {
        return nima_fail(ctx, NIMA_E_TOO_LARGE, "the folder holds more than %d .md files",
                         MARKDOWN_FILES_MAX);
    }
    qsort(names, count, sizeof(*names), by_name);
    *count_out = count;
    return NIMA_OK;
}

nima_rc nima_pack_import_markdown(struct nima_ctx *ctx, nima_str packs, nima_str id,
                                  nima_str folder, struct nima_pack_summary *out,
                                  nima_str *folder_out)
{
    int fd;
    size_t count = 0;
    NIMA_TRY(nima_pack_id_check(ctx, id));
    NIMA_TRY(nima_pack_open_folder(ctx, folder, &fd));
    nima_str *names = NIMA_NEW(ctx->arena, nima_str, MARKDOWN_FILES_MAX);
    nima_rc rc = markdown_files(ctx, fd, names, &count);
    struct import in = import_new(ctx, id, id);
    for (size_t i = 0; i < count && rc == NIMA_OK; i++) {
        nima_str text;
        rc = nima_pack_read_file(ctx, fd, folder, nima_cstr(ctx, names[i]), &text);
        rc = rc == NIMA_OK ? add_markdown(ctx, &in, names[i], text) : rc;
    }
    close(fd);
    return rc == NIMA_OK ? write_import(ctx, packs, &in, out, folder_out) : rc;
}
