/*
 * A folder to a pack: pack.json or facts.json with the plan's schema, rules.yaml beside it. All is
 * checked here, so that nobody above meets a text without end, a wrong version or a second fact of
 * one id.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "knowledge/knowledge_int.h"
#include "util/digest.h"
#include "util/json.h"

enum {
    NAME_CHARS_MAX = 100,
    SHORT_CHARS_MAX = 64,
    TEXT_CHARS_MAX = 1000,
    SOURCE_CHARS_MAX = 300,
    CAUTION_CHARS_MAX = 300,
    KEYS_MAX = 64,
    KEY_CHARS_MAX = 100,
    PHRASES_MAX = 500,
    LINES_MAX = 16,
    ALSO_BYTES_MAX = 16384,
    FACT_ID_HEX = 12,
    LEAST_ROWS = 32, /* in a small pack each word is in most facts, and would weigh nothing */
    MANY_FACTS = 200,
};

const char *const nima_pack_files[NIMA_PACK_FILES] = {"pack.json", "facts.json", "rules.yaml",
                                                      "embeddings.json", "embeddings.npy"};

static const struct nima_field fact_fields[] = {
    NIMA_FIELD(STR, struct nima_pack_fact, id, .min = 1, .max = NIMA_PACK_ID_CHARS_MAX),
    NIMA_FIELD(STR, struct nima_pack_fact, fact, .required = true, .min = 1,
               .max = NIMA_PACK_FACT_CHARS_MAX),
    NIMA_FIELD(STR, struct nima_pack_fact, category, .max = SHORT_CHARS_MAX,
               .preset_str = "general"),
    NIMA_FIELD(STR, struct nima_pack_fact, source, .max = SOURCE_CHARS_MAX),
    NIMA_FIELD(STR, struct nima_pack_fact, date, .max = SHORT_CHARS_MAX),
    NIMA_FIELD(STR, struct nima_pack_fact, jurisdiction, .max = SHORT_CHARS_MAX),
    NIMA_FIELD(STR, struct nima_pack_fact, caution, .max = CAUTION_CHARS_MAX),
    NIMA_FIELD(STR_LIST, struct nima_pack_fact, keys, .max = KEYS_MAX),
};
static const struct nima_shape fact_shape =
    NIMA_SHAPE("PackFact", struct nima_pack_fact, fact_fields);

static const struct nima_field rules_fields[] = {
    NIMA_FIELD(STR_LIST, struct nima_pack_rules, topics, .max = PHRASES_MAX),
    NIMA_FIELD(STR_LIST, struct nima_pack_rules, hints, .max = PHRASES_MAX),
    NIMA_FIELD(STR_LIST, struct nima_pack_rules, negative, .max = PHRASES_MAX),
    NIMA_FIELD(STR, struct nima_pack_rules, tone, .max = CAUTION_CHARS_MAX),
    NIMA_FIELD(STR_LIST, struct nima_pack_rules, cautions, .max = LINES_MAX),
    NIMA_FIELD(STR_LIST, struct nima_pack_rules, ask_first, .max = LINES_MAX),
};
static const struct nima_shape rules_shape =
    NIMA_SHAPE("PackRules", struct nima_pack_rules, rules_fields);

struct facts {
    struct nima_pack_fact *items;
    size_t count;
};
struct document {
    nima_str id, name, category, version, description, language, license, metadata;
    bool enabled, has_facts;
    struct facts facts;
    struct nima_pack_rules *rules;
};
static const struct nima_field document_fields[] = {
    NIMA_FIELD(STR, struct document, id, .required = true),
    NIMA_FIELD(STR, struct document, name, .required = true, .max = NAME_CHARS_MAX),
    NIMA_FIELD(STR, struct document, category, .max = SHORT_CHARS_MAX, .preset_str = "general"),
    NIMA_FIELD(STR, struct document, version, .required = true),
    NIMA_FIELD(BOOL, struct document, enabled, .preset = 1),
    NIMA_FIELD(STR, struct document, description, .max = TEXT_CHARS_MAX),
    NIMA_FIELD(STR, struct document, language, .max = SHORT_CHARS_MAX),
    NIMA_FIELD(STR, struct document, license, .max = SHORT_CHARS_MAX),
    NIMA_FIELD(JSON, struct document, metadata),
    NIMA_FIELD(LIST, struct document, facts, .shape = &fact_shape, .max = NIMA_PACK_FACTS_MAX,
               .has = NIMA_HAS(struct document, has_facts)),
    NIMA_FIELD(OBJECT, struct document, rules, .shape = &rules_shape),
};
static const struct nima_shape document_shape =
    NIMA_SHAPE("Pack", struct document, document_fields);

