/* Dates that stand on the day of the message, and what stays as it was said. */
#include "memory/dates.h"
#include "support/test.h"
#include "util/clock.h"

struct form {
    const char *said_at, *fact, *dated;
};

/* Sunday, November 22, 2026 where no other day is meant. */
static const char *const sunday = "2026-11-22T12:00:00Z";

static const struct form forms[] = {
    {0, "The user moved yesterday", "The user moved on November 21, 2026"},
    {0, "The user is sick since yesterday", "The user is sick since November 21, 2026"},
    {0, "The user starts tomorrow", "The user starts on November 23, 2026"},
    {0, "The user moved the day before yesterday", "The user moved on November 20, 2026"},
    {0, "The user flies the day after tomorrow", "The user flies on November 24, 2026"},
    {0, "The user ran 10 km this morning", "The user ran 10 km on November 22, 2026"},
    {0, "The user flies tonight", "The user flies on November 22, 2026"},
    {0, "The user came home last night", "The user came home on November 21, 2026"},
    {0, "The user flies tomorrow morning", "The user flies on November 23, 2026"},
    {"2026-03-01T09:00:00Z", "The user moved yesterday", "The user moved on February 28, 2026"},
    {"2028-03-01T09:00:00Z", "The user moved yesterday", "The user moved on February 29, 2028"},
    {"2026-01-01T09:00:00Z", "The user quit yesterday", "The user quit on December 31, 2025"},
    {"2026-12-31T09:00:00Z", "The user starts tomorrow", "The user starts on January 1, 2027"},
    {0, "The user broke an arm three days ago", "The user broke an arm on November 19, 2026"},
    {0, "The user moved 2 weeks ago", "The user moved around November 8, 2026"},
    {0, "The user moved a month ago", "The user moved in October 2026"},
    {0, "The user moved 11 months ago", "The user moved in December 2025"},
    {0, "The user quit smoking three years ago", "The user quit smoking in 2023"},
    {0, "The user moved to Porto a year ago, alone", "The user moved to Porto in 2025, alone"},
    {0, "The user flies to Oslo in ten days", "The user flies to Oslo on December 2, 2026"},
    {0, "The user moves in two weeks", "The user moves around December 6, 2026"},
    {0, "The user's lease ends in a month", "The user's lease ends in December 2026"},
    {0, "The user will retire in 4 years", "The user will retire in 2030"},
    {"2026-12-30T09:00:00Z", "The user moves in two days", "The user moves on January 1, 2027"},
    {"2026-11-30T09:00:00Z", "The user moves in 2 months", "The user moves in January 2027"},
    {0, "The user moved last week", "The user moved in the week of November 9, 2026"},
    {0, "The user flies next week", "The user flies in the week of November 23, 2026"},
    {0, "The user moves this week", "The user moves in the week of November 16, 2026"},
    {"2026-11-23T12:00:00Z", "The user flies next week",
     "The user flies in the week of November 30, 2026"},
    {0, "The user started last month", "The user started in October 2026"},
    {"2026-01-15T12:00:00Z", "The user started last month", "The user started in December 2025"},
    {0, "The user starts next month", "The user starts in December 2026"},
    {"2026-12-15T12:00:00Z", "The user starts next month", "The user starts in January 2027"},
    {0, "The user retires next year", "The user retires in 2027"},
    {0, "The user ran a marathon last year", "The user ran a marathon in 2025"},
    {0, "The user wants to learn Go this year", "The user wants to learn Go in 2026"},
    {0, "The user moved last weekend", "The user moved on the weekend of November 14, 2026"},
    {"2026-11-25T12:00:00Z", "The user moved last weekend",
     "The user moved on the weekend of November 21, 2026"},
    {0, "The user was in Rome last summer", "The user was in Rome in the summer of 2026"},
    {"2026-07-10T12:00:00Z", "The user was in Rome last summer",
     "The user was in Rome in the summer of 2025"},
    {"2026-03-10T12:00:00Z", "The user was in Rome last summer",
     "The user was in Rome in the summer of 2025"},
    {0, "The user travels next summer", "The user travels in the summer of 2027"},
    {"2026-03-10T12:00:00Z", "The user travels next summer",
     "The user travels in the summer of 2026"},
    {0, "The user skied last winter", "The user skied in the winter of 2025/26"},
    {"2026-01-10T12:00:00Z", "The user skied last winter",
     "The user skied in the winter of 2024/25"},
    {0, "The user skis this winter", "The user skis in the winter of 2026/27"},
    {0, "The user lives in Porto since last spring",
     "The user lives in Porto since the spring of 2026"},
    {0, "The user moved last Monday", "The user moved on November 16, 2026"},
    {0, "The user moved last Sunday", "The user moved on November 15, 2026"},
    {0, "The user is on leave since Wednesday", "The user is on leave since November 18, 2026"},
    {0, "The user is away until Friday", "The user is away until November 27, 2026"},
    {0, "The user got a dog on Friday", "The user got a dog on November 20, 2026"},
    {0, "The user has an exam on Friday", "The user has an exam on November 27, 2026"},
    {0, "The user has an exam this Sunday", "The user has an exam on November 22, 2026"},
    {0, "The user lives in Porto since March", "The user lives in Porto since March 2026"},
    {0, "The user lives in Porto since December", "The user lives in Porto since December 2025"},
    {0, "The user lives in Porto since November", "The user lives in Porto since November 2026"},
    {0, "The user is abroad until March", "The user is abroad until March 2027"},
    {0, "The user got married in May", "The user got married in May 2026"},
    {0, "The user is getting married in May", "The user is getting married in May 2027"},
    {0, "The user turned vegan last December", "The user turned vegan in December 2025"},
    {0, "The user moves next January", "The user moves in January 2027"},
    {0, "The user's exam is on the 14th of December", "The user's exam is on December 14, 2026"},
    {0, "The user's exam is on March 5th", "The user's exam is on March 5, 2027"},
    {0, "The user moved on March 5", "The user moved on March 5, 2026"},
    {0, "The user moved on 30 November", "The user moved on November 30, 2025"},
    {"2027-01-10T12:00:00Z", "The user's exam is on February 29", NULL},
    {"2028-01-10T12:00:00Z", "The user's exam is on February 29",
     "The user's exam is on February 29, 2028"},
    {0, "The user was home last Christmas", "The user was home at Christmas 2025"},
    {"2026-12-28T12:00:00Z", "The user was home last Christmas",
     "The user was home at Christmas 2026"},
    /* not sure, or dated already */
    {0, "The user works on Friday", NULL},
    {0, "The user climbs on Fridays", NULL},
    {0, "The user lives in Porto since March 2019", NULL},
    {0, "The user's birthday is on March 5", NULL},
    {0, "The user was born in May", NULL},
    {0, "The user skis every winter", NULL},
    {0, "The user moves next weekend", NULL},
    {0, "The user moves next Friday", NULL},
    {0, "The user is 34 years old", NULL},
    {0, "The user has lived in Porto for three years", NULL},
    {0, "The user's daughter is called May", NULL},
    {0, "The user works in one of two teams", NULL},
    {0, "The user finished the race in two days", NULL},
    {0, "The user's exam is on the 31st of June", NULL},
    {0, "The user's team won 3 weeks in a row", NULL},
    {0, "", NULL},
};

TEST(dates_stand_by_themselves)
{
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        const struct form *form = &forms[i];
        int64_t ms;
        ASSERT_TRUE(nima_time_read(nima_str_of(form->said_at ? form->said_at : sunday), &ms));
        nima_str got = nima_memory_dates_absolute(&ctx, nima_str_of(form->fact), ms / 1000);
        ASSERT_STR_EQ(got, form->dated != NULL ? form->dated : form->fact);
    }
    nima_ctx_done(&ctx);
}

TEST_MAIN
