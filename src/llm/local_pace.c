/*
 * How many threads it pays to use.
 *
 * The threads that compute a step wait for each other hundreds of times a token, spinning. On cores
 * of their own that is fast; where other programs want the same cores, one of them is always off
 * the processor and the others spin for it: measured with eight busy programs on two cores, two
 * threads write 1 token a second where one writes 20. So the model thread looks at how much of its
 * time it was let run, computes with fewer threads while that is little, and tries all of them
 * again later.
 */
#include <time.h>

#include "llm/local_int.h"
#include "util/clock.h"

enum {
    WINDOW_US = 200 * 1000,
    PATIENCE_MIN_US = 2 * 1000 * 1000,
    PATIENCE_MAX_US = 30 * 1000 * 1000,
};
static const double share_low = 0.75, share_high = 0.92;

static int64_t cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void use_threads(struct nima_local *engine, int threads, int64_t now)
{
    engine->pace.threads = threads;
    engine->pace.changed_us = now;
    if (engine->chat.llama != NULL && engine->chat_taken) {
        llama_set_n_threads(engine->chat.llama, threads, threads);
    }
    if (engine->embedder.llama != NULL) {
        llama_set_n_threads(engine->embedder.llama, threads, threads);
    }
}

void nima_local_pace_begin(struct nima_local *engine)
{
    engine->pace.started_us = nima_mono_us();
    engine->pace.started_cpu_us = cpu_us();
}

void nima_local_pace_end(struct nima_local *engine)
{
    struct nima_local_pace *pace = &engine->pace;
    int64_t now = nima_mono_us();
    pace->wall_us += now - pace->started_us;
    pace->cpu_us += cpu_us() - pace->started_cpu_us;
    if (pace->wall_us < WINDOW_US) {
        return;
    }
    double share = (double)pace->cpu_us / (double)pace->wall_us;
    pace->wall_us = pace->cpu_us = 0;
    if (pace->threads == 0) {
        pace->threads = engine->threads;
        pace->patience_us = PATIENCE_MIN_US;
    }
    bool waited = now - pace->changed_us > pace->patience_us;
    if (share < share_low && pace->threads > 1) {
        /* All threads were no good again: the next try is later. */
        pace->patience_us = waited ? PATIENCE_MIN_US : pace->patience_us * 2;
        pace->patience_us =
            pace->patience_us > PATIENCE_MAX_US ? PATIENCE_MAX_US : pace->patience_us;
        int fewer = (int)(pace->threads * share);
        use_threads(engine, fewer > 1 ? fewer : 1, now);
    } else if (share > share_high && pace->threads < engine->threads && waited) {
        use_threads(engine, engine->threads, now);
    }
}
