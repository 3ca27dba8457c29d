#pragma once
/*
 * Private to src/knowledge. A pack is read once and never changes; when its files do, another takes
 * its place in the next shelf. Readers hold the shelf they began with.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "knowledge/knowledge.h"
#include "search/bm25.h"
#include "search/rows.h"
#include "util/buf.h"

enum {
    NIMA_PACK_FILE_BYTES_MAX = 32 << 20,
    NIMA_PACK_PHRASE_TERMS_MAX = 8,
    NIMA_PACK_FILES = 5,
};
extern const char *const nima_pack_files[NIMA_PACK_FILES]; /* the last is embeddings.npy */

/* version.c: semantic versioning 2.0.0. */
struct nima_version {
    uint64_t major, minor, patch;
    nima_str pre; /* "rc.1"; empty: a release */
};
bool nima_version_read(nima_str text, struct nima_version *out);
int nima_version_compare(const struct nima_version *a, const struct nima_version *b);

/* A topic, hint or negative phrase as its stems. */
enum nima_phrase_kind { NIMA_PHRASE_TOPIC, NIMA_PHRASE_HINT, NIMA_PHRASE_NEGATIVE };
struct nima_pack_phrase {
    uint64_t terms[NIMA_PACK_PHRASE_TERMS_MAX];
    uint8_t count;
    enum nima_phrase_kind kind;
    nima_str text;
};

/* Made once, then read by all; set when the embedding model has been asked. */
struct nima_pack_vectors {
    struct nima_rows rows;
    char model[128];
};

/* Vectors that are being made, some at a time. */
struct nima_pack_making {
    struct nima_pack_vectors *made;
    struct nima_buf floats;
    size_t at; /* facts done */
};

struct nima_pack {
    atomic_int users;
    struct nima_ctx keep; /* its arena holds all texts */
    nima_str id, name, category, version, description, language;
    bool enabled, shipped;
    struct nima_version number;
    struct nima_pack_fact *facts;
    size_t count;
    struct nima_pack_rules rules;
    struct nima_pack_phrase *phrases; /* by first term, the longer first */
    size_t phrase_count;
    struct nima_bm25 words; /* of the facts */
    char hash[65];          /* of all that is embedded */
    _Atomic(struct nima_pack_vectors *) vectors;
    struct nima_pack_making *making; /* the tick's */
    bool given_up;                   /* the tick's: they could not be made */
};

/* pack.c: a folder to a pack. `shown` is the folder for messages. The folder's files must be plain
 * files: no links, no pipes. */
NIMA_MUST_USE nima_rc nima_pack_read(struct nima_ctx *ctx, int folder_fd, nima_str shown,
                                     struct nima_pack **out);
void nima_pack_hold(struct nima_pack *pack);
void nima_pack_release(struct nima_pack *pack);
NIMA_MUST_USE nima_rc nima_pack_open_folder(struct nima_ctx *ctx, nima_str folder, int *fd_out);
/* NOT_FOUND when it is not there. */
NIMA_MUST_USE nima_rc nima_pack_open_file(struct nima_ctx *ctx, int folder_fd, nima_str shown,
                                          const char *name, int *fd_out, size_t *bytes_out);
/* The whole of it. */
NIMA_MUST_USE nima_rc nima_pack_read_file(struct nima_ctx *ctx, int folder_fd, nima_str shown,
                                          const char *name, nima_str *out);
bool nima_pack_id_valid(nima_str id);

/* rules.c: rules.yaml, and the phrases of all rules. */
NIMA_MUST_USE nima_rc nima_pack_rules_read(struct nima_ctx *ctx, const char *name, nima_str text,
                                           struct nima_pack_rules *rules);
NIMA_MUST_USE nima_rc nima_pack_rules_compile(struct nima_ctx *ctx, nima_str shown,
                                              struct nima_words *words, struct nima_pack *pack);

/* vectors.c: embeddings.npy with embeddings.json, which says what they were made of. */
/* Takes them from the pack's folder, or from the cache; false: they are to be made. */
bool nima_pack_vectors_load(int folder_fd, nima_str cache, struct nima_llm *llm,
                            struct nima_pack *pack);
/* Makes and publishes them; with a name (may be absent) NAME.npy and NAME.json are written too.
 * What is not done until that time (on nima_mono_ms) is gone on with by the next call. */
NIMA_MUST_USE nima_rc nima_pack_vectors_make(struct nima_ctx *ctx, struct nima_llm *llm,
                                             struct nima_pack *pack, nima_str name,
                                             int64_t until_ms);
void nima_pack_making_free(struct nima_pack_making *making);
void nima_pack_vectors_free(struct nima_pack_vectors *vectors);
nima_str nima_pack_vectors_name(struct nima_ctx *ctx, nima_str cache, const struct nima_pack *pack);

