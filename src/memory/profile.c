#include "memory/profile.h"

#include <string.h>

#include "util/json.h"

enum { PREFERENCES_BYTES_MAX = 64 * 1024, VALUE_BYTES_MAX = 60 };

/* What of a fact goes where: the words behind one of the marks, for facts of this attribute. */
struct filling {
    const char *attribute; /* "language:" for all that begin so */
    const char *key;       /* of preferences; NULL: the profile's name */
    const char *marks[4];
    bool list;  /* several values, separated by commas */
    bool place; /* a name with capitals, and nothing behind it */
};

static const struct filling fillings[] = {
    {"name", NULL, {" is called ", " is "}, false, false},
    {"timezone", "time_zone", {" is "}, false, false},
    {"pronouns", "pronouns", {" are ", " is "}, false, false},
    {"native-language", "language", {" is "}, false, true},
    {"language:", "languages", {" speaks "}, true, true},
    {"home", "location", {" lives in ", " moved to ", " is based in "}, false, true},
};

/* "Porto" of "Porto since March 2026": words with capitals, and commas between them. */
static nima_str place_of(nima_str text)
{
    size_t end = 0;
    for (size_t at = 0; at < text.len;) {
        size_t word_end = nima_str_find(text, NIMA_STR(" "), at);
        word_end = word_end == SIZE_MAX ? text.len : word_end;
        unsigned char first = (unsigned char)text.ptr[at];
        if (!((first >= 'A' && first <= 'Z') || first >= 0xC3)) {
            break;
        }
        end = word_end;
        at = word_end + 1;
    }
    nima_str place = nima_str_sub(text, 0, end);
    return nima_str_ends(place, NIMA_STR(",")) ? nima_str_sub(place, 0, place.len - 1) : place;
}

static nima_str attribute_of(struct nima_ctx *ctx, const struct nima_fact *fact)
{
    const struct nima_json *tree;
    if (fact->metadata.len == 0 || nima_json_parse(ctx, fact->metadata, &tree) != NIMA_OK) {
        ctx->error = (struct nima_error){0};
        return (nima_str){0};
    }
    nima_str value = nima_json_str(nima_json_get(tree, "value"));
    bool ended = nima_str_starts(value, NIMA_STR("no longer"));
    return ended ? (nima_str){0} : nima_json_str(nima_json_get(tree, "attribute"));
}

/* Where the fact fills what in; NULL: nowhere. */
static const struct filling *filling_of(struct nima_ctx *ctx, const struct nima_fact *fact,
                                        nima_str *value_out)
{
    nima_str attribute = attribute_of(ctx, fact);
    bool of_user = nima_str_starts(fact->fact, NIMA_STR("The user "));
    of_user = of_user || nima_str_starts(fact->fact, NIMA_STR("The user's "));
    for (size_t i = 0; of_user && i < sizeof(fillings) / sizeof(fillings[0]); i++) {
        const struct filling *filling = &fillings[i];
        nima_str wanted = nima_str_of(filling->attribute);
        bool all = nima_str_ends(wanted, NIMA_STR(":"));
        if (attribute.ptr == NULL ||
            (all ? !nima_str_starts(attribute, wanted) : !nima_str_eq(attribute, wanted))) {
            continue;
        }
        for (size_t m = 0; m < 4 && filling->marks[m] != NULL; m++) {
            nima_str mark = nima_str_of(filling->marks[m]);
            size_t at = nima_str_find(fact->fact, mark, 0);
            if (at == SIZE_MAX) {
                continue;
            }
            nima_str value = nima_str_sub(fact->fact, at + mark.len, fact->fact.len);
            *value_out = filling->place ? place_of(value) : value;
            bool fits = value_out->len > 0 && value_out->len <= VALUE_BYTES_MAX;
            return fits ? filling : NULL;
        }
    }
    return NULL;
}

/* The list with the value at its end, or without it. */
static nima_str list_with(struct nima_ctx *ctx, nima_str list, nima_str value, bool in)
{
    nima_str out = NIMA_STR("");
    nima_str item;
    while (nima_str_next(&list, ',', &item)) {
        item = nima_str_trim(item);
        if (item.len > 0 && !nima_str_eq_nocase(item, value)) {
            out = nima_fmt(ctx, NIMA_FMT "%s" NIMA_FMT, NIMA_ARG(out), out.len > 0 ? ", " : "",
                           NIMA_ARG(item));
        }
    }
    return in ? nima_fmt(ctx, NIMA_FMT "%s" NIMA_FMT, NIMA_ARG(out), out.len > 0 ? ", " : "",
                         NIMA_ARG(value))
              : out;
}

