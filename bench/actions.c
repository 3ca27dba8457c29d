/*
 * What is found of the requests in tests/data/actions.jsonl by the rules alone, and with the chat
 * model behind them; and what of the talk is taken for a request. Lines of JSON.
 *
 *   bench_actions FILE [MODEL-ADDRESS MODELS-DIR]      NIMA_SHOW=1 shows what went wrong
 */
#include <stdio.h>
#include <stdlib.h>

#include "cases.h"
#include "tasks/support_heard.h"
#include "util/clock.h"

struct score {
    int right, wrong, begun; /* begun: of talk */
};
struct run {
    struct nima_ctx ctx;
    struct nima_llm *llm;
    struct score rules, both;
    int actions, talk, asked;
    int64_t ms;
};

static void count(struct score *score, bool found, bool fits, bool talk)
{
    score->right += !talk && fits;
    score->wrong += !talk && found && !fits;
    score->begun += talk && found;
}

static nima_rc take(struct nima_ctx *ctx, void *user, const struct nima_json *row)
{
    struct run *run = user;
    struct nima_tasks_step steps[NIMA_TASKS_STEPS_MAX];
    enum nima_wondered wondered = NIMA_WONDERED_TALK;
    nima_str text = nima_json_str(nima_json_get(row, "text"));
    bool talk = nima_json_str(nima_json_get(row, "action")).ptr == NULL;
    size_t heard = nima_task_heard(ctx, text, steps);
    count(&run->rules, heard > 0, heard == 1 && heard_is_right(ctx, &steps[0], row), talk);
    if (heard == 0 && run->llm != NULL) {
        int64_t begun = nima_mono_ms();
        NIMA_TRY(nima_task_wonder(ctx, run->llm, text, &steps[0], &wondered));
        int64_t took = nima_mono_ms() - begun;
        run->asked += took > 1;
        run->ms += took;
        heard = wondered == NIMA_WONDERED_ACTION;
    }
    bool fits = heard == 1 && heard_is_right(ctx, &steps[0], row);
    count(&run->both, heard > 0, fits, talk);
    run->talk += talk;
    run->actions += !talk;
    if (getenv("NIMA_SHOW") != NULL && (talk ? heard > 0 : !fits)) {
        fprintf(stderr, NIMA_FMT "\n    -> %s " NIMA_FMT "\n", NIMA_ARG(text),
                heard > 0 ? nima_cstr(ctx, steps[0].action) : "nothing",
                NIMA_ARG(heard > 0 ? steps[0].params : NIMA_STR("")));
    }
    return NIMA_OK;
}

static void print_score(const char *how, const struct run *run, const struct score *score)
{
    printf("{\"bench\":\"actions\",\"how\":\"%s\",\"actions\":%d,\"right\":%d,\"wrong\":%d,"
           "\"talk\":%d,\"begun\":%d}\n",
           how, run->actions, score->right, score->wrong, run->talk, score->begun);
}

static nima_rc run_all(struct run *run, const char *path)
{
    NIMA_TRY(bench_each_case(&run->ctx, path, take, run));
    print_score("rules", run, &run->rules);
    if (run->llm != NULL) {
        print_score("rules and model", run, &run->both);
        printf("{\"bench\":\"actions\",\"asked\":%d,\"ms_per_question\":%.0f}\n", run->asked,
               run->asked > 0 ? (double)run->ms / run->asked : 0);
    }
    return NIMA_OK;
}

int main(int argc, char **argv)
{
    if (argc != 2 && argc != 4) {
        fprintf(stderr, "usage: bench_actions FILE [MODEL-ADDRESS MODELS-DIR]\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    struct run *run = NIMA_XNEW(struct run, 1);
    nima_ctx_init(&run->ctx);
    nima_rc rc = argc == 4 ? bench_model_open(&run->ctx, argv[2], argv[3], &run->llm) : NIMA_OK;
    rc = rc == NIMA_OK ? run_all(run, argv[1]) : rc;
    if (rc != NIMA_OK) {
        fprintf(stderr, "bench_actions: %s\n", run->ctx.error.message);
    }
    nima_llm_close(run->llm);
    nima_ctx_done(&run->ctx);
    free(run);
    return rc == NIMA_OK ? 0 : 1;
}
