/* Time zones as people write them, to their IANA names. src/language/data/zones.txt: the names of
 * tzdata's zone.tab, one a line. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "language/language_int.h"
#include "language/when.h"
#include "util/embed.h"

NIMA_EMBEDDED(language);

enum { NAME_CHARS = 64, OFFSET_HOURS_MAX = 14 };

/* What is meant by it where people live, summer or not: "3pm EST" in July is New York's 3pm. */
static const char *const abbreviations[][2] = {
    {"utc", "UTC"},
    {"gmt", "UTC"},
    {"zulu", "UTC"},
    {"est", "America/New_York"},
    {"edt", "America/New_York"},
    {"et", "America/New_York"},
    {"cst", "America/Chicago"},
    {"cdt", "America/Chicago"},
    {"mst", "America/Denver"},
    {"mdt", "America/Denver"},
    {"pst", "America/Los_Angeles"},
    {"pdt", "America/Los_Angeles"},
    {"pt", "America/Los_Angeles"},
    {"hst", "Pacific/Honolulu"},
    {"akst", "America/Anchorage"},
    {"brt", "America/Sao_Paulo"},
    {"bst", "Europe/London"},
    {"wet", "Europe/Lisbon"},
    {"west", "Europe/Lisbon"},
    {"cet", "Europe/Berlin"},
    {"cest", "Europe/Berlin"},
    {"mez", "Europe/Berlin"},
    {"mesz", "Europe/Berlin"},
    {"eet", "Europe/Athens"},
    {"eest", "Europe/Athens"},
    {"msk", "Europe/Moscow"},
    {"ist", "Asia/Kolkata"},
    {"sgt", "Asia/Singapore"},
    {"jst", "Asia/Tokyo"},
    {"kst", "Asia/Seoul"},
    {"aest", "Australia/Sydney"},
    {"aedt", "Australia/Sydney"},
    {"awst", "Australia/Perth"},
    {"nzst", "Pacific/Auckland"},
    {"nzdt", "Pacific/Auckland"},
};
/* Other names of cities and lands with one zone. */
static const char *const places[][2] = {
    {"eastern", "America/New_York"},
    {"central", "America/Chicago"},
    {"mountain", "America/Denver"},
    {"pacific", "America/Los_Angeles"},
    {"new york city", "America/New_York"},
    {"nyc", "America/New_York"},
    {"san francisco", "America/Los_Angeles"},
    {"boston", "America/New_York"},
    {"washington", "America/New_York"},
    {"seattle", "America/Los_Angeles"},
    {"germany", "Europe/Berlin"},
    {"munich", "Europe/Berlin"},
    {"hamburg", "Europe/Berlin"},
    {"frankfurt", "Europe/Berlin"},
    {"cologne", "Europe/Berlin"},
    {"france", "Europe/Paris"},
    {"uk", "Europe/London"},
    {"england", "Europe/London"},
    {"britain", "Europe/London"},
    {"italy", "Europe/Rome"},
    {"milan", "Europe/Rome"},
    {"milano", "Europe/Rome"},
    {"roma", "Europe/Rome"},
    {"netherlands", "Europe/Amsterdam"},
    {"barcelona", "Europe/Madrid"},
    {"porto", "Europe/Lisbon"},
    {"lisboa", "Europe/Lisbon"},
    {"wien", "Europe/Vienna"},
    {"geneva", "Europe/Zurich"},
    {"basel", "Europe/Zurich"},
    {"rio", "America/Sao_Paulo"},
    {"rio de janeiro", "America/Sao_Paulo"},
    {"beijing", "Asia/Shanghai"},
    {"china", "Asia/Shanghai"},
    {"japan", "Asia/Tokyo"},
    {"india", "Asia/Kolkata"},
    {"mumbai", "Asia/Kolkata"},
    {"delhi", "Asia/Kolkata"},
    {"bangalore", "Asia/Kolkata"},
    {"kiev", "Europe/Kyiv"},
};

static nima_str in_table(const char *const table[][2], size_t count, nima_str folded)
{
    for (size_t i = 0; i < count; i++) {
        if (nima_str_eq(folded, nima_str_of(table[i][0]))) {
            return nima_str_of(table[i][1]);
        }
    }
    return (nima_str){NULL, 0};
}

