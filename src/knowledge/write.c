/* Packs as files: checking, building, a new one, and putting one into place. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "knowledge/knowledge_int.h"
#include "util/file.h"
#include "util/json.h"
#include "util/uuid.h"

enum { REMARKS_MAX = 64, FACT_CHARS_GOOD = 220, DRAFT_BYTES_MAX = 32 << 20 };

static void remark(struct nima_pack_summary *out, nima_str text)
{
    if (out->remarks.count < REMARKS_MAX) {
        out->remarks.items[out->remarks.count++] = text;
    }
}

/* "bond with" counts as "bond": what was meant to be narrow is wide. */
static void look_at_phrases(struct nima_ctx *ctx, const struct nima_pack *pack,
                            struct nima_pack_summary *out)
{
    static const char *const kinds[] = {[NIMA_PHRASE_TOPIC] = "topics",
                                        [NIMA_PHRASE_HINT] = "hints",
                                        [NIMA_PHRASE_NEGATIVE] = "negative"};
    for (size_t i = 0; i < pack->phrase_count; i++) {
        const struct nima_pack_phrase *p = &pack->phrases[i];
        if (p->count == 1 && nima_str_find(p->text, NIMA_STR(" "), 0) != SIZE_MAX) {
            remark(out, nima_fmt(ctx, "rules.%s: of \"" NIMA_FMT "\" only one word counts",
                                 kinds[p->kind], NIMA_ARG(p->text)));
        }
    }
}

static void look_over(struct nima_ctx *ctx, const struct nima_pack *pack,
                      struct nima_pack_summary *out)
{
    if (pack->rules.topics.count == 0) {
        remark(out, NIMA_STR("rules.topics is empty: the pack comes up by nearness of meaning, "
                             "or when it is switched on"));
    }
    look_at_phrases(ctx, pack, out);
    for (size_t i = 0; i < pack->count; i++) {
        const struct nima_pack_fact *f = &pack->facts[i];
        if (nima_utf8_count(f->fact) > FACT_CHARS_GOOD) {
            remark(out, nima_fmt(ctx,
                                 "facts[%zu] has over %d characters: shorter ones are found "
                                 "better and leave more room",
                                 i, FACT_CHARS_GOOD));
        }
        if (f->source.len == 0) {
            remark(out, nima_fmt(ctx, "facts[%zu] has no source", i));
        }
    }
}

static void summarize(struct nima_ctx *ctx, const struct nima_pack *pack,
                      struct nima_pack_summary *out)
{
    *out = (struct nima_pack_summary){.id = nima_str_copy(ctx->arena, pack->id),
                                      .name = nima_str_copy(ctx->arena, pack->name),
                                      .version = nima_str_copy(ctx->arena, pack->version),
                                      .fact_count = (int64_t)pack->count};
    out->remarks.items = NIMA_NEW(ctx->arena, nima_str, REMARKS_MAX);
    look_over(ctx, pack, out);
}

static nima_rc read_folder(struct nima_ctx *ctx, nima_str folder, struct nima_pack **out)
{
    int fd;
    NIMA_TRY(nima_pack_open_folder(ctx, folder, &fd));
    nima_rc rc = nima_pack_read(ctx, fd, folder, out);
    close(fd);
    return rc;
}

nima_rc nima_pack_check(struct nima_ctx *ctx, nima_str folder, struct nima_pack_summary *out)
{
    struct nima_pack *pack;
    NIMA_TRY(read_folder(ctx, folder, &pack));
    summarize(ctx, pack, out);
    nima_pack_release(pack);
    return NIMA_OK;
}

nima_rc nima_pack_build(struct nima_ctx *ctx, struct nima_llm *llm, nima_str folder,
                        struct nima_pack_summary *out)
{
    struct nima_pack *pack;
    NIMA_TRY(read_folder(ctx, folder, &pack));
    nima_str name = nima_fmt(ctx, NIMA_FMT "/embeddings", NIMA_ARG(folder));
    nima_rc rc = nima_pack_vectors_make(ctx, llm, pack, name, INT64_MAX);
    summarize(ctx, pack, out);
    nima_pack_release(pack);
    return rc;
}

