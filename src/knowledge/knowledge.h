#pragma once
/*
 * knowledge: packs: facts on a topic, with sources, that a conversation gets when the topic comes
 * up. docs/packs.md says what a pack looks like.
 *
 * Lifetime   One per process; made after store and llm, freed before them. Packs are read when
 *            first needed, kept, and read again when their files change.
 * Ownership  Results live in ctx->arena.
 * Threads    Any worker may call at any time; _tick is for one thread.
 * Scope      What is on and off is ctx->user_id's. Packs themselves are everybody's.
 * Errors     NOT_FOUND, INVALID; STORE and MODEL come through from below. A pack that is broken is
 *            left out and told of in nima_knowledge_state: it fails nobody's call.
 *
 * Text of a pack is data: it was written by whoever made the pack, and what it says is shown to the
 * model as reference, with line breaks taken out, never as an instruction.
 */
#include "util/ctx.h"

struct nima_knowledge;
struct nima_llm;
struct nima_store;

enum {
    NIMA_PACK_ID_CHARS_MAX = 64,
    NIMA_PACK_FACTS_MAX = 50000,
    NIMA_PACK_FACT_CHARS_MAX = 1000,
    NIMA_PACK_WANTED_MAX = 32, /* packs a request may name */
    NIMA_PACK_CUED_MAX = 8,    /* messages of a conversation that detection looks at */
};

struct nima_knowledge_options {
    struct nima_store *store; /* may be NULL: nobody's switches are known */
    struct nima_llm *llm;     /* may be NULL: by words alone */
    nima_str shipped, own;    /* folders of packs; absent, or not there: none */
    nima_str cache;    /* where vectors of packs without their own are kept; absent: nowhere */
    int facts_limit;   /* facts a turn may get; 0: 3 */
    int budget_tokens; /* about so many for them; 0: 160 */
    double weight;     /* of their scores, 0..1; 0: 1 */
};
struct nima_knowledge *nima_knowledge_new(const struct nima_knowledge_options *options);
void nima_knowledge_free(struct nima_knowledge *knowledge);
/* Notices new, changed and removed packs, and makes vectors that are missing, some at a time. */
void nima_knowledge_tick(struct nima_ctx *ctx, struct nima_knowledge *knowledge);
/* Makes all missing vectors now. */
NIMA_MUST_USE nima_rc nima_knowledge_build(struct nima_ctx *ctx, struct nima_knowledge *knowledge);

struct nima_pack_texts {
    nima_str *items;
    size_t count;
};
struct nima_pack_fact {
    nima_str id, fact, category;
    nima_str source, date, jurisdiction, caution; /* absent: not told */
    struct nima_pack_texts keys;                  /* words that call for this fact */
};
struct nima_pack_rules {
    struct nima_pack_texts topics;   /* any of them calls for the pack */
    struct nima_pack_texts hints;    /* two of them do */
    struct nima_pack_texts negative; /* in these the words above do not count */
    nima_str tone;                   /* how to speak of it */
    struct nima_pack_texts cautions, ask_first;
};
struct nima_pack_info {
    nima_str id, name, category, version, description, language;
    bool enabled, shipped;
    int64_t fact_count;
    nima_str embeddings; /* the model that made the vectors; absent: none yet */
    bool active;         /* for this person, and the conversation that was asked about */
    nima_str activation; /* "manual" | "auto"; absent: nobody decided, and it is not active */
    bool here;           /* a manual decision is of this conversation alone */
    struct nima_pack_texts versions; /* all there are, highest first */
    struct nima_pack_rules rules;
    struct {
        struct nima_pack_fact *items;
        size_t count;
    } facts; /* of nima_knowledge_get alone */
};
struct nima_pack_infos {
    struct nima_pack_info *items; /* by id */
    size_t count;
};
/* Each id once, in the version that this person gets. `conversation_id` may be absent. */
NIMA_MUST_USE nima_rc nima_knowledge_list(struct nima_ctx *ctx, struct nima_knowledge *knowledge,
                                          nima_str conversation_id, struct nima_pack_infos *out);
/* One with its facts; `wanted` is "travel" or "travel@1.0.0". */
NIMA_MUST_USE nima_rc nima_knowledge_get(struct nima_ctx *ctx, struct nima_knowledge *knowledge,
                                         nima_str wanted, nima_str conversation_id,
                                         struct nima_pack_info *out);
/* How many packs there are, as of the last look, and what is wrong with those left out:
 * "packs/x/facts.json: facts[3].fact must …". Waits for nobody. */
struct nima_pack_state {
    int64_t count;
    struct nima_pack_texts problems;
};
void nima_knowledge_state(struct nima_ctx *ctx, struct nima_knowledge *knowledge,
                          struct nima_pack_state *out);

/* Folders of all packs, broken ones too; and that of "id" or "id@version" (NOT_FOUND: none). */
NIMA_MUST_USE nima_rc nima_knowledge_folders(struct nima_ctx *ctx, struct nima_knowledge *knowledge,
                                             struct nima_pack_texts *out);
