#include "language/language.h"

#include "language/numbers.h"
#include "support/test.h"

static struct nima_ctx ctx;

static nima_str folds(const char *text)
{
    struct nima_tokens tokens;
    nima_str out = NIMA_STR("");
    nima_language_tokens(&ctx, nima_str_of(text), &tokens);
    for (size_t i = 0; i < tokens.count; i++) {
        out = nima_fmt(&ctx, NIMA_FMT "%s" NIMA_FMT, NIMA_ARG(out), i > 0 ? "|" : "",
                       NIMA_ARG(tokens.items[i].fold));
    }
    return out;
}

TEST(words_are_found_whatever_stands_between_them)
{
    nima_ctx_init(&ctx);
    ASSERT_STR_EQ(folds("a\xc2\xa0"
                        "b\xe2\x80\xaf"
                        "c\xe3\x80\x80"
                        "d\te"),
                  "a|b|c|d|e");
    ASSERT_STR_EQ(folds("\xe2\x80\x8f"
                        "call\xe2\x80\x8b"
                        "ed"),
                  "called"); /* RLM and zero width */
    ASSERT_STR_EQ(folds("don\xe2\x80\x99t o\xc2\xb4"
                        "clock it\xca\xbcs"),
                  "don't|o'clock|it's");
    ASSERT_STR_EQ(folds("Z\xc3\xbcrich ma\xc3\xb1"
                        "ana \xef\xac\x81t Stra\xc3\x9f"
                        "e"),
                  "zurich|manana|fit|strasse");
    ASSERT_STR_EQ(folds("twenty-one 6pm 1h30 18:30, 24.12."),
                  "twenty|one|6|pm|1|h|30|18:30|,|24.12|.");
    ASSERT_STR_EQ(folds("\xe4\xbd\xa0\xe5\xa5\xbd \xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x91\xa9"),
                  "\xe4\xbd\xa0|\xe5\xa5\xbd|\xf0\x9f\x91\xa8\xf0\x9f\x91\xa9"); /* one family */
    ASSERT_STR_EQ(folds("\xff\xfe a"), "\xef\xbf\xbd|\xef\xbf\xbd|a");
    ASSERT_STR_EQ(folds(""), "");
    nima_ctx_done(&ctx);
}

static nima_str parts(const char *text, bool clauses)
{
    struct nima_passages found;
    nima_str out = NIMA_STR("");
    if (clauses) {
        nima_language_clauses(&ctx, nima_language_get(NIMA_STR("en")), nima_str_of(text), &found);
    } else {
        nima_language_sentences(&ctx, nima_str_of(text), &found);
    }
    for (size_t i = 0; i < found.count; i++) {
        nima_str part = nima_str_sub(nima_str_of(text), found.items[i].from, found.items[i].end);
        out =
            nima_fmt(&ctx, NIMA_FMT "%s" NIMA_FMT, NIMA_ARG(out), i > 0 ? "|" : "", NIMA_ARG(part));
    }
    return out;
}

TEST(sentences_and_clauses)
{
    nima_ctx_init(&ctx);
    ASSERT_STR_EQ(
        parts("I live in Lisbon.I work at home. Dr. Lee came at 5 p.m. today! ok? yes", false),
        "I live in Lisbon.|I work at home.|Dr. Lee came at 5 p.m. today!|ok?|yes");
    ASSERT_STR_EQ(parts("one\ntwo 1.5 km, e.g. here", false), "one|two 1.5 km, e.g. here");
    ASSERT_STR_EQ(parts("buy milk and call Ana, then sleep", true), "buy milk|call Ana|sleep");
    nima_ctx_done(&ctx);
}

static nima_str language_of(const char *text, const char *before)
{
    return nima_language_code(nima_language_identify(
        &ctx, nima_str_of(text), before != NULL ? nima_language_get(nima_str_of(before)) : NULL));
}

TEST(languages_are_told_apart)
{
    static const struct {
        const char *text, *code;
    } cases[] = {{"remind me to call Ana tomorrow", "en"},
                 {"Erinnere mich morgen daran, Ana anzurufen", "de"},
                 {"Ich habe heute keine Zeit, weil ich arbeiten muss", "de"},
                 {"rappelle-moi d'appeler Ana demain", "fr"},
                 {"je voudrais une liste pour les courses", "fr"},
                 {"recu\xc3\xa9rdame llamar a Ana ma\xc3\xb1"
                  "ana",
                  "es"},
                 {"tengo dos hermanas y un perro", "es"},
                 {"ricordami di chiamare Ana domani", "it"},
                 {"lembra-me de ligar \xc3\xa0 Ana amanh\xc3\xa3", "pt"},
                 {"n\xc3\xa3o quero mais caf\xc3\xa9 hoje", "pt"},
                 {"herinner me eraan om Ana morgen te bellen", "nl"},
                 {"ik woon in Utrecht en heb een hond", "nl"}};
    nima_ctx_init(&ctx);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        nima_str code = language_of(cases[i].text, NULL);
        if (!nima_str_eq(code, nima_str_of(cases[i].code))) {
            fail_msg("\"%s\" is " NIMA_FMT, cases[i].text, NIMA_ARG(code));
        }
    }
    ASSERT_STR_EQ(language_of("Ana", "de"), "de"); /* too little to tell */
    ASSERT_STR_EQ(language_of("", "fr"), "fr");
    ASSERT_TRUE(nima_language_get(NIMA_STR("pt-BR")) == nima_language_get(NIMA_STR("pt")));
    ASSERT_TRUE(nima_language_get(NIMA_STR("xx")) == NULL);
    nima_ctx_done(&ctx);
}

