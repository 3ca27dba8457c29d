#pragma once
/*
 * llm: language models behind one door: generate text, embed texts, count tokens.
 *
 *   chat address         "local:NAME-OR-PATH"           llama.cpp in this process   (local.c)
 *                        "openai:http://host/v1#model"  any OpenAI-compatible server (openai.c)
 *                        "scripted:" or "scripted:FILE" deterministic, for tests    (scripted.c)
 *   embeddings address   "local:all-MiniLM-L6-v2", "openai:…#model", "scripted:", "none:"
 *
 * Lifetime   One per process. _open returns at once; models load on the model thread, and calls
 *            before that are UNAVAILABLE (see nima_llm_state).
 * Ownership  Results live in ctx->arena.
 * Threads    Any worker may call at any time; calls wait in a fair, bounded line for the one model
 *            thread. Embeddings go between two decode steps, so that they never wait for a whole
 * reply. Errors     UNAVAILABLE not loaded or not configured, BUSY line full, CANCELLED, TIMEOUT,
 * MODEL for anything the model or its server did wrong, INVALID for a prompt that cannot fit.
 */
#include "util/ctx.h"

struct nima_llm;

struct nima_llm_options {
    nima_str chat, embeddings; /* addresses, see above */
    nima_str former;           /* of the embedding model used before, see nima_llm_before */
    nima_str models_dir;       /* where NAME.gguf of local:NAME is looked for */
    nima_str api_key;          /* for openai: addresses; absent: none */
    int threads;               /* 0: cores or cgroup quota, whichever is less */
    nima_str cache_dir;        /* evaluated beginnings are kept there; absent: only in memory */
    int context_tokens;        /* 0: 8192, or less where the model was trained on less */
    int queue_max;             /* generations that may wait; 0: 64 */
    int timeout_s;             /* of one remote call without a byte arriving; 0: 60 */
};
/* Fails only for an address that makes no sense; what goes wrong while loading is in the state. */
NIMA_MUST_USE nima_rc nima_llm_open(struct nima_ctx *ctx, const struct nima_llm_options *options,
                                    struct nima_llm **out);
void nima_llm_close(struct nima_llm *llm); /* stops what runs, within one token */

struct nima_llm_state {
    bool chat_loaded, embeddings_loaded;
    bool chat_failed, embeddings_failed;
    char chat_model[128], embedding_model[128]; /* names for people and for stored vectors */
    char problem[512];                          /* why something failed and what to do, or "" */
    int context_tokens;                         /* 0 when not known (remote) */
    int64_t chat_parameters;                    /* weights of the chat model; 0: not known */
    int embedding_dims;                         /* 0 until known */
    int waiting;                                /* generations in line */
};
void nima_llm_state(struct nima_llm *llm, struct nima_llm_state *out);

/* Whether the chat model may be given work that nobody asked for (to learn, to put into other
 * words): AUTO: a remote one, or a local one of a billion weights or more; a smaller one is not
 * trusted with it. None that is not loaded. */
enum nima_llm_use { NIMA_LLM_USE_AUTO, NIMA_LLM_USE_ON, NIMA_LLM_USE_OFF };
bool nima_llm_may(struct nima_llm *llm, enum nima_llm_use use);

/* Waits for a chat model that is still loading; UNAVAILABLE with the problem when it cannot be
 * loaded. Right after the start a person would rather wait a few seconds than be refused. */
NIMA_MUST_USE nima_rc nima_llm_wait(struct nima_ctx *ctx, struct nima_llm *llm);