NIMA_MUST_USE nima_rc nima_knowledge_folder(struct nima_ctx *ctx, struct nima_knowledge *knowledge,
                                            nima_str wanted, nima_str *out);

enum nima_pack_mode { NIMA_PACK_ON, NIMA_PACK_OFF, NIMA_PACK_AUTO };
/* Kept across restarts. An absent conversation means all of this person's. */
NIMA_MUST_USE nima_rc nima_knowledge_switch(struct nima_ctx *ctx, struct nima_knowledge *knowledge,
                                            nima_str wanted, nima_str conversation_id,
                                            enum nima_pack_mode mode);

struct nima_pack_cue {
    nima_str pack, name;
    double score;                                    /* 0..1; 0.5 and more is the topic */
    struct nima_pack_texts topics, hints, negatives; /* what was found in the text */
    nima_str nearest;                                /* the fact nearest in meaning, or absent */
    double nearness;                                 /* its cosine */
    bool active;                                     /* with what came before in the conversation */
};
struct nima_pack_cues {
    struct nima_pack_cue *items; /* best first; packs with nothing in common with it left out */
    size_t count;
};
/* What the last of `texts` is about. Those before it, oldest first, are what the person said
 * earlier: a topic lasts some messages. */
NIMA_MUST_USE nima_rc nima_knowledge_detect(struct nima_ctx *ctx, struct nima_knowledge *knowledge,
                                            const nima_str *texts, size_t count,
                                            struct nima_pack_cues *out);

/* "Use the travel pack", "stop using the travel pack in this conversation". */
struct nima_pack_wish {
    nima_str pack, name; /* pack absent: the message switches nothing */
    enum nima_pack_mode mode;
    bool here; /* for this conversation alone */
    bool only; /* the message says nothing else */
};
NIMA_MUST_USE nima_rc nima_knowledge_wish(struct nima_ctx *ctx, struct nima_knowledge *knowledge,
                                          nima_str text, struct nima_pack_wish *out);

struct nima_pack_ask {
    const nima_str *texts; /* what the person said, oldest first; the last is this turn's */
    size_t count;
    nima_str conversation_id; /* may be absent */
    const nima_str *wanted;   /* packs that the request names: those and no others */
    size_t wanted_count;
};
struct nima_pack_hit {
    nima_str pack, name, fact_id, fact, source, caution;
    double score;
};
struct nima_pack_guide { /* one line of a pack's rules, for the prompt */
    nima_str pack, text;
};
struct nima_pack_turn {
    struct nima_pack_texts packs; /* ids of active packs */
    struct {
        struct nima_pack_hit *items; /* best first */
        size_t count;
    } facts;
    struct {
        struct nima_pack_guide *items;
        size_t count;
    } guides;
};
/* What a turn gets: which packs are on, and of their facts those that bear on the message. */
NIMA_MUST_USE nima_rc nima_knowledge_turn(struct nima_ctx *ctx, struct nima_knowledge *knowledge,
                                          const struct nima_pack_ask *ask,
                                          struct nima_pack_turn *out);

/* Files: used by `nima packs`. A folder below `packs` is one pack. */
struct nima_pack_summary {
    nima_str id, name, version;
    int64_t fact_count;
    struct nima_pack_texts remarks; /* what is no error but could be better */
};
/* Reads all of it; INVALID naming file and path. */
NIMA_MUST_USE nima_rc nima_pack_check(struct nima_ctx *ctx, nima_str folder,
                                      struct nima_pack_summary *out);
/* Writes embeddings.npy and embeddings.json into the folder. */
NIMA_MUST_USE nima_rc nima_pack_build(struct nima_ctx *ctx, struct nima_llm *llm, nima_str folder,
                                      struct nima_pack_summary *out);
/* A pack to begin with. CONFLICT when the folder is there. */
NIMA_MUST_USE nima_rc nima_pack_new(struct nima_ctx *ctx, nima_str packs, nima_str id,
                                    nima_str *folder_out);
/* The pack as one JSON text with its checksum. */
NIMA_MUST_USE nima_rc nima_pack_export(struct nima_ctx *ctx, nima_str folder, nima_str *out);
/* Verifies, then puts it into place by rename; what was there goes to packs/.old. */
NIMA_MUST_USE nima_rc nima_pack_install(struct nima_ctx *ctx, nima_str packs, nima_str bundle,
                                        struct nima_pack_summary *out, nima_str *folder_out);
/* A SillyTavern lorebook (its JSON text), or a folder of Markdown files, as a pack. */
NIMA_MUST_USE nima_rc nima_pack_import_lorebook(struct nima_ctx *ctx, nima_str packs, nima_str id,
                                                nima_str text, struct nima_pack_summary *out,
                                                nima_str *folder_out);
NIMA_MUST_USE nima_rc nima_pack_import_markdown(struct nima_ctx *ctx, nima_str packs, nima_str id,
                                                nima_str folder, struct nima_pack_summary *out,
                                                nima_str *folder_out);
