#pragma once
/*
 * ids: UUIDs as sixteen bytes, and a map from them to row numbers, for the indexes in memory.
 *
 * Lifetime   Embedded: _init (zeroed) and _done.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/arena.h"
#include "util/str.h"

enum { NIMA_ID_BYTES = 16 };
struct nima_id_bytes {
    uint8_t bytes[NIMA_ID_BYTES];
};

/* False for what is no UUID. */
bool nima_memory_id_read(nima_str id, struct nima_id_bytes *out);
nima_str nima_memory_id_write(struct nima_arena *arena, const struct nima_id_bytes *id);

struct nima_id_map {
    struct nima_id_slot *slots; /* open addressing */
    size_t count, room;
};
struct nima_id_slot {
    struct nima_id_bytes id;
    uint32_t value; /* +1; 0: free */
};
void nima_memory_ids_done(struct nima_id_map *map);
/* UINT32_MAX when it is not there. */
uint32_t nima_memory_ids_get(const struct nima_id_map *map, const struct nima_id_bytes *id);
void nima_memory_ids_set(struct nima_id_map *map, const struct nima_id_bytes *id, uint32_t value);
size_t nima_memory_ids_bytes(const struct nima_id_map *map);
