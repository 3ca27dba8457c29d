#pragma once
/*
 * talk_int: the rows of talk.h, for talk.c, which keeps them, and talk_rank.c, which ranks them.
 */
#include "memory/ids.h"
#include "memory/talk.h"
#include "search/bm25.h"
#include "search/rows.h"

enum {
    NIMA_TALK_NONE = UINT32_MAX,
    NIMA_SPEAKER_USER = 0, /* without a name of their own */
    NIMA_SPEAKER_ASSISTANT = 1,
    NIMA_SPEAKER_NAMED = 2, /* and those that follow: by name */
    NIMA_SPEAKER_TERMS_MAX = 4,
};

struct nima_talk_row {
    struct nima_id_bytes id;
    uint32_t before, after; /* rows of the same session, or NIMA_TALK_NONE */
    uint32_t session, conversation;
    uint32_t position;
    int64_t said_ms;
    uint32_t said; /* hash of its terms in their order: what is said again */
    float content; /* ln(1 + the weight of its words), how much there is in it */
    uint32_t speaker;
    struct nima_day day;
    struct nima_told told;
    bool superseded;
};
struct nima_talk_speaker {
    char *name;
    uint64_t terms[NIMA_SPEAKER_TERMS_MAX]; /* of the name */
    size_t term_count;
};
struct nima_talk_conversation {
    uint32_t last_row; /* NIMA_TALK_NONE: none is known */
};
struct nima_talk {
    struct nima_rows rows;
    struct nima_bm25 bm25; /* knows which rows live */
    struct nima_talk_row *messages;
    size_t count, room;
    struct nima_id_map ids, conversation_ids;
    struct nima_talk_conversation *conversations;
    size_t conversation_count, conversation_room;
    struct nima_talk_speaker *speakers; /* the named ones */
    size_t speaker_count;
    size_t session_count;
    size_t settled; /* rows when the contents were last weighed */
    bool wrong;     /* a change it cannot take in */
    char *model;
};

static inline bool nima_talk_lives(const struct nima_talk *talk, size_t row)
{
    return talk->bm25.lengths[row] != NIMA_BM25_DEAD;
}
