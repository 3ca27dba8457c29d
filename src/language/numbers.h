#pragma once
/*
 * numbers: what is counted and measured, in digits and in words: "1.2k", "twelve hundred",
 * "half a dozen", "zwölf", "quatre-vingt", "5 kg", "1200 €", "1 hour 30 minutes", "1h30".
 *
 * As language.h: results in ctx->arena, offsets in bytes, nothing fails.
 */
#include "language/language.h"

enum nima_quantity_kind {
    NIMA_QUANTITY_NUMBER,   /* how many, of whatever word follows */
    NIMA_QUANTITY_ORDINAL,  /* "sixth", "5th", "1er" */
    NIMA_QUANTITY_MEASURE,  /* with a unit: "5 km", "20 %" */
    NIMA_QUANTITY_MONEY,    /* with a currency: "$40", "1200 euros" */
    NIMA_QUANTITY_DURATION, /* "half an hour": .duration */
};
/* Months and days are kept apart from seconds: their length depends on where they begin. */
struct nima_duration {
    int months, days;
    int64_t seconds;
};
struct nima_quantity {
    enum nima_quantity_kind kind;
    size_t from, end;
    double value;
    nima_str unit; /* as it was said ("km", "euros"); NUMBER: the word that follows, or absent */
    struct nima_duration duration;
    bool about; /* a few, about, several: a guess */
};
struct nima_quantities {
    struct nima_quantity *items; /* in the order of the text, none within another */
    size_t count;
};
void nima_language_quantities(struct nima_ctx *ctx, const struct nima_language *language,
                              nima_str text, struct nima_quantities *out);
/* The whole text is a number ("twelve hundred", "1.2k", "a couple"); false: it is none. */
bool nima_language_number(struct nima_ctx *ctx, const struct nima_language *language, nima_str text,
                          double *out);
/* The first duration in the text ("20 minute timer", "1 h 30"), and where it stands. */
bool nima_language_duration(struct nima_ctx *ctx, const struct nima_language *language,
                            nima_str text, struct nima_duration *out, struct nima_passage *where);
/* Of a duration counted from nowhere: months as 30 days. */
int64_t nima_duration_seconds(const struct nima_duration *duration);