TEST(numbers_in_words_and_digits)
{
    static const struct {
        const char *code, *text;
        double value;
    } cases[] = {{"en", "twelve hundred", 1200},
                 {"en", "1.2k", 1200},
                 {"en", "two thousand and five", 2005},
                 {"en", "one million two hundred thousand", 1200000},
                 {"en", "half a dozen", 6},
                 {"en", "a couple", 2},
                 {"en", "twenty-one", 21},
                 {"en", "three and a half", 3.5},
                 {"en", "1,200.50", 1200.5},
                 {"en", "1,200", 1200},
                 {"de", "zw\xc3\xb6lf", 12},
                 {"de", "einundzwanzig", 21},
                 {"de", "zweihundertf\xc3\xbcnfunddrei\xc3\x9fig", 235},
                 {"de", "dreitausend", 3000},
                 {"de", "1.200,50", 1200.5},
                 {"de", "1.200", 1200},
                 {"de", "anderthalb", 1.5},
                 {"fr", "quatre-vingt", 80},
                 {"fr", "quatre-vingt-dix-sept", 97},
                 {"fr", "soixante et onze", 71},
                 {"fr", "vingt et un", 21},
                 {"fr", "deux cent trente", 230},
                 {"fr",
                  "12\xe2\x80\xaf"
                  "000",
                  12000},
                 {"es", "treinta y cinco", 35},
                 {"es", "mil doscientos", 1200},
                 {"es", "media docena", 6},
                 {"it", "trentacinque", 35},
                 {"it", "duecento", 200},
                 {"it", "ventotto", 28},
                 {"pt", "vinte e cinco", 25},
                 {"pt", "meia d\xc3\xbazia", 6},
                 {"nl", "eenentwintig", 21},
                 {"nl", "vijfendertig", 35},
                 {"nl", "anderhalf", 1.5}};
    nima_ctx_init(&ctx);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        double value = -1;
        bool ok = nima_language_number(&ctx, nima_language_get(nima_str_of(cases[i].code)),
                                       nima_str_of(cases[i].text), &value);
        if (!ok || value != cases[i].value) {
            fail_msg("%s \"%s\" is %f", cases[i].code, cases[i].text, value);
        }
    }
    nima_ctx_done(&ctx);
}

TEST(quantities_with_their_units)
{
    struct nima_quantities q;
    nima_ctx_init(&ctx);
    const struct nima_language *en = nima_language_get(NIMA_STR("en"));
    nima_language_quantities(&ctx, en, NIMA_STR("I saved $1200 so far, ran 5 km, my sixth book"),
                             &q);
    ASSERT_INT_EQ(q.count, 3);
    ASSERT_TRUE(q.items[0].kind == NIMA_QUANTITY_MONEY && q.items[0].value == 1200);
    ASSERT_STR_EQ(q.items[0].unit, "$");
    ASSERT_TRUE(q.items[1].kind == NIMA_QUANTITY_MEASURE && q.items[1].value == 5);
    ASSERT_STR_EQ(q.items[1].unit, "km");
    ASSERT_TRUE(q.items[2].kind == NIMA_QUANTITY_ORDINAL && q.items[2].value == 6);
    nima_language_quantities(&ctx, en, NIMA_STR("1 hour 30 minutes and 2 eggs, 40 euros, 1h30"),
                             &q);
    ASSERT_INT_EQ(q.count, 4);
    ASSERT_TRUE(q.items[0].kind == NIMA_QUANTITY_DURATION && q.items[0].value == 5400);
    ASSERT_TRUE(q.items[1].kind == NIMA_QUANTITY_NUMBER);
    ASSERT_STR_EQ(q.items[1].unit, "eggs");
    ASSERT_TRUE(q.items[2].kind == NIMA_QUANTITY_MONEY);
    ASSERT_TRUE(q.items[3].kind == NIMA_QUANTITY_DURATION && q.items[3].value == 5400);
    struct nima_duration duration;
    struct nima_passage where;
    ASSERT_TRUE(nima_language_duration(&ctx, en, NIMA_STR("a 20 minute timer"), &duration, &where));
    ASSERT_INT_EQ(nima_duration_seconds(&duration), 1200);
    nima_ctx_done(&ctx);
}

TEST_MAIN
