/*
 * What a fact left behind in conversations, taken out when it is forgotten: its text in what
 * messages hold of their prompts, and the lines of summaries and system messages that state it.
 */
#include <ctype.h>
#include <string.h>

#include "store/facts.h"
#include "store/store_int.h"
#include "util/buf.h"
#include "util/json.h"

enum { TEXT_BYTES_MAX = 16 * 1024 * 1024, WORDS_MAX = 64, STEM_BYTES = 4, SHARE_PERCENT = 60 };

/* The next word: letters and digits, and everything beyond ASCII. */
static nima_str next_word(nima_str *rest)
{
    size_t at = 0, end;
    while (at < rest->len && (unsigned char)rest->ptr[at] < 0x80 &&
           !isalnum((unsigned char)rest->ptr[at])) {
        at++;
    }
    for (end = at; end < rest->len && ((unsigned char)rest->ptr[end] >= 0x80 ||
                                       isalnum((unsigned char)rest->ptr[end]));) {
        end++;
    }
    nima_str word = nima_str_sub(*rest, at, end);
    *rest = nima_str_sub(*rest, end, rest->len);
    return word;
}

static bool tells(nima_str word)
{
    static const nima_str common[] = {NIMA_STR_INIT("user"),  NIMA_STR_INIT("that"),
                                      NIMA_STR_INIT("with"),  NIMA_STR_INIT("have"),
                                      NIMA_STR_INIT("this"),  NIMA_STR_INIT("from"),
                                      NIMA_STR_INIT("their"), NIMA_STR_INIT("they")};
    for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++) {
        if (nima_str_eq_nocase(word, common[i])) {
            return false;
        }
    }
    return word.len >= STEM_BYTES || (word.len > 0 && isdigit((unsigned char)word.ptr[0]));
}

static bool same_word(nima_str a, nima_str b)
{
    return nima_str_eq_nocase(a, b) ||
           (a.len >= STEM_BYTES && b.len >= STEM_BYTES &&
            nima_str_eq_nocase(nima_str_sub(a, 0, STEM_BYTES), nima_str_sub(b, 0, STEM_BYTES)));
}

bool nima_store_states(nima_str line, nima_str fact)
{
    size_t words = 0, found = 0;
    for (nima_str word; (word = next_word(&fact)).len > 0 && words < WORDS_MAX;) {
        if (!tells(word)) {
            continue;
        }
        words++;
        nima_str rest = line;
        for (nima_str other; (other = next_word(&rest)).len > 0;) {
            if (same_word(word, other)) {
                found++;
                break;
            }
        }
    }
    return words > 0 && found * 100 >= words * SHARE_PERCENT;
}

/* Lines that state the fact: left out, or (`blank`) written over, so that every byte stays in its
 * place. False: there are none. */
static bool without_lines(nima_str text, nima_str fact, bool blank, struct nima_buf *out)
{
    bool any = false;
    nima_str line, rest = text;
    while (nima_str_next(&rest, '\n', &line)) {
        bool last = rest.ptr == NULL;
        bool states = nima_str_starts(line, NIMA_STR("- ")) && nima_store_states(line, fact);
        any = any || states;
        if (states && blank) {
            nima_buf_add(out, NIMA_STR("- "));
            for (size_t i = 2; i < line.len; i++) {
                nima_buf_add_char(out, '*');
            }
        } else if (!states) {
            nima_buf_add(out, line);
        }
        if (!last && (!states || blank)) {
            nima_buf_add_char(out, '\n');
        }
    }
    return any;
}

struct rewrite {
    const char *select, *update; /* $1 the person; $1 the new text, $2 and $3 the row's keys */
    bool blank;
};
static const struct rewrite rewrites[] = {
    {"SELECT id, id, context_summary FROM conversations WHERE user_id = $1 AND context_summary IS "
     "NOT NULL",
     "UPDATE conversations SET context_summary = $1 WHERE id = $2 AND id = $3", false},
    {"SELECT id, id, next_summary FROM conversations WHERE user_id = $1 AND next_summary IS NOT "
     "NULL",
     "UPDATE conversations SET next_summary = $1 WHERE id = $2 AND id = $3", false},
    {"SELECT t.conversation_id, t.hash, t.text FROM prompt_texts AS t JOIN conversations AS c ON "
     "c.id = t.conversation_id WHERE c.user_id = $1",
     "UPDATE prompt_texts SET text = $1 WHERE conversation_id = $2 AND hash = $3", true},
};

struct row {
    struct row *next;
    nima_str key, key2, text;
};

/* Rows are gathered first: a statement that reads and one that writes do not share a table. */
static nima_rc gather(struct nima_ctx *ctx, struct nima_db *db, const struct rewrite *rewrite,
                      nima_str fact, struct row **out)
{
    struct nima_db_stmt *stmt;
    bool more = false;
    NIMA_TRY(
        nima_db_query(ctx, db, rewrite->select, NIMA_DB_ARGS(nima_db_text(ctx->user_id)), &stmt));
    NIMA_TRY(nima_db_step(ctx, stmt, &more));
    while (more) {
        struct nima_buf text;
        nima_buf_init(&text, TEXT_BYTES_MAX);
        if (without_lines(nima_db_view(stmt, 2), fact, rewrite->blank, &text)) {
            struct row *row = NIMA_NEW(ctx->arena, struct row, 1);
            *row = (struct row){
                *out, nima_db_get_text(ctx, stmt, 0), nima_db_get_text(ctx, stmt, 1),
                nima_str_copy(ctx->arena, text.len > 0 ? nima_buf_view(&text) : NIMA_STR(""))};
            *out = row;
        }
        nima_buf_done(&text);
        NIMA_TRY(nima_db_step(ctx, stmt, &more));
    }
    return nima_db_end(ctx, stmt);
}

