/*
 * The personas there are. Each keeps its file's text and the prompt made of it; what a file says is
 * read from that text when asked for, so that nothing has to be shared with the one who asks.
 */
#include "personality/personality_int.h"

#include <dirent.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "util/buf.h"
#include "util/embed.h"
#include "util/file.h"

NIMA_EMBEDDED(persona);

enum { ENTRIES_MAX = 64 };

static const char builtin[] = "built-in persona";

struct entry {
    char *id, *file;
    nima_str text; /* owned */
    /* The prompt as last made; NULL: not yet. */
    char *prompt, *dropped, *forbidden; /* the latter two: one a line */
    int tokens, tokens_max;
    bool counted;
};

struct entries {
    struct entry *items; /* the main one first, then by name */
    size_t count;
};

struct nima_personality {
    char *file, *folder, *persona;
    struct nima_llm *llm;
    int prompt_tokens;
    pthread_mutex_t lock; /* guards entries, problem, readings, stats */
    struct entries entries;
    char problem[NIMA_ERROR_CHARS_MAX + 1];
    bool rules;
    struct nima_personality_stats stats; /* guarded too */
    uint64_t readings;                   /* guarded too: how often the files were read */
    uint64_t stamp; /* of the files as they were last read; the ticking thread's alone */
};

static void free_entries(struct entries *entries)
{
    for (size_t i = 0; i < entries->count; i++) {
        struct entry *entry = &entries->items[i];
        free(entry->id);
        free(entry->file);
        free((char *)entry->text.ptr);
        free(entry->prompt);
        free(entry->dropped);
        free(entry->forbidden);
    }
    free(entries->items);
    *entries = (struct entries){0};
}

/* "Zen-Engineer" is "zen_engineer". */
static bool same_name(nima_str a, nima_str b)
{
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        char x = a.ptr[i] == '-' ? '_' : a.ptr[i], y = b.ptr[i] == '-' ? '_' : b.ptr[i];
        if (!nima_str_eq_nocase((nima_str){&x, 1}, (nima_str){&y, 1})) {
            return false;
        }
    }
    return true;
}

static bool is_name(nima_str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '-' || c == '_';
        if (!fits) {
            return false;
        }
    }
    return name.len > 0 && name.len <= NIMA_PERSONA_NAME_MAX;
}

static struct entry *find(const struct entries *entries, nima_str name)
{
    for (size_t i = 0; i < entries->count; i++) {
        if (same_name(nima_str_of(entries->items[i].id), name)) {
            return &entries->items[i];
        }
    }
    return NULL;
}

/* Reading the files */
struct reading {
    struct nima_ctx *ctx;
    struct nima_personality *p;
    struct entries entries;
    nima_rc rc; /* of the first file that did not fit, with its message */
    struct nima_error error;
};

static void note_problem(struct reading *r, nima_rc rc)
{
    if (r->rc == NIMA_OK) {
        r->rc = rc;
        r->error = r->ctx->error;
    }
}

static void add_entry(struct reading *r, nima_str id, const char *file, nima_str text)
{
    r->entries.items[r->entries.count++] = (struct entry){.id = nima_xstrdup(id),
                                                          .file = nima_xstrdup(nima_str_of(file)),
                                                          .text = {nima_xstrdup(text), text.len}};
}

/* A file that does not fit leaves its persona as it was. */
static void keep_old(struct reading *r, const char *file)
{
    for (size_t i = 0; i < r->p->entries.count; i++) {
        const struct entry *old = &r->p->entries.items[i];
        if (strcmp(old->file, file) == 0) {
            add_entry(r, nima_str_of(old->id), file, old->text);
            return;
        }
    }
}

/* An absent id: by what the file says. */
static void read_one(struct reading *r, const char *file, nima_str id)
{
    nima_str text;
    struct nima_persona persona = {0};
    nima_rc rc = nima_file_read(r->ctx, file, NIMA_PERSONA_FILE_BYTES_MAX, &text);
    if (rc == NIMA_OK) {
        rc = nima_persona_parse(r->ctx, file, text, &persona);
    }
    if (rc == NIMA_OK && id.ptr == NULL) {
        id = is_name(persona.voice) ? persona.voice : NIMA_STR("nima");
    }
    if (rc != NIMA_OK) {
        note_problem(r, rc);
        keep_old(r, file);
    } else if (find(&r->entries, id) == NULL) {
        add_entry(r, id, file, text);
    }
}

static bool is_main(const struct nima_personality *p, const struct entry *entry)
{
    return strcmp(entry->file, p->file) == 0 || strcmp(entry->file, builtin) == 0;
}