/* shelf.c: what is in the folders, as of one moment. */
struct nima_pack_stamp {
    int64_t size, mtime_ns;
    uint64_t inode;
};
struct nima_shelf_entry {
    bool shipped;
    nima_str folder; /* its name below the packs' folder */
    struct nima_pack_stamp stamps[NIMA_PACK_FILES];
    struct nima_pack *pack; /* NULL: it could not be read */
    nima_str problem;       /* why, or why it is not served; absent: well */
};
struct nima_shelf {
    atomic_int users;
    struct nima_ctx keep;
    struct nima_shelf_entry *entries;
    size_t count;
    bool more_own, more_shipped; /* folders than are looked at */
    struct nima_pack **packs;    /* those served: by id, then highest version first */
    size_t pack_count;
    nima_str *problems;
    size_t problem_count;
};
struct nima_knowledge {
    struct nima_store *store;
    struct nima_llm *llm;
    char *shipped, *own, *cache; /* NULL: none */
    int facts_limit, budget_tokens;
    double weight;
    pthread_mutex_t lock;     /* guards shelf and looked_ms */
    struct nima_shelf *shelf; /* NULL: nobody looked yet */
    int64_t looked_ms;
    pthread_mutex_t looking; /* one looks at the folders at a time */
};
/* The shelf as it is now; give it back with nima_shelf_release. With `now` the folders are looked
 * at, else only when the last look is some time ago. */
struct nima_shelf *nima_shelf_take(struct nima_knowledge *k, bool now);
/* That of the last look, to be given back too; NULL: nobody looked yet. */
struct nima_shelf *nima_shelf_last(struct nima_knowledge *k);
void nima_shelf_release(struct nima_shelf *shelf);
/* The served version of "id" or that of "id@version"; NULL: none. */
struct nima_pack *nima_shelf_find(const struct nima_shelf *shelf, nima_str wanted);
/* The i-th distinct id in its served version; NULL after the last. */
struct nima_pack *nima_shelf_served(const struct nima_shelf *shelf, size_t *at);

/* detect.c */
enum { NIMA_PACK_FOUND_MAX = 16 };
struct nima_pack_match {
    double weight; /* topics 1, hints a half each */
    const struct nima_pack_phrase *found[NIMA_PACK_FOUND_MAX];
    size_t count;
};
void nima_pack_match(const struct nima_pack *pack, struct nima_terms terms,
                     struct nima_pack_match *out);
/* A message as it is compared: its vector, NULL without an embedding model. */
struct nima_pack_probe {
    nima_str text, model;
    const float *vector;
    size_t dims;
};
/* Without a model, and while one is loading, words alone have to do. */
NIMA_MUST_USE nima_rc nima_knowledge_probe(struct nima_ctx *ctx, struct nima_knowledge *k,
                                           nima_str text, struct nima_pack_probe *out);
/* The pack's vectors, when they are of the probe's model; else NULL. */
const struct nima_rows *nima_pack_rows(struct nima_pack *pack, const struct nima_pack_probe *probe);
/* One for each pack that is served, in the shelf's order. */
struct nima_pack_level {
    struct nima_pack *pack;
    struct nima_pack_match match; /* of the last text */
    double level;                 /* of the last text: 1 is the topic */
    float nearness;
    size_t nearest; /* SIZE_MAX: no vectors */
    bool on;        /* with what came before */
};
struct nima_pack_levels {
    struct nima_pack_level *items;
    size_t count;
};
void nima_knowledge_levels(struct nima_ctx *ctx, const struct nima_shelf *shelf,
                           const nima_str *texts, size_t count, const struct nima_pack_probe *probe,
                           struct nima_pack_levels *out);

/* turn.c */
nima_str nima_pack_line(struct nima_ctx *ctx, nima_str text); /* without line breaks */

/* switch.c: what this person decided, for all conversations and for one. */
struct nima_pack_choice {
    enum nima_pack_mode mode; /* AUTO: nothing decided */
    nima_str version;         /* pinned; absent: the highest */
    bool here;
};
struct nima_pack_choices;
NIMA_MUST_USE nima_rc nima_knowledge_choices(struct nima_ctx *ctx, struct nima_knowledge *k,
                                             nima_str conversation_id,
                                             struct nima_pack_choices **out);
struct nima_pack_choice nima_knowledge_choice(const struct nima_pack_choices *choices, nima_str id);
/* The version that the choice names; one that is gone or disabled gives way to `served`. */
struct nima_pack *nima_knowledge_chosen(struct nima_ctx *ctx, const struct nima_shelf *shelf,
                                        const struct nima_pack_choice *choice,
                                        struct nima_pack *served);

/* write.c: packs as files. */
NIMA_MUST_USE nima_rc nima_pack_id_check(struct nima_ctx *ctx, nima_str id);
struct nima_pack_draft {
    nima_str id, name, category, description, source;
    struct nima_pack_fact *facts;
    size_t count;
    struct nima_pack_texts topics;
};
/* Checked in a folder of its own, then renamed into place. */
NIMA_MUST_USE nima_rc nima_pack_write(struct nima_ctx *ctx, nima_str packs,
                                      const struct nima_pack_draft *draft,
                                      struct nima_pack_summary *out, nima_str *folder_out);
struct nima_pack_file {
    nima_str name, text;
};
NIMA_MUST_USE nima_rc nima_pack_place(struct nima_ctx *ctx, nima_str packs,
                                      const struct nima_pack_file *files, size_t count,
                                      struct nima_pack_summary *out, nima_str *folder_out);
