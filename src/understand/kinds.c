/* The table of kinds.def as rows, and the look-ups in it. */
#include "understand/understand.h"

#define NIMA_SLOT(id, text, kind_of, says)                                                         \
    [NIMA_SLOT_##id] = {.name = NIMA_STR_INIT(text),                                               \
                        .type = NIMA_SLOT_TYPE_##kind_of,                                          \
                        .doc = NIMA_STR_INIT(says)},
static const struct nima_slot_row slot_rows[NIMA_SLOTS] = {
#include "understand/kinds.def"
};

#define SLOTS(...)                                                                                 \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }
#define NO_SLOTS                                                                                   \
    {                                                                                              \
        {                                                                                          \
            .slot = NIMA_SLOT_NONE                                                                 \
        }                                                                                          \
    }
#define NEED(id)                                                                                   \
    {                                                                                              \
        .slot = NIMA_SLOT_##id, .required = true                                                   \
    }
#define MAY(id)                                                                                    \
    {                                                                                              \
        .slot = NIMA_SLOT_##id                                                                     \
    }
#define MANY(id)                                                                                   \
    {                                                                                              \
        .slot = NIMA_SLOT_##id, .required = true, .many = true                                     \
    }
#define SOME(id)                                                                                   \
    {                                                                                              \
        .slot = NIMA_SLOT_##id, .many = true                                                       \
    }

#define NIMA_KIND(id, text, whose, what_changes, its_slots, says)                                  \
    [NIMA_KIND_##id] = {.name = NIMA_STR_INIT(text),                                               \
                        .owner = NIMA_STR_INIT(whose),                                             \
                        .effect = NIMA_EFFECT_##what_changes,                                      \
                        .slots = its_slots,                                                        \
                        .doc = NIMA_STR_INIT(says)},
static const struct nima_kind_row kind_rows[NIMA_KINDS] = {
#include "understand/kinds.def"
};

const struct nima_kind_row *nima_kind_row(enum nima_kind kind)
{
    nima_assert(kind < NIMA_KINDS);
    return &kind_rows[kind];
}

const struct nima_slot_row *nima_slot_row(enum nima_slot slot)
{
    nima_assert(slot < NIMA_SLOTS);
    return &slot_rows[slot];
}

bool nima_kind_by_name(nima_str name, enum nima_kind *out)
{
    for (int i = 0; i < NIMA_KINDS; i++) {
        if (nima_str_eq(kind_rows[i].name, name)) {
            *out = (enum nima_kind)i;
            return true;
        }
    }
    return false;
}

bool nima_slot_by_name(nima_str name, enum nima_slot *out)
{
    for (int i = NIMA_SLOT_NONE + 1; i < NIMA_SLOTS; i++) {
        if (nima_str_eq(slot_rows[i].name, name)) {
            *out = (enum nima_slot)i;
            return true;
        }
    }
    return false;
}

const char *nima_effect_name(enum nima_effect effect)
{
    static const char *const names[] = {"talk", "ask", "own", "outside"};
    return names[effect];
}

const char *nima_slot_type_name(enum nima_slot_type type)
{
    static const char *const names[] = {"text", "when", "duration", "number", "path"};
    return names[type];
}

const char *nima_sureness_name(enum nima_sureness sure)
{
    static const char *const names[] = {"talk", "ask", "do"};
    return names[sure];
}

const struct nima_slot_value *nima_act_slot(const struct nima_act *act, enum nima_slot slot)
{
    for (size_t i = 0; i < act->slot_count; i++) {
        if (act->slots[i].slot == slot) {
            return &act->slots[i];
        }
    }
    return NULL;
}

nima_str nima_act_text(const struct nima_act *act, enum nima_slot slot)
{
    const struct nima_slot_value *value = nima_act_slot(act, slot);
    return value != NULL ? value->text : (nima_str){0};
}

bool nima_act_counts(const struct nima_act *act)
{
    return act->sure != NIMA_SURE_TALK && nima_kind_row(act->kind)->effect != NIMA_EFFECT_TALK;
}
