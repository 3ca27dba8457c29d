/* nima packs: what packs there are, and making, checking and sharing them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "app/app.h"
#include "app/files.h"
#include "knowledge/knowledge.h"
#include "llm/llm.h"
#include "util/file.h"
#include "util/json.h"

enum { ARGS_MAX = 64, LOAD_MS_MAX = 60000, POLL_MS = 20 };
#define BUNDLE_BYTES_MAX ((size_t)128 << 20)

struct job {
    struct nima_ctx *ctx;
    struct nima_config config;
    struct nima_pack_folders folders;
    struct nima_knowledge *knowledge;
    struct nima_llm *llm;
    char **words; /* what follows the verb, flags taken out */
    int count;
    nima_str id;
};

static void print_remarks(const struct nima_pack_summary *pack)
{
    for (size_t i = 0; i < pack->remarks.count; i++) {
        printf("      " NIMA_FMT "\n", NIMA_ARG(pack->remarks.items[i]));
    }
}

static nima_rc list(struct job *job)
{
    struct nima_pack_infos packs;
    struct nima_pack_state state;
    NIMA_TRY(nima_knowledge_list(job->ctx, job->knowledge, (nima_str){NULL, 0}, &packs));
    nima_knowledge_state(job->ctx, job->knowledge, &state);
    for (size_t i = 0; i < packs.count; i++) {
        const struct nima_pack_info *p = &packs.items[i];
        printf("%-16.*s %-10.*s %5lld facts  " NIMA_FMT "%s\n", NIMA_ARG(p->id),
               NIMA_ARG(p->version), (long long)p->fact_count, NIMA_ARG(p->name),
               p->shipped ? "" : " (own)");
    }
    for (size_t i = 0; i < state.problems.count; i++) {
        fprintf(stderr, "nima: left out: " NIMA_FMT "\n", NIMA_ARG(state.problems.items[i]));
    }
    if (packs.count == 0 && state.problems.count == 0) {
        printf("no packs; make one with: nima packs new ID\n");
    }
    return NIMA_OK;
}

/* A folder as it was given, or that of the pack with this id. */
static nima_rc folder_of(struct job *job, const char *word, nima_str *out)
{
    struct stat info;
    bool path = strchr(word, '/') != NULL || word[0] == '.';
    if (path && stat(word, &info) == 0 && S_ISDIR(info.st_mode)) {
        *out = nima_str_of(word);
        return NIMA_OK;
    }
    return nima_knowledge_folder(job->ctx, job->knowledge, nima_str_of(word), out);
}

static nima_rc folders_of(struct job *job, struct nima_pack_texts *out)
{
    if (job->count == 0) {
        return nima_knowledge_folders(job->ctx, job->knowledge, out);
    }
    *out = (struct nima_pack_texts){NIMA_NEW(job->ctx->arena, nima_str, (size_t)job->count), 0};
    for (int i = 0; i < job->count; i++) {
        NIMA_TRY(folder_of(job, job->words[i], &out->items[out->count]));
        out->count++;
    }
    return NIMA_OK;
}

/* What keeps the pack in that folder from being served, though nothing is wrong with it. */
static nima_str hindrance(struct job *job, nima_str folder)
{
    struct nima_pack_state state;
    nima_str start = nima_fmt(job->ctx, NIMA_FMT ": ", NIMA_ARG(folder));
    nima_knowledge_state(job->ctx, job->knowledge, &state);
    for (size_t i = 0; i < state.problems.count; i++) {
        if (nima_str_starts(state.problems.items[i], start)) {
            return nima_str_sub(state.problems.items[i], start.len, SIZE_MAX);
        }
    }
    return (nima_str){NULL, 0};
}

static nima_rc check(struct job *job)
{
    struct nima_pack_texts folders;
    int failed = 0;
    NIMA_TRY(folders_of(job, &folders));
    for (size_t i = 0; i < folders.count; i++) {
        struct nima_pack_summary pack;
        if (nima_pack_check(job->ctx, folders.items[i], &pack) != NIMA_OK) {
            printf("FAIL  %s\n", job->ctx->error.message);
            failed++;
            continue;
        }
        printf("ok    " NIMA_FMT ": " NIMA_FMT " " NIMA_FMT ", %lld facts\n",
               NIMA_ARG(folders.items[i]), NIMA_ARG(pack.id), NIMA_ARG(pack.version),
               (long long)pack.fact_count);
        print_remarks(&pack);
        nima_str why = hindrance(job, folders.items[i]);
        if (why.len > 0) {
            printf("      not served: " NIMA_FMT "\n", NIMA_ARG(why));
        }
    }
    return failed == 0 ? NIMA_OK
                       : nima_fail(job->ctx, NIMA_E_CONFLICT, "%d of %zu packs cannot be used",
                                   failed, folders.count);
}

