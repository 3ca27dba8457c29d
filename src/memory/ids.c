#include "memory/ids.h"

#include <stdlib.h>
#include <string.h>

#include "util/uuid.h"

enum { MAP_FIRST = 64 };

static int hex_value(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

bool nima_memory_id_read(nima_str id, struct nima_id_bytes *out)
{
    size_t digits = 0;
    for (size_t i = 0; i < id.len; i++) {
        int value = hex_value(id.ptr[i]);
        if (id.ptr[i] == '-') {
            continue;
        }
        if (value < 0 || digits == 2 * NIMA_ID_BYTES) {
            return false;
        }
        uint8_t *byte = &out->bytes[digits / 2];
        *byte = (uint8_t)(digits % 2 == 0 ? value << 4 : *byte | value);
        digits++;
    }
    return digits == 2 * NIMA_ID_BYTES;
}

nima_str nima_memory_id_write(struct nima_arena *arena, const struct nima_id_bytes *id)
{
    static const char digits[] = "0123456789abcdef";
    char *text = nima_alloc(arena, NIMA_UUID_CHARS + 1);
    size_t at = 0;
    for (size_t i = 0; i < NIMA_ID_BYTES; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            text[at++] = '-';
        }
        text[at++] = digits[id->bytes[i] >> 4];
        text[at++] = digits[id->bytes[i] & 15];
    }
    return (nima_str){text, at};
}

void nima_memory_ids_done(struct nima_id_map *map)
{
    free(map->slots);
    *map = (struct nima_id_map){0};
}

/* The id's place, or the free one where it belongs. */
static struct nima_id_slot *slot_of(const struct nima_id_map *map, const struct nima_id_bytes *id)
{
    size_t at = (size_t)nima_str_hash((nima_str){(const char *)id->bytes, NIMA_ID_BYTES});
    at = (at ^ at >> 32) & (map->room - 1);
    while (map->slots[at].value != 0 &&
           memcmp(map->slots[at].id.bytes, id->bytes, NIMA_ID_BYTES) != 0) {
        at = (at + 1) & (map->room - 1);
    }
    return &map->slots[at];
}

uint32_t nima_memory_ids_get(const struct nima_id_map *map, const struct nima_id_bytes *id)
{
    return map->room > 0 ? slot_of(map, id)->value - 1 : UINT32_MAX;
}

static void grow(struct nima_id_map *map)
{
    struct nima_id_map old = *map;
    map->room = old.room > 0 ? old.room * 2 : MAP_FIRST;
    map->slots = NIMA_XNEW(struct nima_id_slot, map->room);
    for (size_t i = 0; i < old.room; i++) {
        if (old.slots[i].value != 0) {
            *slot_of(map, &old.slots[i].id) = old.slots[i];
        }
    }
    free(old.slots);
}

void nima_memory_ids_set(struct nima_id_map *map, const struct nima_id_bytes *id, uint32_t value)
{
    if ((map->count + 1) * 4 > map->room * 3) {
        grow(map);
    }
    struct nima_id_slot *slot = slot_of(map, id);
    map->count += slot->value == 0;
    *slot = (struct nima_id_slot){*id, value + 1};
}

size_t nima_memory_ids_bytes(const struct nima_id_map *map)
{
    return map->room * sizeof(*map->slots);
}