bool nima_pack_id_valid(nima_str id)
{
    if (id.len < 1 || id.len > NIMA_PACK_ID_CHARS_MAX || id.ptr[0] == '-' || id.ptr[0] == '_') {
        return false;
    }
    for (size_t i = 0; i < id.len; i++) {
        char c = id.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_')) {
            return false;
        }
    }
    return true;
}

nima_rc nima_pack_open_folder(struct nima_ctx *ctx, nima_str folder, int *fd_out)
{
    int fd = open(nima_cstr(ctx, folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return nima_fail(ctx, errno == ENOENT ? NIMA_E_NOT_FOUND : NIMA_E_STORE,
                         "cannot open " NIMA_FMT ": %s", NIMA_ARG(folder), strerror(errno));
    }
    *fd_out = fd;
    return NIMA_OK;
}

static nima_rc check_open(struct nima_ctx *ctx, int fd, nima_str path, size_t *bytes_out)
{
    struct stat info;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        return nima_fail(ctx, NIMA_E_INVALID, NIMA_FMT ": must be a plain file", NIMA_ARG(path));
    }
    if (info.st_size > NIMA_PACK_FILE_BYTES_MAX) {
        return nima_fail(ctx, NIMA_E_INVALID, NIMA_FMT ": is over %d MiB", NIMA_ARG(path),
                         NIMA_PACK_FILE_BYTES_MAX >> 20);
    }
    *bytes_out = (size_t)info.st_size;
    return NIMA_OK;
}

static nima_rc read_open(struct nima_ctx *ctx, int fd, nima_str path, size_t room, nima_str *out)
{
    size_t used = 0;
    char *data = nima_alloc_unset(ctx->arena, room);
    while (used < room) {
        ssize_t got = read(fd, data + used, room - used);
        if (got < 0 && errno != EINTR) {
            return nima_fail(ctx, NIMA_E_STORE, NIMA_FMT ": %s", NIMA_ARG(path), strerror(errno));
        }
        if (got == 0) {
            break;
        }
        used += got > 0 ? (size_t)got : 0;
    }
    *out = (nima_str){data, used};
    return NIMA_OK;
}

nima_rc nima_pack_open_file(struct nima_ctx *ctx, int folder_fd, nima_str shown, const char *name,
                            int *fd_out, size_t *bytes_out)
{
    nima_str path = nima_fmt(ctx, NIMA_FMT "/%s", NIMA_ARG(shown), name);
    /* A link could lead out of the packs' folder, a pipe would be waited for without end. */
    int fd = openat(folder_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        return nima_fail(ctx, NIMA_E_NOT_FOUND, NIMA_FMT ": is not there", NIMA_ARG(path));
    }
    if (fd < 0) {
        return nima_fail(ctx, NIMA_E_INVALID, NIMA_FMT ": %s", NIMA_ARG(path),
                         errno == ELOOP ? "is a link; a pack's files must be its own"
                                        : strerror(errno));
    }
    nima_rc rc = check_open(ctx, fd, path, bytes_out);
    if (rc != NIMA_OK) {
        close(fd);
        return rc;
    }
    *fd_out = fd;
    return NIMA_OK;
}

nima_rc nima_pack_read_file(struct nima_ctx *ctx, int folder_fd, nima_str shown, const char *name,
                            nima_str *out)
{
    int fd;
    size_t bytes;
    NIMA_TRY(nima_pack_open_file(ctx, folder_fd, shown, name, &fd, &bytes));
    nima_str path = nima_fmt(ctx, NIMA_FMT "/%s", NIMA_ARG(shown), name);
    nima_rc rc = read_open(ctx, fd, path, bytes, out);
    close(fd);
    return rc;
}

/* "packs/x/facts.json: facts[3].fact must …" */
static nima_rc in_file(struct nima_ctx *ctx, nima_str shown, const char *name, nima_rc rc)
{
    if (rc == NIMA_OK) {
        return rc;
    }
    struct nima_error error = ctx->error;
    return nima_fail_field(ctx, NIMA_E_INVALID, error.field, NIMA_FMT "/%s: %s", NIMA_ARG(shown),
                           name, error.message);
}

static nima_rc wrong(struct nima_ctx *ctx, nima_str shown, const char *name, const char *field,
                     const char *what)
{
    return nima_fail_field(ctx, NIMA_E_INVALID, field, NIMA_FMT "/%s: %s %s", NIMA_ARG(shown), name,
                           field, what);
}

