#pragma once
/*
 * local_int: llama.cpp in this process. What its files share:
 *
 *   local.c         the backend: open, close, what a caller's thread does with a job
 *   local_load.c    model files, loading, what to say when it goes wrong
 *   local_prompt.c  messages to tokens
 *   local_prefix.c  beginnings kept evaluated, also on disk
 *   local_slots.c   which conversation's evaluated tokens are kept where
 *   local_sample.c  logits to the next token
 *   local_pace.c    how many threads it pays to use
 *   local_run.c     the model thread
 *   embed.c         texts to vectors, on the model thread
 *
 * One model thread owns both llama contexts. A caller makes a job, puts it in line and waits; the
 * model thread fills the job's mailbox. The job is the caller's memory: the model thread lets go of
 * it for good when it sets `done`.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "llm/llm_int.h"
#include "llm/local_guard.h"

enum {
    NIMA_LOCAL_SLOTS = 16,       /* conversations whose evaluated tokens are kept */
    NIMA_LOCAL_KEPT_MAX = 4,     /* beginnings among them that are kept evaluated */
    NIMA_LOCAL_ACTIVE_MAX = 4,   /* of those, generating at once in one batch */
    NIMA_LOCAL_BATCH = 256,      /* tokens in one decode step of the chat model */
    NIMA_EMBED_TOKENS_MAX = 256, /* of one text; more is cut off */
    NIMA_EMBED_BATCH = 256,      /* tokens that the embedding model can take in one step */
    NIMA_EMBED_STEP = 96,        /* and does take, of short texts: more is slower, each for all */
    NIMA_EMBED_SEQS = 64,        /* texts in one step */
    NIMA_EMBED_WAITING_MAX = 256,
};

struct nima_local_special {
    nima_str text;
    llama_token id;
};

struct nima_local_job {
    struct nima_local_job *next; /* in line; guarded by the engine's lock */
    bool waiting;                /* guarded by the engine's lock */
    uint64_t arrival;
    uint64_t person, slot_key; /* hashes */
    bool background;
    const atomic_bool *cancelled; /* the caller's; may be NULL */
    int64_t deadline_ms;
    atomic_bool stop; /* the caller wants no more */

    llama_token *tokens;  /* prompt, then reply */
    int count, max, room; /* max: where the reply must end; room: of the array */
    int prompt_count, cached_count;
    struct llama_sampler *chain;   /* NULL: greedy */
    struct llama_sampler *grammar; /* NULL: free text */
    struct nima_local_slot *slot;  /* while active; the model thread's */
    bool keep;                     /* the prompt is a beginning to be kept; nothing is written */
    const unsigned char *state;    /* of it, from disk */
    size_t state_len;
    unsigned char *made; /* of it, for the disk; the caller frees it */
    size_t made_len;
    int in_batch; /* tokens of it in the step under way */
    int output;   /* index of its logits in the step, or -1 */

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    struct nima_llm_stream stream;
    int completion_count;
    bool done;
    enum nima_llm_finish finish;
    nima_rc rc; /* when done */
    char message[256];
};

struct nima_local_slot {
    llama_seq_id seq;
    llama_token *tokens; /* what the KV cache holds for the sequence */
    int count;
    uint64_t key, used; /* used: a counter, for the least recently used */
    struct nima_local_job *job;
    bool kept; /* a beginning that others borrow: the last to be given up */
};

struct nima_embed_job {
    struct nima_embed_job *next; /* guarded by the engine's lock, as `waiting` */
    bool waiting;
    const int32_t *ids;              /* of all texts, one behind the other */
    const int *lengths;              /* of each text */
    size_t count, given, done_count; /* texts: in all, given to the model, with their vectors */
    size_t given_ids;
    const atomic_bool *cancelled;
    float *out;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    bool done;
    nima_rc rc;
    char message[256];
};

struct nima_local_embedder {
    struct llama_model *model;
    struct llama_context *llama;
    const struct llama_vocab *vocab;
    struct nima_wordpiece *wordpiece; /* NULL: the model's own tokenizer */
    struct llama_batch batch;
    int dims, tokens_max;
};

struct nima_local_chat {
    struct llama_model *model;
    struct llama_context *llama;
    const struct llama_vocab *vocab;
    const char *chat_template; /* the model's own, or "chatml" */
    struct nima_local_special *specials;
    size_t special_count;
    int context_tokens; /* of one conversation */
    int vocab_count;
    struct llama_batch batch;
    llama_token_data *candidates; /* vocab_count of them, for sampling */
    struct nima_local_slot slots[NIMA_LOCAL_SLOTS];
};

/* How many threads compute now; see local_pace.c. */
struct nima_local_pace {
    int threads;
    int64_t started_us, started_cpu_us; /* of the step under way */
    int64_t wall_us, cpu_us;            /* since the last decision */
    int64_t changed_us, patience_us;    /* all threads are tried again when this much has passed */
};

struct nima_local {
    char *chat_path, *embed_path; /* NULL: not ours */
    char *cache_dir;              /* NULL: nothing goes to disk */
    int threads, context_wanted, queue_max;
    atomic_bool closing;