/* Of a folder that never came into place. */
static void sweep(struct nima_ctx *ctx, nima_str folder)
{
    for (int i = 0; i < NIMA_PACK_FILES; i++) {
        unlink(nima_fmt(ctx, NIMA_FMT "/%s", NIMA_ARG(folder), nima_pack_files[i]).ptr);
    }
    rmdir(nima_cstr(ctx, folder));
}

/* What stands where the new one goes is kept, out of sight of the loader. */
static nima_rc move_old(struct nima_ctx *ctx, nima_str packs, nima_str name)
{
    char unique[NIMA_UUID_CHARS + 1];
    struct stat info;
    nima_str path = nima_fmt(ctx, NIMA_FMT "/" NIMA_FMT, NIMA_ARG(packs), NIMA_ARG(name));
    if (lstat(path.ptr, &info) != 0) {
        return NIMA_OK;
    }
    nima_uuid_write(unique);
    nima_str olds = nima_fmt(ctx, NIMA_FMT "/.old", NIMA_ARG(packs));
    NIMA_TRY(nima_dir_make(ctx, olds.ptr));
    nima_str kept =
        nima_fmt(ctx, NIMA_FMT "/" NIMA_FMT "-%s", NIMA_ARG(olds), NIMA_ARG(name), unique);
    return rename(path.ptr, kept.ptr) == 0
               ? NIMA_OK
               : nima_fail(ctx, NIMA_E_STORE, "cannot move " NIMA_FMT " away: %s", NIMA_ARG(path),
                           strerror(errno));
}

/* The folder is called ID-VERSION, so that versions stand side by side. */
static nima_rc move_in(struct nima_ctx *ctx, nima_str packs, nima_str from,
                       const struct nima_pack_summary *pack, nima_str *folder_out)
{
    nima_str name =
        nima_fmt(ctx, NIMA_FMT "-" NIMA_FMT, NIMA_ARG(pack->id), NIMA_ARG(pack->version));
    nima_str to = nima_fmt(ctx, NIMA_FMT "/" NIMA_FMT, NIMA_ARG(packs), NIMA_ARG(name));
    NIMA_TRY(move_old(ctx, packs, name));
    if (rename(nima_cstr(ctx, from), to.ptr) != 0) {
        return nima_fail(ctx, NIMA_E_STORE, "cannot make " NIMA_FMT ": %s", NIMA_ARG(to),
                         strerror(errno));
    }
    *folder_out = to;
    return NIMA_OK;
}

nima_rc nima_pack_place(struct nima_ctx *ctx, nima_str packs, const struct nima_pack_file *files,
                        size_t count, struct nima_pack_summary *out, nima_str *folder_out)
{
    char unique[NIMA_UUID_CHARS + 1];
    nima_uuid_write(unique);
    nima_str temp = nima_fmt(ctx, NIMA_FMT "/.new-%s", NIMA_ARG(packs), unique);
    NIMA_TRY(nima_dir_make(ctx, temp.ptr));
    nima_rc rc = NIMA_OK;
    for (size_t i = 0; i < count && rc == NIMA_OK; i++) {
        rc = nima_file_write(
            ctx, nima_fmt(ctx, NIMA_FMT "/" NIMA_FMT, NIMA_ARG(temp), NIMA_ARG(files[i].name)).ptr,
            files[i].text, 0644);
    }
    rc = rc == NIMA_OK ? nima_pack_check(ctx, temp, out) : rc;
    rc = rc == NIMA_OK ? move_in(ctx, packs, temp, out, folder_out) : rc;
    if (rc != NIMA_OK) {
        sweep(ctx, temp);
    }
    return rc;
}

static void add_text(struct nima_buf *buf, const char *key, nima_str text)
{
    if (text.ptr != NULL) {
        nima_buf_fmt(buf, ", \"%s\": ", key);
        nima_json_write_str(buf, text);
    }
}

static void add_list(struct nima_buf *buf, const char *key, const struct nima_pack_texts *texts)
{
    nima_buf_fmt(buf, "\"%s\": [", key);
    for (size_t i = 0; i < texts->count; i++) {
        nima_buf_add(buf, i > 0 ? NIMA_STR(", ") : NIMA_STR(""));
        nima_json_write_str(buf, texts->items[i]);
    }
    nima_buf_add_char(buf, ']');
}