struct nima_llm_message {
    nima_str role; /* "system" | "user" | "assistant" */
    nima_str content;
};
struct nima_llm_request {
    const struct nima_llm_message *messages; /* rendered with the model's chat template */
    size_t count;
    nima_str raw_prompt; /* instead of messages: evaluated as it is, without a template */
    int max_tokens;      /* 0: until the model ends or the context is full */
    double temperature;  /* 0: greedy */
    int top_k;           /* 0: off */
    double top_p;        /* 0 or 1: off */
    bool has_seed;
    int64_t seed;
    const nima_str *stops; /* generation ends before one of these; at most 8 */
    size_t stop_count;
    nima_str json_schema; /* a JSON Schema's text: the reply fits it; absent: free text.
                             "{}" means any JSON object */
    nima_str slot_key;    /* conversation id: its evaluated prompt is kept for the next turn */
    bool background;      /* served only when nothing interactive waits */
};
/* A piece of the reply, whole UTF-8 characters only, on the caller's thread. Anything but NIMA_OK
 * ends the generation with that result. */
typedef nima_rc (*nima_llm_on_text)(struct nima_ctx *ctx, void *user, nima_str piece);

enum nima_llm_finish { NIMA_FINISH_STOP, NIMA_FINISH_LENGTH, NIMA_FINISH_CANCELLED };
struct nima_llm_reply {
    nima_str text;
    enum nima_llm_finish finish;
    int prompt_tokens; /* of the whole prompt */
    int cached_tokens; /* of those, not evaluated again */
    int completion_tokens;
    int64_t first_token_ms; /* from the call to the first piece; includes waiting in line */
    int64_t total_ms;
};
/* Generates; on_text may be NULL. When ctx is cancelled, or on_text says stop, *out holds what was
 * generated so far with finish CANCELLED, and the result is that of the stop (*out is set then too:
 * the one exception to "a failed call leaves *out as it was"). */
NIMA_MUST_USE nima_rc nima_llm_generate(struct nima_ctx *ctx, struct nima_llm *llm,
                                        const struct nima_llm_request *request,
                                        nima_llm_on_text on_text, void *user,
                                        struct nima_llm_reply *out);
/* Evaluates a beginning that many prompts will share, and keeps it evaluated: a few of them in
 * memory, more on disk for the next start. `name` tells beginnings apart that take each other's
 * place. *evaluated_out (may be NULL): tokens that were not kept before. Remote models keep
 * nothing.
 */
NIMA_MUST_USE nima_rc nima_llm_keep(struct nima_ctx *ctx, struct nima_llm *llm,
                                    const struct nima_llm_message *messages, size_t count,
                                    nima_str name, int *evaluated_out);
/* Tokens of a text in the chat model's own tokenizer; an estimate (bytes / 3.5) for remote ones. */
NIMA_MUST_USE nima_rc nima_llm_count_tokens(struct nima_ctx *ctx, struct nima_llm *llm,
                                            nima_str text, int *out);
/* Tokens of the whole prompt that a request with these messages makes, template included: exactly
 * what its reply tells as prompt_tokens, but for remote ones, where it is an estimate. */
NIMA_MUST_USE nima_rc nima_llm_count_prompt(struct nima_ctx *ctx, struct nima_llm *llm,
                                            const struct nima_llm_message *messages, size_t count,
                                            int *out);

struct nima_vectors {
    float *items; /* count x dims, each of unit length */
    size_t count, dims;
};
/* Meanings of texts, in one batch; too long ones are cut at the model's limit (256 tokens). A text
 * of blanks gives a vector too. */
NIMA_MUST_USE nima_rc nima_llm_embed(struct nima_ctx *ctx, struct nima_llm *llm,
                                     const nima_str *texts, size_t count, struct nima_vectors *out);

/* The embedding model that was used before, by the name that stands with its vectors. */

/* Begins to load it: from options.former when that is given, else local:NAME. False: it cannot be
 * had, now or ever. One at a time; another name takes its place. */
bool nima_llm_before(struct nima_ctx *ctx, struct nima_llm *llm, nima_str name);
/* Its dimensions once it is loaded and they are known, else 0. */
size_t nima_llm_before_dims(struct nima_llm *llm, nima_str name);
NIMA_MUST_USE nima_rc nima_llm_before_embed(struct nima_ctx *ctx, struct nima_llm *llm,
                                            nima_str name, const nima_str *texts, size_t count,
                                            struct nima_vectors *out);
void nima_llm_before_close(struct nima_llm *llm); /* nobody needs it any more */