static void read_main(struct reading *r)
{
    const char *file = r->p->file;
    struct stat info;
    if (file[0] != '\0' && stat(file, &info) == 0) {
        read_one(r, file, (nima_str){NULL, 0});
        return;
    }
    if (file[0] != '\0' && r->p->entries.count > 0 &&
        strcmp(r->p->entries.items[0].file, file) == 0) {
        note_problem(r, nima_fail(r->ctx, NIMA_E_NOT_FOUND, "%s is gone", file));
        keep_old(r, file);
        return;
    }
    struct nima_persona persona;
    nima_str text = nima_embedded_data(&nima_embedded_persona[0]);
    nima_rc rc = nima_persona_parse(r->ctx, builtin, text, &persona);
    nima_assert(rc == NIMA_OK);
    add_entry(r, persona.voice, builtin, text);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names of the folder's YAML files, sorted; more than we take are left out. */
static size_t list_folder(struct nima_ctx *ctx, const char *folder, char *names[ENTRIES_MAX])
{
    DIR *dir = folder[0] != '\0' ? opendir(folder) : NULL;
    size_t count = 0;
    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        nima_str name = nima_str_of(entry->d_name);
        if (count < ENTRIES_MAX && nima_str_ends(name, NIMA_STR(".yaml")) &&
            is_name(nima_str_sub(name, 0, name.len - 5))) {
            names[count++] = nima_cstr(ctx, name);
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
    qsort(names, count, sizeof(names[0]), by_text);
    return count;
}

static nima_rc read_all(struct nima_ctx *ctx, struct nima_personality *p)
{
    struct reading r = {.ctx = ctx, .p = p};
    r.entries.items = NIMA_XNEW(struct entry, ENTRIES_MAX + 1);
    read_main(&r);
    char *names[ENTRIES_MAX];
    size_t count = list_folder(ctx, p->folder, names);
    for (size_t i = 0; i < count; i++) {
        nima_str name = nima_str_of(names[i]);
        read_one(&r, nima_fmt(ctx, "%s/%s", p->folder, names[i]).ptr,
                 nima_str_sub(name, 0, name.len - 5));
    }
    pthread_mutex_lock(&p->lock);
    struct entries old = p->entries;
    p->entries = r.entries;
    p->readings++;
    memcpy(p->problem, r.error.message, sizeof(p->problem));
    pthread_mutex_unlock(&p->lock);
    free_entries(&old);
    if (r.rc != NIMA_OK) {
        ctx->error = r.error;
    }
    return r.rc;
}

static uint64_t stamp_of(struct nima_ctx *ctx, const char *path, uint64_t seed)
{
    struct stat s;
    if (stat(path, &s) != 0) {
        memset(&s, 0, sizeof(s));
    }
    return nima_str_hash(nima_fmt(ctx, "%llx %s %lld %lld.%09ld %lld", (unsigned long long)seed,
                                  path, (long long)s.st_ino, (long long)s.st_mtim.tv_sec,
                                  s.st_mtim.tv_nsec, (long long)s.st_size));
}

/* Of all that is looked at: another one when a file came, went or changed. */
static uint64_t stamp_all(struct nima_ctx *ctx, const struct nima_personality *p)
{
    char *names[ENTRIES_MAX];
    size_t count = list_folder(ctx, p->folder, names);
    uint64_t stamp = stamp_of(ctx, p->file, 0);
    for (size_t i = 0; i < count; i++) {
        stamp = stamp_of(ctx, nima_fmt(ctx, "%s/%s", p->folder, names[i]).ptr, stamp);
    }
    return stamp;
}

nima_rc nima_personality_tick(struct nima_ctx *ctx, struct nima_personality *personality,
                              bool *changed)
{
    uint64_t stamp = stamp_all(ctx, personality);
    *changed = stamp != personality->stamp;
    personality->stamp = stamp;
    return *changed ? read_all(ctx, personality) : NIMA_OK;
}

/* "a, b, c" */
static nima_str names_text(struct nima_ctx *ctx, struct nima_personality *p)
{
    struct nima_texts names;
    nima_personality_names(ctx, p, &names);
    struct nima_buf buf;
    nima_buf_init(&buf, NIMA_ERROR_CHARS_MAX);
    for (size_t i = 0; i < names.count; i++) {
        nima_buf_fmt(&buf, "%s" NIMA_FMT, i > 0 ? ", " : "", NIMA_ARG(names.items[i]));
    }
    nima_str text = nima_str_copy(ctx->arena, nima_buf_view(&buf));
    nima_buf_done(&buf);
    return text;
}

static nima_rc no_such(struct nima_ctx *ctx, struct nima_personality *p, nima_str name)
{
    nima_str names = names_text(ctx, p);
    return nima_fail_field(ctx, NIMA_E_INVALID, "persona",
                           "there is no persona \"" NIMA_FMT "\"; there are: " NIMA_FMT,
                           NIMA_ARG(nima_utf8_prefix(name, NIMA_PERSONA_NAME_MAX)),
                           NIMA_ARG(names));
}

nima_rc nima_personality_open(struct nima_ctx *ctx, const struct nima_personality_options *options,
                              struct nima_personality **out)
{
    struct nima_personality *p = NIMA_XNEW(struct nima_personality, 1);
    p->file = nima_xstrdup(options->file);
    p->folder = nima_xstrdup(options->folder);
    p->persona = nima_xstrdup(options->persona);
    p->llm = options->llm;
    p->prompt_tokens =
        options->prompt_tokens > 0 ? options->prompt_tokens : NIMA_PERSONA_TOKENS_PRESET;
    p->rules = options->rules;
    pthread_mutex_init(&p->lock, NULL);
    p->stamp = stamp_all(ctx, p);
    nima_rc rc = read_all(ctx, p);
    /* Beside a main persona that is well, the others may wait to be mended. */
    bool main_ok = p->entries.count > 0 && is_main(p, &p->entries.items[0]);
    if (main_ok) {
        rc = NIMA_OK;
        if (p->persona[0] != '\0' && find(&p->entries, options->persona) == NULL) {
            rc = no_such(ctx, p, options->persona);
        }
    }
    if (rc != NIMA_OK) {
        nima_personality_close(p);
        return rc;
    }
    *out = p;
    return NIMA_OK;
}

void nima_personality_close(struct nima_personality *personality)
{
    if (personality == NULL) {
        return;
    }
    free_entries(&personality->entries);
    pthread_mutex_destroy(&personality->lock);
    free(personality->file);
    free(personality->folder);
    free(personality->persona);
    free(personality);
}

nima_str nima_personality_problem(struct nima_ctx *ctx, struct nima_personality *personality)
{
    pthread_mutex_lock(&personality->lock);
    nima_str problem = nima_str_copy(ctx->arena, nima_str_of(personality->problem));
    pthread_mutex_unlock(&personality->lock);
    return problem.len > 0 ? problem : (nima_str){NULL, 0};
}

/* The lock is held. A default whose file went away gives way to the main one. */
static struct entry *pick(struct nima_personality *p, nima_str name)
{
    if (name.ptr != NULL) {
        return find(&p->entries, name);
    }
    struct entry *entry = find(&p->entries, nima_str_of(p->persona));
    return entry != NULL ? entry : &p->entries.items[0];
}

void nima_personality_names(struct nima_ctx *ctx, struct nima_personality *personality,
                            struct nima_texts *out)
{
    pthread_mutex_lock(&personality->lock);
    const struct entries *entries = &personality->entries;
    const struct entry *first = entries->count > 0 ? pick(personality, (nima_str){NULL, 0}) : NULL;
    out->items = NIMA_NEW(ctx->arena, nima_str, entries->count);
    out->count = 0;
    if (first != NULL) {
        out->items[out->count++] = nima_str_copy(ctx->arena, nima_str_of(first->id));
    }
    for (size_t i = 0; i < entries->count; i++) {
        if (&entries->items[i] != first) {
            out->items[out->count++] = nima_str_copy(ctx->arena, nima_str_of(entries->items[i].id));
        }
    }
    pthread_mutex_unlock(&personality->lock);
}

bool nima_personality_has(struct nima_personality *personality, nima_str name)
{
    pthread_mutex_lock(&personality->lock);
    bool has = find(&personality->entries, name) != NULL;
    pthread_mutex_unlock(&personality->lock);
    return has;
}

/* *readings tells which reading of the files this is of. */
static nima_rc look(struct nima_ctx *ctx, struct nima_personality *p, nima_str name,
                    struct nima_persona *out, uint64_t *readings)
{
    pthread_mutex_lock(&p->lock);
    const struct entry *entry = pick(p, name);
    nima_str id = {NULL, 0}, file = {NULL, 0}, text = {NULL, 0};
    if (entry != NULL) {
        id = nima_str_copy(ctx->arena, nima_str_of(entry->id));
        file = nima_str_copy(ctx->arena, nima_str_of(entry->file));
        text = nima_str_copy(ctx->arena, entry->text);
    }
    *readings = p->readings;
    pthread_mutex_unlock(&p->lock);
    if (entry == NULL) {
        return no_such(ctx, p, name);
    }
    struct nima_persona persona;
    NIMA_TRY(nima_persona_parse(ctx, file.ptr, text, &persona));
    persona.id = id;
    *out = persona;
    return NIMA_OK;
}

nima_rc nima_personality_get(struct nima_ctx *ctx, struct nima_personality *personality,
                             nima_str name, struct nima_persona *out)
{
    uint64_t readings;
    return look(ctx, personality, name, out, &readings);
}

static void split_lines(struct nima_ctx *ctx, nima_str text, struct nima_texts *out)
{
    size_t lines = 0;
    for (size_t i = 0; i < text.len; i++) {
        lines += text.ptr[i] == '\n';
    }
    out->items = NIMA_NEW(ctx->arena, nima_str, lines);
    nima_str line;
    while (out->count < lines && nima_str_next(&text, '\n', &line)) {
        out->items[out->count++] = line;
    }
}

/* The prompt as it was last made; false when it was not, or was only estimated and the model can
 * count by now. */
static bool kept_prompt(struct nima_ctx *ctx, struct nima_personality *p, nima_str name,
                        bool can_count, struct nima_persona_prompt *out)
{
    pthread_mutex_lock(&p->lock);
    const struct entry *entry = pick(p, name);
    bool kept = entry != NULL && entry->prompt != NULL && (entry->counted || !can_count);
    if (kept) {
        *out = (struct nima_persona_prompt){
            .id = nima_str_copy(ctx->arena, nima_str_of(entry->id)),
            .text = nima_str_copy(ctx->arena, nima_str_of(entry->prompt)),
            .tokens = entry->tokens,
            .tokens_max = entry->tokens_max,
            .counted = entry->counted};
        split_lines(ctx, nima_str_copy(ctx->arena, nima_str_of(entry->dropped)), &out->dropped);
        split_lines(ctx, nima_str_copy(ctx->arena, nima_str_of(entry->forbidden)), &out->forbidden);
    }
    pthread_mutex_unlock(&p->lock);
    return kept;
}

/* One a line, on the heap. */
static char *join_lines(const struct nima_texts *texts)
{
    struct nima_buf lines;
    nima_buf_init(&lines, NIMA_PERSONA_FILE_BYTES_MAX);
    for (size_t i = 0; i < texts->count; i++) {
        nima_buf_fmt(&lines, NIMA_FMT "\n", NIMA_ARG(texts->items[i]));
    }
    char *text = nima_xstrdup(nima_buf_view(&lines));
    nima_buf_done(&lines);
    return text;
}

/* Unless the files were read again meanwhile. */
static void keep_prompt(struct nima_personality *p, uint64_t readings,
                        const struct nima_persona_prompt *made)
{
    pthread_mutex_lock(&p->lock);
    struct entry *entry = find(&p->entries, made->id);
    if (entry != NULL && p->readings == readings) {
        free(entry->prompt);
        free(entry->dropped);
        free(entry->forbidden);
        entry->prompt = nima_xstrdup(made->text);
        entry->dropped = join_lines(&made->dropped);
        entry->forbidden = join_lines(&made->forbidden);
        entry->tokens = made->tokens;
        entry->tokens_max = made->tokens_max;
        entry->counted = made->counted;
    }
    pthread_mutex_unlock(&p->lock);
}

nima_rc nima_personality_prompt(struct nima_ctx *ctx, struct nima_personality *personality,
                                nima_str name, struct nima_persona_prompt *out)
{
    struct nima_llm_state state = {0};
    if (personality->llm != NULL) {
        nima_llm_state(personality->llm, &state);
    }
    if (kept_prompt(ctx, personality, name, state.chat_loaded, out)) {
        return NIMA_OK;
    }
    struct nima_persona persona;
    uint64_t readings;
    NIMA_TRY(look(ctx, personality, name, &persona, &readings));
    struct nima_persona_prompt made;
    NIMA_TRY(
        nima_persona_write(ctx, &persona, personality->llm, personality->prompt_tokens, &made));
    made.forbidden = persona.forbidden;
    keep_prompt(personality, readings, &made);
    *out = made;
    return NIMA_OK;
}

bool nima_personality_rules(const struct nima_personality *personality)
{
    return personality->rules;
}

struct nima_llm *nima_personality_llm(const struct nima_personality *personality)
{
    return personality->llm;
}

const double nima_personality_bounds[NIMA_PERSONALITY_BUCKETS] = {0.25, 0.5, 0.75, 0.9, 0.95, 1};

void nima_personality_count(struct nima_personality *personality, double score, int64_t changes)
{
    pthread_mutex_lock(&personality->lock);
    struct nima_personality_stats *stats = &personality->stats;
    stats->replies++;
    stats->changes += changes;
    stats->score_sum += score;
    for (size_t i = 0; i < NIMA_PERSONALITY_BUCKETS; i++) {
        stats->within[i] += score <= nima_personality_bounds[i];
    }
    pthread_mutex_unlock(&personality->lock);
}

void nima_personality_stats(struct nima_personality *personality,
                            struct nima_personality_stats *out)
{
    pthread_mutex_lock(&personality->lock);
    *out = personality->stats;
    pthread_mutex_unlock(&personality->lock);
}
