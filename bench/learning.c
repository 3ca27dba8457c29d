/*
 * What is learned from tests/data/learning.jsonl, by the rules alone and with the chat model behind
 * them: precision, recall and secrets for each half and kind, a line of JSON each.
 *
 *   bench_learning FILE [MODEL-ADDRESS MODELS-DIR]      NIMA_SHOW=dev|test shows what went wrong
 *   NIMA_KIND=free       only kinds that begin so      NIMA_HALF=test   only that half
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "memory/learn_model.h"
#include "memory/support_learning.h"
#include "util/clock.h"

enum { GROUPS_MAX = 64 };

struct group {
    nima_str half, kind;
    struct learning_score rules, both;
};

struct run {
    struct nima_ctx ctx;
    struct nima_memory memory; /* only what asking the model needs */
    struct group groups[GROUPS_MAX];
    size_t count;
    int asked;
    int64_t ms;
};

static struct group *group_of(struct run *run, nima_str half, nima_str kind)
{
    for (size_t i = 0; i < run->count; i++) {
        if (nima_str_eq(run->groups[i].half, half) && nima_str_eq(run->groups[i].kind, kind)) {
            return &run->groups[i];
        }
    }
    nima_assert(run->count < GROUPS_MAX);
    run->groups[run->count] = (struct group){.half = half, .kind = kind};
    return &run->groups[run->count++];
}

static nima_rc take(struct nima_ctx *ctx, void *user, const struct nima_json *line)
{
    struct run *run = user;
    nima_str half = nima_json_str(nima_json_get(line, "half"));
    nima_str kind = nima_json_str(nima_json_get(line, "kind"));
    nima_str text = nima_json_str(nima_json_get(line, "text"));
    const char *only = getenv("NIMA_KIND");
    const char *part = getenv("NIMA_HALF");
    const char *loud = getenv("NIMA_SHOW");
    if (nima_str_starts(text, NIMA_STR("/")) ||
        (part != NULL && !nima_str_eq(half, nima_str_of(part))) ||
        (only != NULL && !nima_str_starts(kind, nima_str_of(only)))) {
        return NIMA_OK;
    }
    struct group *group = group_of(run, half, kind);
    struct nima_candidates *got = NIMA_NEW(ctx->arena, struct nima_candidates, 1);
    nima_str left;
    NIMA_TRY(nima_memory_extract_left(ctx, text, got, &left));
    learning_compare(line, got, &group->rules, false);
    if (left.len > 0 && run->memory.llm != NULL) {
        int64_t begun = nima_mono_ms();
        NIMA_TRY(nima_memory_ask_model(ctx, &run->memory, left, (nima_str){NULL, 0}, got));
        run->ms += nima_mono_ms() - begun;
    }
    run->asked += left.len > 0;
    learning_compare(line, got, &group->both, loud != NULL && nima_str_eq(half, nima_str_of(loud)));
    return NIMA_OK;
}

static void print_score(const char *how, nima_str half, nima_str kind,
                        const struct learning_score *s)
{
    printf("{\"bench\":\"learning\",\"how\":\"%s\",\"half\":\"" NIMA_FMT "\",\"kind\":\"" NIMA_FMT
           "\",\"utterances\":%d,\"expected\":%d,\"found\":%d,\"right\":%d,\"precision\":%.3f,"
           "\"recall\":%.3f,\"secrets\":%d}\n",
           how, NIMA_ARG(half), NIMA_ARG(kind), s->lines, s->expected, s->found, s->right,
           learning_precision(s), learning_recall(s), s->secrets_kept);
}

static void print_half(const struct run *run, nima_str half)
{
    struct learning_score rules = {0};
    struct learning_score both = {0};
    for (size_t i = 0; i < run->count; i++) {
        const struct group *group = &run->groups[i];
        if (nima_str_eq(group->half, half)) {
            print_score("rules", half, group->kind, &group->rules);
            print_score("rules and model", half, group->kind, &group->both);
            learning_add(&rules, &group->rules);
            learning_add(&both, &group->both);
        }
    }
    print_score("rules", half, NIMA_STR("all"), &rules);
    print_score("rules and model", half, NIMA_STR("all"), &both);
}

static nima_rc run_all(struct run *run, const char *path)
{
    NIMA_TRY(bench_each_case(&run->ctx, path, take, run));
    print_half(run, NIMA_STR("dev"));
    print_half(run, NIMA_STR("test"));
    printf("{\"bench\":\"learning\",\"asked\":%d,\"ms_per_question\":%.0f}\n", run->asked,
           run->asked > 0 ? (double)run->ms / run->asked : 0);
    return NIMA_OK;
}

int main(int argc, char **argv)
{
    if (argc != 2 && argc != 4) {
        fprintf(stderr, "usage: bench_learning FILE [MODEL-ADDRESS MODELS-DIR]\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    struct run *run = NIMA_XNEW(struct run, 1);
    nima_ctx_init(&run->ctx);
    run->memory.options.learn_model = NIMA_LLM_USE_ON;
    nima_rc rc =
        argc == 4 ? bench_model_open(&run->ctx, argv[2], argv[3], &run->memory.llm) : NIMA_OK;
    rc = rc == NIMA_OK ? run_all(run, argv[1]) : rc;
    if (rc != NIMA_OK) {
        fprintf(stderr, "bench_learning: %s\n", run->ctx.error.message);
    }
    nima_llm_close(run->memory.llm);
    nima_ctx_done(&run->ctx);
    free(run);
    return rc == NIMA_OK ? 0 : 1;
}