/* "utc+2", "gmt -5", "+02:00", "utc+5:30": zones with whole hours, and a few others. */
static nima_str of_offset(struct nima_ctx *ctx, nima_str folded)
{
    static const struct {
        int minutes;
        const char *name;
    } halves[] = {{330, "Asia/Kolkata"}, {345, "Asia/Kathmandu"}, {570, "Australia/Darwin"},
                  {210, "Asia/Tehran"},  {270, "Asia/Kabul"},     {390, "Asia/Yangon"}};
    nima_str rest = folded;
    if (nima_str_starts(rest, NIMA_STR("utc")) || nima_str_starts(rest, NIMA_STR("gmt"))) {
        rest = nima_str_trim(nima_str_sub(rest, 3, rest.len));
    }
    bool west = rest.len > 0 && rest.ptr[0] == '-';
    if (rest.len < 2 || (!west && rest.ptr[0] != '+')) {
        return (nima_str){NULL, 0};
    }
    rest = nima_str_trim(nima_str_sub(rest, 1, rest.len));
    int64_t hours = 0, minutes = 0;
    nima_str hour = rest, tail = {NULL, 0};
    size_t colon = nima_str_find(rest, NIMA_STR(":"), 0);
    if (colon != SIZE_MAX) {
        hour = nima_str_sub(rest, 0, colon);
        tail = nima_str_sub(rest, colon + 1, rest.len);
    } else if (rest.len == 4) {
        hour = nima_str_sub(rest, 0, 2);
        tail = nima_str_sub(rest, 2, 4);
    }
    if (hour.len > 2 || !nima_str_to_i64(hour, &hours) || hours < 0 || hours > OFFSET_HOURS_MAX ||
        (tail.ptr != NULL && (tail.len != 2 || !nima_str_to_i64(tail, &minutes)))) {
        return (nima_str){NULL, 0};
    }
    if (minutes == 0) {
        return hours == 0 ? NIMA_STR("UTC")
                          : nima_fmt(ctx, "Etc/GMT%c%d", west ? '+' : '-', (int)hours);
    }
    for (size_t i = 0; !west && i < sizeof(halves) / sizeof(halves[0]); i++) {
        if (halves[i].minutes == hours * 60 + minutes) {
            return nima_str_of(halves[i].name);
        }
    }
    return (nima_str){NULL, 0};
}

/* Names and cities of tzdata, folded and sorted: made once. */
struct zone_key {
    char folded[NAME_CHARS];
    nima_str name;
};
enum { KEYS_MAX = 1200 };
static struct zone_key keys[KEYS_MAX];
static size_t key_count;
static pthread_once_t keys_made = PTHREAD_ONCE_INIT;

static void fold_name(nima_str name, char out[NAME_CHARS])
{
    size_t used = 0;
    for (size_t i = 0; i < name.len && used < NAME_CHARS - 1; i++) {
        char c = name.ptr[i];
        c = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
        out[used++] = c == '_' || c == '-' ? ' ' : c;
    }
    out[used] = '\0';
}

static int by_folded(const void *a, const void *b)
{
    return strcmp(((const struct zone_key *)a)->folded, ((const struct zone_key *)b)->folded);
}

static void make_keys(void)
{
    const struct nima_embedded *file =
        nima_embedded_find(nima_embedded_language, NIMA_STR("zones.txt"));
    nima_str rest = nima_embedded_data(file), line;
    while (nima_str_next(&rest, '\n', &line)) {
        size_t slash = line.len;
        while (slash > 0 && line.ptr[slash - 1] != '/') {
            slash--;
        }
        nima_assert(key_count + 2 <= KEYS_MAX);
        if (line.len > 0) {
            fold_name(line, keys[key_count].folded);
            keys[key_count++].name = line;
            fold_name(nima_str_sub(line, slash, line.len), keys[key_count].folded);
            keys[key_count++].name = line;
        }
    }
    qsort(keys, key_count, sizeof(keys[0]), by_folded);
}

/* "europe/berlin" whole, or the city behind the last slash. */
static nima_str of_tzdata(nima_str folded)
{
    struct zone_key wanted = {.name = folded};
    pthread_once(&keys_made, make_keys);
    fold_name(folded, wanted.folded);
    const struct zone_key *found = bsearch(&wanted, keys, key_count, sizeof(keys[0]), by_folded);
    return found != NULL ? found->name : (nima_str){NULL, 0};
}

nima_str nima_zone_abbreviation(struct nima_ctx *ctx, nima_str folded)
{
    nima_str found =
        in_table(abbreviations, sizeof(abbreviations) / sizeof(abbreviations[0]), folded);
    return found.ptr != NULL || folded.len < 5 ? found : of_offset(ctx, folded);
}

nima_str nima_when_zone_name(struct nima_ctx *ctx, nima_str said)
{
    if (said.len == 0 || said.len > NAME_CHARS) {
        return (nima_str){NULL, 0};
    }
    char folded[NAME_CHARS];
    for (size_t i = 0; i < said.len; i++) {
        char c = said.ptr[i];
        folded[i] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
    }
    nima_str low = nima_str_trim((nima_str){folded, said.len});
    nima_str found = in_table(abbreviations, sizeof(abbreviations) / sizeof(abbreviations[0]), low);
    found = found.ptr == NULL ? in_table(places, sizeof(places) / sizeof(places[0]), low) : found;
    found = found.ptr == NULL ? of_offset(ctx, low) : found;
    return found.ptr == NULL ? of_tzdata(low) : found;
}