/* The object with this key set; without it when the value is empty. */
static nima_rc object_with(struct nima_ctx *ctx, const struct nima_json *object, const char *key,
                           nima_str value, nima_str *out)
{
    struct nima_buf buf;
    nima_buf_init(&buf, PREFERENCES_BYTES_MAX);
    nima_buf_add_char(&buf, '{');
    for (size_t i = 0; i < nima_json_count(object); i++) {
        nima_str name;
        const struct nima_json *node = nima_json_at(object, i, &name);
        if (!nima_str_eq(name, nima_str_of(key))) {
            nima_buf_add(&buf, buf.len > 1 ? NIMA_STR(",") : NIMA_STR(""));
            nima_json_write_str(&buf, name);
            nima_buf_add_char(&buf, ':');
            nima_buf_add(&buf, nima_json_text(ctx, node));
        }
    }
    if (value.len > 0) {
        nima_buf_add(&buf, buf.len > 1 ? NIMA_STR(",") : NIMA_STR(""));
        nima_json_write_str(&buf, nima_str_of(key));
        nima_buf_add_char(&buf, ':');
        nima_json_write_str(&buf, value);
    }
    nima_buf_add_char(&buf, '}');
    nima_rc rc = nima_buf_take(ctx, &buf, out);
    nima_buf_done(&buf);
    return rc;
}

/* Puts the value in where nothing is, or takes it out where it is what stands there. */
static nima_rc change(struct nima_ctx *ctx, struct nima_profile *profile,
                      const struct filling *filling, nima_str value, bool in, bool *changed)
{
    if (filling->key == NULL) {
        bool there = nima_str_eq(profile->name, value);
        if (in ? profile->name.len == 0 : there) {
            profile->name = in ? value : (nima_str){0};
            *changed = true;
        }
        return NIMA_OK;
    }
    const struct nima_json *object;
    nima_str text = nima_str_trim(profile->preferences);
    NIMA_TRY(nima_json_parse(ctx, text.len > 0 ? text : NIMA_STR("{}"), &object));
    const struct nima_json *node = nima_json_get(object, filling->key);
    nima_str old = nima_json_str(node);
    if (nima_json_kind(object) != NIMA_JSON_OBJECT || (node != NULL && old.ptr == NULL)) {
        return NIMA_OK; /* the person's own, of another shape */
    }
    nima_str new = in ? value : (nima_str){0};
    if (filling->list) {
        new = list_with(ctx, old, value, in);
    } else if (in ? node != NULL : !nima_str_eq(old, value)) {
        return NIMA_OK;
    }
    if (!nima_str_eq(new, old) && (in || node != NULL)) {
        NIMA_TRY(object_with(ctx, object, filling->key, new, &profile->preferences));
        *changed = true;
    }
    return NIMA_OK;
}

nima_rc nima_memory_profile_learn(struct nima_ctx *ctx, struct nima_memory *memory,
                                  const struct nima_learned_list *learned)
{
    struct nima_profile profile = {0};
    bool loaded = false;
    bool changed = false;
    for (size_t i = 0; i < learned->count; i++) {
        nima_str value;
        const struct filling *filling = filling_of(ctx, &learned->items[i].fact, &value);
        if (filling == NULL) {
            continue;
        }
        if (!loaded) {
            NIMA_TRY(nima_profile_get(ctx, memory->store, &profile));
            loaded = true;
        }
        bool in = learned->items[i].event != NIMA_LEARNED_SUPERSEDED;
        NIMA_TRY(change(ctx, &profile, filling, value, in, &changed));
    }
    struct nima_profile stored;
    return changed ? nima_profile_put(ctx, memory->store, &profile, &stored) : NIMA_OK;
}

nima_rc nima_memory_profile_forget(struct nima_ctx *ctx, struct nima_memory *memory,
                                   const struct nima_fact *fact)
{
    nima_str value;
    bool changed = false;
    const struct filling *filling = filling_of(ctx, fact, &value);
    if (filling == NULL) {
        return NIMA_OK;
    }
    struct nima_profile profile;
    NIMA_TRY(nima_profile_get(ctx, memory->store, &profile));
    NIMA_TRY(change(ctx, &profile, filling, value, false, &changed));
    struct nima_profile stored;
    return changed ? nima_profile_put(ctx, memory->store, &profile, &stored) : NIMA_OK;
}
