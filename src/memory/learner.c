#include "memory/learner.h"

#include <stdlib.h>

#include "memory/memory_int.h"
#include "util/worker.h"

enum { LINE_MAX = 64, TEXT_BYTES_MAX = 8192, READ_MS_MAX = 300000 };

struct job {
    char *text, *conversation_id, *message_id, *cares; /* NULL: absent */
    int64_t said_at_ms;
};

struct nima_learner {
    struct nima_worker *worker;
};

static char *kept(nima_str s)
{
    return s.ptr != NULL ? nima_xstrdup(s) : NULL;
}

static void done(void *user)
{
    struct job *job = user;
    free(job->text);
    free(job->conversation_id);
    free(job->message_id);
    free(job->cares);
    free(job);
}

static nima_rc read_one(struct nima_ctx *ctx, void *user, void *item)
{
    const struct job *job = item;
    struct nima_utterance said = {.text = nima_str_of(job->text),
                                  .conversation_id = nima_str_of(job->conversation_id),
                                  .message_id = nima_str_of(job->message_id),
                                  .cares = nima_str_of(job->cares),
                                  .said_at_ms = job->said_at_ms};
    struct nima_learned_list learned;
    return nima_memory_learn_by_model(ctx, user, &said, &learned);
}

struct nima_learner *nima_memory_learner_new(struct nima_memory *memory)
{
    struct nima_worker_options options = {.name = "a message was not learned from",
                                          .line_max = LINE_MAX,
                                          .job_ms_max = READ_MS_MAX,
                                          .run = read_one,
                                          .done = done,
                                          .user = memory};
    struct nima_learner *learner = NIMA_XNEW(struct nima_learner, 1);
    learner->worker = nima_worker_new(&options);
    return learner;
}

void nima_memory_learner_free(struct nima_learner *learner)
{
    if (learner != NULL) {
        nima_worker_free(learner->worker);
        free(learner);
    }
}

bool nima_memory_learner_push(struct nima_learner *learner, nima_str user_id,
                              const struct nima_utterance *said)
{
    struct job *job = NIMA_XNEW(struct job, 1);
    *job = (struct job){.text = kept(nima_utf8_prefix(said->text, TEXT_BYTES_MAX)),
                        .conversation_id = kept(said->conversation_id),
                        .message_id = kept(said->message_id),
                        .cares = kept(said->cares),
                        .said_at_ms = said->said_at_ms};
    return nima_worker_push(learner->worker, user_id, (nima_str){NULL, 0}, job);
}

void nima_memory_learner_drop(struct nima_learner *learner, nima_str user_id)
{
    nima_worker_drop(learner->worker, user_id);
}

void nima_memory_learner_counts(struct nima_learner *learner, struct nima_learner_counts *out)
{
    struct nima_worker_counts counts;
    nima_worker_count(learner->worker, &counts);
    *out = (struct nima_learner_counts){counts.waiting, counts.done, counts.dropped};
}