static nima_rc open_llm(struct job *job)
{
    const struct nima_config *c = &job->config;
    struct nima_llm_options options = {.chat = NIMA_STR("scripted:"), /* none is needed */
                                       .embeddings = c->llm.embeddings,
                                       .models_dir = c->llm.models_dir,
                                       .api_key = c->llm.api_key,
                                       .threads = (int)c->llm.threads};
    struct nima_llm_state state = {0};
    NIMA_TRY(nima_llm_open(job->ctx, &options, &job->llm));
    for (int ms = 0; ms < LOAD_MS_MAX; ms += POLL_MS) {
        nima_llm_state(job->llm, &state);
        if (state.embeddings_loaded || state.embeddings_failed) {
            break;
        }
        nanosleep(&(struct timespec){.tv_nsec = POLL_MS * 1000000L}, NULL);
    }
    return NIMA_OK;
}

static nima_rc build(struct job *job)
{
    struct nima_pack_texts folders;
    NIMA_TRY(folders_of(job, &folders));
    NIMA_TRY(open_llm(job));
    for (size_t i = 0; i < folders.count; i++) {
        struct nima_pack_summary pack;
        NIMA_TRY(nima_pack_build(job->ctx, job->llm, folders.items[i], &pack));
        printf("built " NIMA_FMT "/embeddings.npy: %lld facts\n", NIMA_ARG(folders.items[i]),
               (long long)pack.fact_count);
    }
    return NIMA_OK;
}

static nima_rc new_one(struct job *job)
{
    nima_str folder;
    if (nima_knowledge_folder(job->ctx, job->knowledge, nima_str_of(job->words[0]), &folder) ==
        NIMA_OK) {
        return nima_fail(job->ctx, NIMA_E_CONFLICT,
                         "there is a pack %s already, in " NIMA_FMT
                         "; for another version of it copy that folder and raise \"version\"",
                         job->words[0], NIMA_ARG(folder));
    }
    NIMA_TRY(nima_pack_new(job->ctx, job->folders.own, nima_str_of(job->words[0]), &folder));
    printf(NIMA_FMT ": write your facts into facts.json and its topics into rules.yaml, then: "
                    "nima packs check %s\n",
           NIMA_ARG(folder), job->words[0]);
    return NIMA_OK;
}

static nima_rc export_one(struct job *job)
{
    nima_str folder, bundle;
    NIMA_TRY(folder_of(job, job->words[0], &folder));
    NIMA_TRY(nima_pack_export(job->ctx, folder, &bundle));
    if (fwrite(bundle.ptr, 1, bundle.len, stdout) != bundle.len || fflush(stdout) != 0) {
        return nima_fail(job->ctx, NIMA_E_STORE, "writing failed: %s", strerror(errno));
    }
    return NIMA_OK;
}

static nima_rc tell_installed(struct job *job, const struct nima_pack_summary *pack,
                              nima_str folder)
{
    struct nima_pack_texts folders;
    printf(NIMA_FMT " " NIMA_FMT ", %lld facts, is in " NIMA_FMT "\n", NIMA_ARG(pack->id),
           NIMA_ARG(pack->version), (long long)pack->fact_count, NIMA_ARG(folder));
    NIMA_TRY(nima_knowledge_folders(job->ctx, job->knowledge, &folders)); /* a look at it */
    nima_str why = hindrance(job, folder);
    if (why.len > 0) {
        fprintf(stderr, "nima: it is not served: " NIMA_FMT "\n", NIMA_ARG(why));
    }
    return NIMA_OK;
}