static void write_draft(struct nima_buf *buf, const struct nima_pack_draft *draft)
{
    nima_buf_add(buf, NIMA_STR("{\n  \"id\": "));
    nima_json_write_str(buf, draft->id);
    add_text(buf, "name", draft->name);
    add_text(buf, "category", draft->category);
    add_text(buf, "version", NIMA_STR("1.0.0"));
    add_text(buf, "description", draft->description);
    nima_buf_add(buf, NIMA_STR(",\n  \"enabled\": true,\n  \"facts\": ["));
    for (size_t i = 0; i < draft->count; i++) {
        const struct nima_pack_fact *f = &draft->facts[i];
        nima_buf_add(buf, i > 0 ? NIMA_STR(",\n    {\"fact\": ") : NIMA_STR("\n    {\"fact\": "));
        nima_json_write_str(buf, f->fact);
        add_text(buf, "category", f->category);
        add_text(buf, "source", f->source);
        add_text(buf, "date", f->date);
        if (f->keys.count > 0) {
            nima_buf_add(buf, NIMA_STR(", "));
            add_list(buf, "keys", &f->keys);
        }
        nima_buf_add_char(buf, '}');
    }
    nima_buf_add(buf, NIMA_STR("\n  ],\n  \"rules\": {"));
    add_list(buf, "topics", &draft->topics);
    nima_buf_add(buf, NIMA_STR("}\n}\n"));
}

nima_rc nima_pack_write(struct nima_ctx *ctx, nima_str packs, const struct nima_pack_draft *draft,
                        struct nima_pack_summary *out, nima_str *folder_out)
{
    struct nima_buf text;
    nima_buf_init(&text, DRAFT_BYTES_MAX);
    write_draft(&text, draft);
    struct nima_pack_file file = {NIMA_STR("facts.json"), nima_buf_view(&text)};
    nima_rc rc = text.overflowed ? nima_fail(ctx, NIMA_E_TOO_LARGE, "the pack would be over 32 MiB")
                                 : nima_pack_place(ctx, packs, &file, 1, out, folder_out);
    nima_buf_done(&text);
    return rc;
}

nima_rc nima_pack_id_check(struct nima_ctx *ctx, nima_str id)
{
    return nima_pack_id_valid(id)
               ? NIMA_OK
               : nima_fail_field(ctx, NIMA_E_INVALID, "id",
                                 "the id must be 1 to 64 of a to z, 0 to 9, - and _");
}

nima_rc nima_pack_new(struct nima_ctx *ctx, nima_str packs, nima_str id, nima_str *folder_out)
{
    struct stat info;
    NIMA_TRY(nima_pack_id_check(ctx, id));
    nima_str folder = nima_fmt(ctx, NIMA_FMT "/" NIMA_FMT, NIMA_ARG(packs), NIMA_ARG(id));
    if (lstat(folder.ptr, &info) == 0) {
        return nima_fail(ctx, NIMA_E_CONFLICT, NIMA_FMT " is there already", NIMA_ARG(folder));
    }
    nima_str facts = nima_fmt(
        ctx,
        "{\n  \"id\": \"" NIMA_FMT "\",\n  \"name\": \"" NIMA_FMT
        "\",\n  \"category\": \"life\",\n  \"version\": \"0.1.0\",\n  \"enabled\": true,\n"
        "  \"facts\": [\n    {\"fact\": \"One short sentence that can be checked.\", \"category\": "
        "\"example\",\n     \"source\": \"Who says so\", \"date\": \"2026\"}\n  ]\n}\n",
        NIMA_ARG(id), NIMA_ARG(id));
    nima_str rules =
        nima_fmt(ctx,
                 "# A word or phrase that is enough by itself to say what a message is about.\n"
                 "topics: [\"" NIMA_FMT "\"]\n# Two of these are as good as a topic.\nhints: []\n"
                 "# Within these phrases neither counts.\nnegative: []\n"
                 "# tone: How to speak of it, in one sentence.\ncautions: []\nask_first: []\n",
                 NIMA_ARG(id));
    NIMA_TRY(nima_dir_make(ctx, folder.ptr));
    NIMA_TRY(nima_file_write(ctx, nima_fmt(ctx, NIMA_FMT "/facts.json", NIMA_ARG(folder)).ptr,
                             facts, 0644));
    NIMA_TRY(nima_file_write(ctx, nima_fmt(ctx, NIMA_FMT "/rules.yaml", NIMA_ARG(folder)).ptr,
                             rules, 0644));
    *folder_out = folder;
    return NIMA_OK;
}