/* facts.json beside pack.json: a bare list, or {"facts": […]}. */
static nima_rc read_facts_file(struct nima_ctx *ctx, nima_str shown, nima_str text,
                               struct facts *out)
{
    nima_str start = nima_str_trim(text);
    if (nima_str_starts(start, NIMA_STR("["))) {
        struct nima_list list;
        nima_rc rc = nima_json_decode_list(ctx, &fact_shape, text, NIMA_PACK_FACTS_MAX, &list);
        NIMA_TRY(in_file(ctx, shown, "facts.json", rc));
        *out = (struct facts){list.items, list.count};
        return NIMA_OK;
    }
    static const struct nima_field fields[] = {
        NIMA_FIELD_AS(LIST, "facts", struct document, facts, .required = true, .shape = &fact_shape,
                      .max = NIMA_PACK_FACTS_MAX),
    };
    static const struct nima_shape shape = NIMA_SHAPE("PackFacts", struct document, fields);
    struct document only;
    NIMA_TRY(in_file(ctx, shown, "facts.json", nima_json_decode(ctx, &shape, text, &only)));
    *out = only.facts;
    return NIMA_OK;
}

static nima_rc read_document(struct nima_ctx *ctx, int folder_fd, nima_str shown,
                             struct document *out, const char **name_out)
{
    nima_str text, facts = {0};
    const char *name = "pack.json";
    nima_rc rc = nima_pack_read_file(ctx, folder_fd, shown, "pack.json", &text);
    bool both = rc == NIMA_OK;
    if (rc == NIMA_E_NOT_FOUND) {
        name = "facts.json";
        rc = nima_pack_read_file(ctx, folder_fd, shown, name, &text);
    }
    if (rc == NIMA_E_NOT_FOUND) {
        return nima_fail(ctx, NIMA_E_INVALID, NIMA_FMT ": has neither pack.json nor facts.json",
                         NIMA_ARG(shown));
    }
    NIMA_TRY(rc);
    NIMA_TRY(in_file(ctx, shown, name, nima_json_decode(ctx, &document_shape, text, out)));
    if (both) {
        rc = nima_pack_read_file(ctx, folder_fd, shown, "facts.json", &facts);
        NIMA_TRY(rc == NIMA_E_NOT_FOUND ? NIMA_OK : rc);
    }
    if (facts.ptr != NULL && out->has_facts) {
        return wrong(ctx, shown, name, "facts", "stand here and in facts.json");
    }
    if (facts.ptr != NULL) {
        NIMA_TRY(read_facts_file(ctx, shown, facts, &out->facts));
        out->has_facts = true;
        name = "facts.json";
    }
    *name_out = name;
    return out->has_facts ? NIMA_OK : wrong(ctx, shown, name, "facts", "is required");
}

struct named {
    uint64_t hash; /* of the id: numbers are sorted faster than texts */
    const struct nima_pack_fact *fact;
};

static int by_id(const void *a, const void *b)
{
    const struct named *left = a, *right = b;
    if (left->hash != right->hash) {
        return left->hash < right->hash ? -1 : 1;
    }
    int order = nima_str_cmp(left->fact->id, right->fact->id);
    return order != 0 ? order : (left->fact > right->fact) - (left->fact < right->fact);
}

/* A fact without an id is called by its text. */
static nima_rc give_ids(struct nima_ctx *ctx, nima_str shown, const char *name,
                        struct nima_sha256 *sha, struct facts *facts)
{
    unsigned char raw[NIMA_SHA256_BYTES];
    for (size_t i = 0; i < facts->count; i++) {
        struct nima_pack_fact *fact = &facts->items[i];
        if (fact->id.ptr != NULL && !nima_pack_id_valid(fact->id)) {
            return wrong(ctx, shown, name, nima_fmt(ctx, "facts[%zu].id", i).ptr,
                         "must be of a to z, 0 to 9, - and _");
        }
        if (fact->id.ptr == NULL) {
            nima_sha256_add(sha, fact->fact);
            nima_sha256_end(sha, raw);
            fact->id = nima_hex(ctx, raw, FACT_ID_HEX / 2);
        }
    }
    return NIMA_OK;
}