static nima_rc install(struct job *job)
{
    nima_str bundle, folder;
    struct nima_pack_summary pack;
    NIMA_TRY(nima_file_read(job->ctx, job->words[0], BUNDLE_BYTES_MAX, &bundle));
    NIMA_TRY(nima_dir_make(job->ctx, nima_cstr(job->ctx, job->folders.own)));
    NIMA_TRY(nima_pack_install(job->ctx, job->folders.own, bundle, &pack, &folder));
    return tell_installed(job, &pack, folder);
}

static nima_rc import(struct job *job)
{
    struct stat info;
    struct nima_pack_summary pack;
    nima_str text, folder, path = nima_str_of(job->words[0]);
    NIMA_TRY(nima_dir_make(job->ctx, nima_cstr(job->ctx, job->folders.own)));
    if (stat(path.ptr, &info) == 0 && S_ISDIR(info.st_mode)) {
        NIMA_TRY(
            nima_pack_import_markdown(job->ctx, job->folders.own, job->id, path, &pack, &folder));
    } else {
        NIMA_TRY(nima_file_read(job->ctx, path.ptr, BUNDLE_BYTES_MAX, &text));
        NIMA_TRY(
            nima_pack_import_lorebook(job->ctx, job->folders.own, job->id, text, &pack, &folder));
    }
    print_remarks(&pack);
    return tell_installed(job, &pack, folder);
}

static const struct {
    const char *name;
    nima_rc (*run)(struct job *job);
    int least, most; /* words behind it */
    bool needs_id;
} verbs[] = {
    {"list", list, 0, 0, false},          {"check", check, 0, ARGS_MAX, false},
    {"build", build, 0, ARGS_MAX, false}, {"new", new_one, 1, 1, false},
    {"export", export_one, 1, 1, false},  {"install", install, 1, 1, false},
    {"import", import, 1, 1, true},
};

/* Plain words and flags of serve may be mixed: a flag takes the word behind it. */
static bool split(int argc, char **argv, struct job *job, char **flags, int *flag_count)
{
    for (int i = 1; i < argc; i++) {
        bool flag = strncmp(argv[i], "--", 2) == 0;
        int take = flag && strchr(argv[i], '=') == NULL && i + 1 < argc ? 2 : 1;
        if (*flag_count + 2 > ARGS_MAX || job->count >= ARGS_MAX) {
            return false;
        }
        for (int w = 0; flag && w < take; w++) {
            flags[(*flag_count)++] = argv[i + w];
        }
        if (!flag) {
            job->words[job->count++] = argv[i];
        }
        i += take - 1;
    }
    return true;
}

static int run(struct job *job, size_t verb, int flag_count, char **flags)
{
    int code = nima_command_config(job->ctx, flag_count, flags, &job->config);
    if (code != NIMA_EXIT_DONE) {
        return code;
    }
    job->folders = nima_app_packs(job->ctx, &job->config);
    struct nima_knowledge_options options = {.shipped = job->folders.shipped,
                                             .own = job->folders.own};
    job->knowledge = nima_knowledge_new(&options);
    nima_rc rc = verbs[verb].run(job);
    nima_knowledge_free(job->knowledge);
    nima_llm_close(job->llm);
    if (rc != NIMA_OK) { /* what is wrong with a pack is no wrong usage */
        nima_command_fail(job->ctx, rc);
    }
    return rc == NIMA_OK ? NIMA_EXIT_DONE : NIMA_EXIT_FAILED;
}

int nima_cmd_packs(int argc, char **argv)
{
    struct nima_ctx ctx;
    char *words[ARGS_MAX], *flags[ARGS_MAX];
    int flag_count = 0;
    size_t verb = 0;
    struct job job = {.ctx = &ctx, .words = words};
    bool id = nima_command_flag(&argc, argv, "--id", &job.id);
    const size_t verb_count = sizeof(verbs) / sizeof(verbs[0]);
    while (argc > 0 && verb < verb_count && strcmp(argv[0], verbs[verb].name) != 0) {
        verb++;
    }
    if (argc == 0 || verb == verb_count || !split(argc, argv, &job, flags, &flag_count) ||
        job.count < verbs[verb].least || job.count > verbs[verb].most ||
        id != verbs[verb].needs_id) {
        return nima_command_usage("packs");
    }
    nima_ctx_init(&ctx);
    int code = run(&job, verb, flag_count, flags);
    nima_ctx_done(&ctx);
    return code;
}