static nima_rc redact_texts(struct nima_ctx *ctx, struct nima_db *db, nima_str fact)
{
    for (size_t i = 0; i < sizeof(rewrites) / sizeof(rewrites[0]); i++) {
        struct row *rows = NULL;
        NIMA_TRY(gather(ctx, db, &rewrites[i], fact, &rows));
        for (; rows != NULL; rows = rows->next) {
            NIMA_TRY(nima_db_run(ctx, db, rewrites[i].update,
                                 NIMA_DB_ARGS(nima_db_text(rows->text), nima_db_text(rows->key),
                                              nima_db_text(rows->key2)),
                                 NULL));
        }
    }
    return NIMA_OK;
}

/* The node again, with the text taken out of every object that has this id and a fact. */
static void write_without(struct nima_ctx *ctx, const struct nima_json *node, nima_str id,
                          struct nima_buf *out)
{
    enum nima_json_kind kind = nima_json_kind(node);
    if (kind != NIMA_JSON_OBJECT && kind != NIMA_JSON_ARRAY) {
        nima_buf_add(out, nima_json_text(ctx, node));
        return;
    }
    bool object = kind == NIMA_JSON_OBJECT;
    bool mine = object && nima_str_eq(nima_json_str(nima_json_get(node, "id")), id);
    nima_buf_add_char(out, object ? '{' : '[');
    for (size_t i = 0; i < nima_json_count(node); i++) {
        nima_str key = {0};
        const struct nima_json *value = nima_json_at(node, i, &key);
        if (i > 0) {
            nima_buf_add_char(out, ',');
        }
        if (object) {
            nima_json_write_str(out, key);
            nima_buf_add_char(out, ':');
        }
        if (mine && nima_str_eq(key, NIMA_STR("fact"))) {
            nima_json_write_str(out, NIMA_STR(NIMA_FORGOTTEN_TEXT));
        } else {
            write_without(ctx, value, id, out);
        }
    }
    nima_buf_add_char(out, object ? '}' : ']');
}

static nima_rc gather_metadata(struct nima_ctx *ctx, struct nima_db *db, nima_str fact_id,
                               struct row **out)
{
    struct nima_db_stmt *stmt;
    bool more = false;
    NIMA_TRY(nima_db_query(
        ctx, db,
        "SELECT m.id, m.metadata FROM conversations AS c JOIN messages AS m ON "
        "m.conversation_id = c.id WHERE c.user_id = $1 AND "
        "CAST(m.metadata AS TEXT) LIKE $2",
        NIMA_DB_ARGS(nima_db_text(ctx->user_id),
                     nima_db_text(nima_fmt(ctx, "%%" NIMA_FMT "%%", NIMA_ARG(fact_id)))),
        &stmt));
    NIMA_TRY(nima_db_step(ctx, stmt, &more));
    while (more) {
        struct row *row = NIMA_NEW(ctx->arena, struct row, 1);
        *row = (struct row){.next = *out,
                            .key = nima_db_get_text(ctx, stmt, 0),
                            .text = nima_db_get_text(ctx, stmt, 1)};
        *out = row;
        NIMA_TRY(nima_db_step(ctx, stmt, &more));
    }
    return nima_db_end(ctx, stmt);
}

static nima_rc redact_metadata(struct nima_ctx *ctx, struct nima_db *db, nima_str fact_id)
{
    struct row *rows = NULL;
    NIMA_TRY(gather_metadata(ctx, db, fact_id, &rows));
    for (; rows != NULL; rows = rows->next) {
        const struct nima_json *tree;
        NIMA_TRY(nima_json_parse(ctx, rows->text, &tree));
        struct nima_buf text;
        nima_buf_init(&text, TEXT_BYTES_MAX);
        write_without(ctx, tree, fact_id, &text);
        nima_rc rc = nima_db_run(
            ctx, db, "UPDATE messages SET metadata = $1 WHERE id = $2",
            NIMA_DB_ARGS(nima_db_json(nima_buf_view(&text)), nima_db_text(rows->key)), NULL);
        nima_buf_done(&text);
        NIMA_TRY(rc);
    }
    return NIMA_OK;
}

nima_rc nima_store_redact(struct nima_ctx *ctx, struct nima_db *db, nima_str fact_id)
{
    static const char *const texts[] = {
        "SELECT fact FROM facts WHERE user_id = $1 AND id = $2",
        "SELECT fact FROM fact_versions WHERE user_id = $1 AND fact_id = $2"};
    struct row *facts = NULL;
    for (size_t i = 0; i < 2; i++) {
        struct nima_db_stmt *stmt;
        bool more = false;
        NIMA_TRY(nima_db_query(ctx, db, texts[i],
                               NIMA_DB_ARGS(nima_db_text(ctx->user_id), nima_db_text(fact_id)),
                               &stmt));
        NIMA_TRY(nima_db_step(ctx, stmt, &more));
        while (more) {
            struct row *row = NIMA_NEW(ctx->arena, struct row, 1);
            *row = (struct row){.next = facts, .text = nima_db_get_text(ctx, stmt, 0)};
            facts = row;
            NIMA_TRY(nima_db_step(ctx, stmt, &more));
        }
        NIMA_TRY(nima_db_end(ctx, stmt));
    }
    for (; facts != NULL; facts = facts->next) {
        NIMA_TRY(redact_texts(ctx, db, facts->text));
    }
    return redact_metadata(ctx, db, fact_id);
}