/* No two ids are the same. */
static nima_rc check_ids(struct nima_ctx *ctx, nima_str shown, const char *name,
                         const struct facts *facts)
{
    struct named *ids = NIMA_NEW(ctx->arena, struct named, facts->count);
    for (size_t i = 0; i < facts->count; i++) {
        const struct nima_pack_fact *fact = &facts->items[i];
        ids[i] = (struct named){nima_str_hash(fact->id), fact};
    }
    qsort(ids, facts->count, sizeof(*ids), by_id);
    for (size_t i = 1; i < facts->count; i++) {
        if (nima_str_eq(ids[i - 1].fact->id, ids[i].fact->id)) {
            size_t first = (size_t)(ids[i - 1].fact - facts->items);
            size_t second = (size_t)(ids[i].fact - facts->items);
            return wrong(ctx, shown, name, nima_fmt(ctx, "facts[%zu]", second).ptr,
                         nima_fmt(ctx, "has the id or the text of facts[%zu]", first).ptr);
        }
    }
    return NIMA_OK;
}

static nima_rc check_document(struct nima_ctx *ctx, nima_str shown, const char *name,
                              struct nima_sha256 *sha, struct document *d)
{
    struct nima_version version;
    if (!nima_pack_id_valid(d->id)) {
        return wrong(ctx, shown, name, "id", "must be 1 to 64 of a to z, 0 to 9, - and _");
    }
    if (!nima_version_read(d->version, &version)) {
        return wrong(ctx, shown, name, "version", "must be a version such as 1.0.0 (semver.org)");
    }
    for (size_t i = 0; i < d->facts.count; i++) {
        const struct nima_pack_texts *keys = &d->facts.items[i].keys;
        for (size_t k = 0; k < keys->count; k++) {
            if (nima_utf8_count(keys->items[k]) > KEY_CHARS_MAX) {
                return wrong(ctx, shown, name, nima_fmt(ctx, "facts[%zu].keys[%zu]", i, k).ptr,
                             "is over 100 characters");
            }
        }
    }
    NIMA_TRY(give_ids(ctx, shown, name, sha, &d->facts));
    return check_ids(ctx, shown, name, &d->facts);
}

static struct nima_pack_texts keep_texts(struct nima_arena *arena, struct nima_pack_texts texts)
{
    struct nima_pack_texts copy = {NIMA_NEW(arena, nima_str, texts.count), texts.count};
    for (size_t i = 0; i < texts.count; i++) {
        copy.items[i] = nima_str_copy(arena, texts.items[i]);
    }
    return copy;
}

/* What the fact before says in the same words, such as its source, is kept once. */
static nima_str keep_text(struct nima_arena *arena, nima_str text, nima_str before)
{
    bool again = text.ptr != NULL && before.ptr != NULL && nima_str_eq(text, before);
    return again ? before : nima_str_copy(arena, text);
}

static void keep_facts(struct nima_pack *pack, const struct facts *facts)
{
    static const struct nima_pack_fact none = {0};
    struct nima_arena *arena = pack->keep.arena;
    pack->facts = NIMA_NEW(arena, struct nima_pack_fact, facts->count);
    pack->count = facts->count;
    for (size_t i = 0; i < facts->count; i++) {
        const struct nima_pack_fact *f = &facts->items[i];
        const struct nima_pack_fact *before = i > 0 ? &pack->facts[i - 1] : &none;
        pack->facts[i] = (struct nima_pack_fact){
            .id = nima_str_copy(arena, f->id),
            .fact = nima_str_copy(arena, f->fact),
            .category = keep_text(arena, f->category, before->category),
            .source = keep_text(arena, f->source, before->source),
            .date = keep_text(arena, f->date, before->date),
            .jurisdiction = keep_text(arena, f->jurisdiction, before->jurisdiction),
            .caution = keep_text(arena, f->caution, before->caution),
            .keys = keep_texts(arena, f->keys),
        };
    }
}

static void keep_rules(struct nima_pack *pack, const struct nima_pack_rules *rules)
{
    struct nima_arena *arena = pack->keep.arena;
    pack->rules = (struct nima_pack_rules){
        .topics = keep_texts(arena, rules->topics),
        .hints = keep_texts(arena, rules->hints),
        .negative = keep_texts(arena, rules->negative),
        .tone = nima_str_copy(arena, rules->tone),
        .cautions = keep_texts(arena, rules->cautions),
        .ask_first = keep_texts(arena, rules->ask_first),
    };
}

/* The fact's own words, and with them its keys and category. */
static void index_facts(struct nima_words *words, struct nima_pack *pack)
{
    struct nima_buf also;
    nima_buf_init(&also, ALSO_BYTES_MAX);
    for (size_t i = 0; i < pack->count; i++) {
        const struct nima_pack_fact *fact = &pack->facts[i];
        nima_buf_clear(&also);
        nima_buf_add(&also, fact->category);
        for (size_t k = 0; k < fact->keys.count; k++) {
            nima_buf_add_char(&also, ' ');
            nima_buf_add(&also, fact->keys.items[k]);
        }
        nima_search_bm25_add(&pack->words,
                             nima_search_words_of(words, fact->fact, nima_buf_view(&also)));
    }
    nima_buf_done(&also);
}