    pthread_mutex_t lock;   /* guards what follows */
    pthread_cond_t changed; /* new work, a model loaded, closing */
    struct nima_llm_state state;
    bool chat_ready, embed_ready; /* the model is loaded; its pointers do not change any more */
    struct nima_local_job *line;  /* generations that wait */
    struct nima_embed_job *embed_line;
    int waiting, embed_waiting;
    uint64_t arrivals;
    uint64_t served[256]; /* by a person's hash: when they were served last */

    atomic_bool embed_pending; /* embed_line is not empty, for a glance without the lock */
    pthread_t model_thread, loader_thread;
    bool loader_started;

    /* Written by the loader before chat_ready, then the model thread's. */
    struct nima_local_chat chat;
    struct nima_local_embedder embedder; /* likewise, with embed_ready */

    /* The model thread's own. */
    bool chat_taken; /* chat_ready was seen: the chat's context is this thread's now */
    struct nima_local_job *active[NIMA_LOCAL_ACTIVE_MAX];
    int active_count;
    bool crowded; /* one was put back for want of cells: nobody comes in before one is through */
    uint64_t clock;
    double prompt_tokens_per_ms; /* measured, 0: not yet */
    struct nima_local_pace pace;
    bool in_chat_step, step_abortable;
    int64_t step_started_us, step_embed_us;
};

/* local_load.c */
int nima_local_threads(int wanted); /* wanted, or cores and cgroup quota, whichever is less */
char *nima_local_path(nima_str models_dir, nima_str name);
void nima_local_init_llama(void);
/* Loads and reports in engine->state; false when it failed. */
bool nima_local_load_chat(struct nima_local *engine);
bool nima_local_load_embedder(struct nima_local *engine);
void nima_local_unload(struct nima_local *engine);

/* local_prompt.c: the request as tokens, in ctx->arena. */
NIMA_MUST_USE nima_rc nima_local_prompt(struct nima_ctx *ctx, const struct nima_local_chat *chat,
                                        const struct nima_llm_request *request,
                                        llama_token **tokens_out, int *count_out);
NIMA_MUST_USE nima_rc nima_local_tokenize(struct nima_ctx *ctx, const struct llama_vocab *vocab,
                                          nima_str text, llama_token **tokens_out, int *count_out);
/* All tokens whose text must be recognised in a template. */
void nima_local_find_specials(struct nima_local_chat *chat);
bool nima_local_template_known(const char *chat_template);

/* local_slots.c: the model thread's. */
/* Finds the job a slot and takes over what is evaluated already. False: every slot is in use. */
bool nima_local_slot_take(struct nima_local *engine, struct nima_local_job *job);
void nima_local_slot_release(struct nima_local *engine, struct nima_local_job *job);
/* Empties the idle slot that was used longest ago; false when none holds anything. */
bool nima_local_slot_evict(struct nima_local *engine);
void nima_local_slot_clear(struct nima_local *engine, struct nima_local_slot *slot);

/* local_prefix.c: on the caller's thread, with a job that `run` takes through the line. */
NIMA_MUST_USE nima_rc nima_local_keep(
    struct nima_ctx *ctx, struct nima_local *engine, struct nima_local_job *job,
    nima_rc (*run)(struct nima_ctx *ctx, struct nima_local *engine, struct nima_local_job *job));
/* The model thread's: puts the state from disk into the job's slot, where that has less; false: it
 * must be evaluated. */
bool nima_local_prefix_load(struct nima_local *engine, struct nima_local_job *job);
/* Marks the job's slot as kept and takes its state for the disk. */
void nima_local_prefix_take(struct nima_local *engine, struct nima_local_job *job);

/* local_sample.c */
NIMA_MUST_USE nima_rc nima_local_sampler(struct nima_ctx *ctx, const struct nima_local_chat *chat,
                                         const struct nima_llm_request *request,
                                         struct nima_local_job *job);
void nima_local_sampler_done(struct nima_local_job *job);
/* The next token from the logits of the job's output; false, with the reason in nima_llm_problem,
 * when there is none. */
bool nima_local_sample(struct nima_local_chat *chat, struct nima_local_job *job,
                       llama_token *token_out);

/* local_pace.c: around every step of either model; the model thread's. */
void nima_local_pace_begin(struct nima_local *engine);
void nima_local_pace_end(struct nima_local *engine);

/* local_run.c */
void *nima_local_run(void *engine); /* the model thread */
bool nima_local_on_node(struct ggml_tensor *tensor, bool ask, void *engine);
bool nima_local_on_abort(void *engine);

/* embed.c */
bool nima_embed_fill_vocabulary(struct nima_local_embedder *embedder);
NIMA_MUST_USE nima_rc nima_local_embed(struct nima_ctx *ctx, struct nima_local *engine,
                                       const nima_str *texts, size_t count,
                                       struct nima_vectors *out);
/* One step of the model over the texts in line; the model thread's. */
void nima_embed_step(struct nima_local *engine);
void nima_embed_fail_all(struct nima_local *engine, nima_rc rc, const char *message);