/* What the vectors are made of: when it changes they are out of date. */
static void hash_facts(struct nima_ctx *ctx, struct nima_sha256 *sha, struct nima_pack *pack)
{
    unsigned char raw[NIMA_SHA256_BYTES];
    for (size_t i = 0; i < pack->count; i++) {
        nima_sha256_add(sha, pack->facts[i].fact);
        nima_sha256_add(sha, (nima_str){"", 1}); /* the NUL, so that each ends somewhere */
    }
    nima_sha256_end(sha, raw);
    memcpy(pack->hash, nima_hex(ctx, raw, sizeof(raw)).ptr, NIMA_SHA256_HEX);
}

static nima_rc fill(struct nima_ctx *ctx, nima_str shown, const struct document *d,
                    struct nima_sha256 *sha, struct nima_pack *pack)
{
    struct nima_arena *arena = pack->keep.arena;
    pack->id = nima_str_copy(arena, d->id);
    pack->name = nima_str_copy(arena, d->name);
    pack->category = nima_str_copy(arena, d->category);
    pack->version = nima_str_copy(arena, d->version);
    pack->description = nima_str_copy(arena, d->description);
    pack->language = nima_str_copy(arena, d->language);
    pack->enabled = d->enabled;
    nima_assert(nima_version_read(pack->version, &pack->number));
    keep_facts(pack, &d->facts);
    keep_rules(pack, d->rules);
    hash_facts(ctx, sha, pack);
    struct nima_words *words = nima_search_words_open();
    if (pack->count >= MANY_FACTS) {
        nima_search_words_many(words);
    }
    index_facts(words, pack);
    nima_rc rc = nima_pack_rules_compile(ctx, shown, words, pack);
    nima_search_words_close(words);
    return rc;
}

static nima_rc read_all(struct nima_ctx *ctx, int folder_fd, nima_str shown,
                        struct nima_sha256 *sha, struct nima_pack *pack)
{
    struct document d = {0};
    struct nima_pack_rules none = {0};
    const char *name = "pack.json";
    nima_str rules;
    NIMA_TRY(read_document(ctx, folder_fd, shown, &d, &name));
    NIMA_TRY(check_document(ctx, shown, name, sha, &d));
    d.rules = d.rules != NULL ? d.rules : &none;
    nima_rc rc = nima_pack_read_file(ctx, folder_fd, shown, "rules.yaml", &rules);
    if (rc == NIMA_OK) {
        nima_str path = nima_fmt(ctx, NIMA_FMT "/rules.yaml", NIMA_ARG(shown));
        rc = nima_pack_rules_read(ctx, nima_cstr(ctx, path), rules, d.rules);
    }
    NIMA_TRY(rc == NIMA_E_NOT_FOUND ? NIMA_OK : rc);
    return fill(ctx, shown, &d, sha, pack);
}

nima_rc nima_pack_read(struct nima_ctx *ctx, int folder_fd, nima_str shown, struct nima_pack **out)
{
    /* What is read on the way is let go of at the end: the pack keeps its texts alone. */
    struct nima_ctx work;
    nima_ctx_init(&work);
    struct nima_pack *pack = NIMA_XNEW(struct nima_pack, 1);
    atomic_init(&pack->users, 1);
    nima_ctx_init(&pack->keep);
    nima_search_bm25_init(&pack->words);
    pack->words.least_rows = LEAST_ROWS;
    struct nima_sha256 *sha = nima_sha256_new();
    nima_rc rc = read_all(&work, folder_fd, shown, sha, pack);
    nima_sha256_free(sha);
    if (rc != NIMA_OK) {
        nima_fail_field(ctx, rc, work.error.field, "%s", work.error.message);
        nima_pack_release(pack);
    } else {
        *out = pack;
    }
    nima_ctx_done(&work);
    return rc;
}

void nima_pack_hold(struct nima_pack *pack)
{
    atomic_fetch_add(&pack->users, 1);
}

void nima_pack_release(struct nima_pack *pack)
{
    if (pack == NULL || atomic_fetch_sub(&pack->users, 1) > 1) {
        return;
    }
    nima_pack_vectors_free(atomic_load(&pack->vectors));
    nima_pack_making_free(pack->making);
    nima_search_bm25_done(&pack->words);
    nima_ctx_done(&pack->keep);
    free(pack);
}
